"""The ASGI application: bytes in, route, pipeline, bytes out. The only module that speaks ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from ostiary.api.codec import encode_auth_required, encode_error
from ostiary.api.errors import LimitExceeded, MatrixError, TooLarge, Unknown
from ostiary.api.uia import AuthRequired
from ostiary.server.addresses import ClientAddresses
from ostiary.server.context import Incoming
from ostiary.server.failures import Failures
from ostiary.server.pipeline import answer, needs_body
from ostiary.server.routes import Routes, WrongMethod
from ostiary.server.services import Services

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

ALWAYS: Final[tuple[Header, ...]] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"X-Requested-With, Content-Type, Authorization"),
)
"""On every answer, errors too: the web's rules for calls across origins, as the spec words them."""

CLOSE: Final[Header] = (b"connection", b"close")


class _Gone(Exception):
    """The client has gone away before its request was whole."""


class App:
    """Answers HTTP. ``max_body_bytes``: of a request; ``body_timeout_ms``: until its body must be there."""

    def __init__(
        self,
        routes: Routes,
        services: Services,
        failures: Failures,
        addresses: ClientAddresses,
        *,
        max_body_bytes: int,
        body_timeout_ms: int,
    ) -> None:
        self._routes = routes
        self._services = services
        self._failures = failures
        self._addresses = addresses
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Anything but HTTP is not served."""
        if scope["type"] != "http":
            return
        method: str = scope["method"]
        if method == "OPTIONS":
            await _send(send, 200, b"{}")
            return
        extra: Iterable[Header] = ()
        try:
            status, body = await self._answer(method, scope, receive)
        except MatrixError as error:
            status, body, extra = error.status, encode_error(error), _headers_of(error)
            self._failures.refused(method, scope["path"], error)
        except AuthRequired as question:
            status, body = question.status, encode_auth_required(question)
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001 - a bug: told to the log, not to the client
            status, body = 500, encode_error(self._failures.failed(method, scope["path"], error))
        await _send(send, status, body, extra)

    async def _answer(self, method: str, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        route, arguments = self._routes.find(method, scope["raw_path"])
        incoming = self._read_head(scope, arguments)
        if needs_body(route):
            incoming.body = await self._read_body(receive)
        return await answer(route, incoming, self._services)

    def _read_head(self, scope: Scope, arguments: Mapping[str, str]) -> Incoming:
        """What the headers say. Refuses a body that is announced too large, so that none of it is read."""
        headers = dict(scope["headers"])
        incoming = Incoming(
            arguments,
            scope["query_string"],
            headers.get(b"authorization"),
            headers.get(b"user-agent", b""),
            (scope["client"] or ("",))[0],
            headers.get(b"accept-language", b""),
        )
        if b"x-forwarded-for" in headers:
            hops = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            incoming.address = self._addresses.of(incoming.address, b",".join(hops))
        if scope["http_version"] == "1.1" and b"host" not in headers:
            raise Unknown("The request has no Host header", status=400)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise TooLarge(f"A request has at most {self._max_body_bytes} bytes")
        return incoming

    async def _read_body(self, receive: Receive) -> bytes:
        chunks = []
        size = 0
        try:
            async with asyncio.timeout(self._body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    chunk: bytes = message.get("body", b"")
                    size += len(chunk)
                    if size > self._max_body_bytes:
                        raise TooLarge(f"A request has at most {self._max_body_bytes} bytes")
                    chunks.append(chunk)
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise Unknown("The body did not arrive in time", status=408) from None


def _headers_of(error: MatrixError) -> list[Header]:
    headers: list[Header] = []
    if isinstance(error, LimitExceeded) and error.retry_after_ms is not None:
        headers.append((b"retry-after", str(-(-error.retry_after_ms // 1000)).encode()))
    if isinstance(error, WrongMethod):
        headers.append((b"allow", ", ".join([*error.allowed, "OPTIONS"]).encode()))
    if isinstance(error, TooLarge) or error.status == 408:
        headers.append(CLOSE)  # what is left of the body is not read
    return headers


async def _send(send: Send, status: int, body: bytes, extra: Iterable[Header] = ()) -> None:
    headers = [*ALWAYS, (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
