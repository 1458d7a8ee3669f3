"""One request on a connection and its answer, as ASGI has it: what the application receives, and what it sends.

An answer is one message of a head and one or more of a body whose length the head says; head and first part leave
together. Used by ``protocol`` alone.
"""

import asyncio
from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol

Scope = MutableMapping[str, Any]

STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}

CONTINUE: Final = STATUS_LINES[HTTPStatus.CONTINUE] + b"\r\n"

HIGH_WATER_BYTES: Final = 65_536
"""Of a body, beyond which no more is read until the application takes what there is."""


class Connection(Protocol):
    """What an exchange needs of its connection."""

    transport: asyncio.Transport

    @property
    def is_ending(self) -> bool:
        """Whether no request comes after this one."""
        ...

    def finished(self, exchange: "Exchange", *, closes: bool) -> None:
        """The answer has been written."""
        ...

    def read(self, wanted: bool) -> None:
        """Whether more is to be read now."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read enough of what was written."""
        ...


class Exchange:
    """A request and its answer.

    ``is_whole``: the request's last byte is there. ``is_answered``: so is the answer's. ``is_lost``: nobody
    waits for it.
    """

    __slots__ = (
        "_buffered", "_connection", "_expects_continue", "_has_told_end", "_head", "_keeps_alive", "_left", "_parts",
        "_waiter", "is_answered", "is_lost", "is_whole", "scope", "task",
    )  # fmt: skip

    def __init__(self, connection: Connection, scope: Scope, *, keeps_alive: bool, expects_continue: bool) -> None:
        self.scope = scope
        self.task: asyncio.Task[None] | None = None
        self.is_whole = False
        self.is_answered = False
        self.is_lost = False
        self._connection = connection
        self._keeps_alive = keeps_alive
        self._expects_continue = expects_continue
        self._parts: list[bytes] = []
        self._buffered = 0
        self._has_told_end = False
        self._head: bytes | None = None
        self._left = -1
        self._waiter: asyncio.Future[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there is a part of the answer."""
        return self._head is not None

    # --- From the connection

    def take(self, part: bytes) -> None:
        """A part of the body has come."""
        self._parts.append(part)
        self._buffered += len(part)
        if self._buffered > HIGH_WATER_BYTES:
            self._connection.read(False)
        self._wake()

    def take_end(self) -> None:
        """The body is whole."""
        self.is_whole = True
        self._wake()

    def lose_client(self) -> None:
        """The connection is gone."""
        self.is_lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- To the application

    async def receive(self) -> Mapping[str, Any]:
        """The next part of the body; behind its end, that the client has gone or been answered, once that is so."""
        if self._expects_continue and not (self.is_whole or self.has_begun):
            self._expects_continue = False
            self._connection.transport.write(CONTINUE)
        while not (self._parts or (self.is_whole and not self._has_told_end) or self.is_lost or self.is_answered):
            if not self.is_whole:
                self._connection.read(True)
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self.is_lost or self.is_answered:
            return {"type": "http.disconnect"}
        body = b"".join(self._parts)
        self._parts.clear()
        self._buffered = 0
        self._has_told_end = self.is_whole
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Mapping[str, Any]) -> None:
        """A part of the answer: its head, then its body."""
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        if self._head is None or self.is_answered:
            raise RuntimeError("a body belongs behind one head")
        await self._connection.drained()
        body: bytes = message.get("body", b"")
        self._left -= len(body)
        is_end = not message.get("more_body", False)
        if self._left < 0 or (is_end and self._left):
            raise RuntimeError("the body is not as long as the head says")
        if not self.is_lost:
            self._connection.transport.write(self._head if self.scope["method"] == "HEAD" else self._head + body)
        self._head = b""
        if is_end:
            self.is_answered = True
            self._wake()
            self._connection.finished(self, closes=not self._keeps_alive)

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._head is not None:
            raise RuntimeError("an answer has one head")
        lines = [STATUS_LINES[status]]
        for name, value in headers:
            if name == b"content-length":
                self._left = int(value)
            elif name == b"connection" and value == b"close":
                self._keeps_alive = False
                continue
            lines.append(_line(name, value))
        if not self._keeps_alive or self._connection.is_ending:
            self._keeps_alive = False
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)


@lru_cache(maxsize=1024)  # most headers are on every answer
def _line(name: bytes, value: bytes) -> bytes:
    """A header on its way. Raises RuntimeError for one that would be two."""
    line = b"%b: %b" % (name, value)
    if b"\n" in line or b"\r" in line or b"\0" in line:
        raise RuntimeError("a header has a line's end in it")
    return line + b"\r\n"
