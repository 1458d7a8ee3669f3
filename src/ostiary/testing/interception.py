"""Stands before a test's server: notes each request, and spoils those that a test wants spoiled.

An ASGI wrapper that must not know what it wraps. A path is named in full or, as in ``/login``, without what comes
before it (``/_matrix/client/v3``); ``*`` stands for anything.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import parse_qsl

from ostiary.api.secret import HIDDEN

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

ABORT: Final = "org.ostiary.abort"
"""The extension of a scope that ends its connection without an answer; only where there is a connection."""

_PREFIX: Final = re.compile(r"/_matrix/client/(?:api/v1|v2_alpha|unstable|r0|v\d+)(?=/)")
_SECRET: Final = re.compile(r".*(?:token|secret|session|password).*|sid", re.IGNORECASE)
"""Names of a query's parameters whose values are not kept."""


@dataclass(frozen=True)
class Recorded:
    """A request that came in. ``status`` None: it was not answered. ``query``: with the values of secrets hidden."""

    method: str
    path: str
    status: int | None
    query: dict[str, str] = field(default_factory=dict)


@dataclass
class _Fault:
    pattern: str
    method: str | None
    left: int
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    drops: bool = False
    handles: bool = False

    def is_for(self, method: str, path: str) -> bool:
        wanted = method != "OPTIONS" if self.method is None else method == self.method
        return wanted and self.left > 0 and is_named(path, self.pattern)


def is_named(path: str, pattern: str) -> bool:
    """Whether a pattern names a path."""
    return fnmatchcase(path, pattern) or fnmatchcase(_PREFIX.sub("", path), pattern)


class Interception:
    """The wrapper. ``app``: what it stands before. ``recorded``: the requests, in the order of their answers."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._faults: list[_Fault] = []
        self.recorded: list[Recorded] = []

    def fail(
        self,
        path: str,
        *,
        status: int,
        errcode: str,
        error: str,
        times: int,
        method: str | None,
        fields: dict[str, Any],
    ) -> None:
        """Answer the next requests to a path with an error."""
        body = json.dumps({"errcode": errcode, "error": error, **fields}).encode()
        headers = [(b"content-type", b"application/json"), (b"access-control-allow-origin", b"*")]
        if isinstance(wait_ms := fields.get("retry_after_ms"), int):
            headers.append((b"retry-after", str(-(-wait_ms // 1000)).encode()))
        self._faults.append(_Fault(path, method, times, status, body, tuple(headers)))

    def drop(self, path: str, *, times: int, method: str | None, handled: bool) -> None:
        """Do not answer the next requests to a path; ``handled``: but do what they ask for."""
        self._faults.append(_Fault(path, method, times, drops=True, handles=handled))

    def heal(self) -> None:
        """Spoil nothing any longer."""
        self._faults.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_noted = False

        def note(status: int | None) -> None:
            nonlocal is_noted
            if not is_noted:
                is_noted = True
                self.recorded.append(_recorded(scope, status))

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])  # before anybody can have read the answer
            await send(message)

        fault = self._take(scope["method"], scope["path"])
        try:
            if fault is None:
                await self._app(scope, receive, noting)
            elif fault.drops:
                await self._drop(fault, scope, receive, note)
            else:
                await _refuse(fault, receive, noting)
        finally:
            note(None)

    def _take(self, method: str, path: str) -> _Fault | None:
        for fault in self._faults:
            if fault.is_for(method, path):
                fault.left -= 1
                return fault
        return None

    async def _drop(
        self, fault: _Fault, scope: Scope, receive: Receive, note: Callable[[int | None], None]
    ) -> None:  # fmt: skip
        if fault.handles:
            await self._app(scope, receive, _unheard)
        else:
            await read_body(receive)
        note(None)
        abort = scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort()
            while (await receive())["type"] != "http.disconnect":
                pass


def _recorded(scope: Scope, status: int | None) -> Recorded:
    said = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = {name: HIDDEN if _SECRET.fullmatch(name) else value for name, value in said}
    return Recorded(scope["method"], scope["path"], status, query)


async def _unheard(_message: Message) -> None:
    """What was answered, lost on its way."""


async def _refuse(fault: _Fault, receive: Receive, send: Send) -> None:
    await read_body(receive)
    headers = [*fault.headers, (b"content-length", b"%d" % len(fault.body))]
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": fault.body})


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to whoever asks whether the application has started."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
