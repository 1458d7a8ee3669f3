"""The ASGI application: bytes in, route, pipeline, bytes out. The only module that speaks ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Final

from ostiary.accounts.ports import StoreUnavailable
from ostiary.api.codec import encode_auth_required, encode_error
from ostiary.api.errors import LimitExceeded, MatrixError, TooLarge, Unknown, Unrecognized
from ostiary.api.uia import AuthRequired
from ostiary.server.addresses import ClientAddresses, address_of
from ostiary.server.context import Incoming
from ostiary.server.failures import Failures
from ostiary.server.health import HEALTH, HEALTH_PATH, Health
from ostiary.server.observing import NO_ENDPOINT, NO_PATH, Observed, Observer
from ostiary.server.pipeline import answer, needs_body
from ostiary.server.request_ids import CURRENT, HEADER, Handled, RequestIds
from ostiary.server.routes import Route, Routes, WrongMethod
from ostiary.server.services import Services
from ostiary.server.web.routes import Place, answer_page, find_place, refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

ALWAYS: Final[tuple[Header, ...]] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"X-Requested-With, Content-Type, Authorization"),
)
"""On every answer, errors too: the web's rules for calls across origins, as the spec words them; that nobody keeps an
answer, which may hold tokens; and that no browser takes it for a page, whatever a user has written into it."""

FIRST_ERROR: Final = 400
GONE: Final = 499
"""Noted where the client went away before its request was whole; nobody is answered so."""

STORE_RETRY_AFTER_S: Final = b"1"
"""What a client is told to wait while the store is away: most often it is back as soon as it was restarted."""

PAGE: Final = "page"
"""What all pages are noted as."""

ONCE: Final = (b"host", b"authorization", b"origin", b"sec-fetch-site")
"""Headers that say something once or not at all. (Of the body's length the parser sees to that.)"""

CLOSE: Final[Header] = (b"connection", b"close")


class _Gone(Exception):
    """The client has gone away before its request was whole."""


@dataclass(slots=True)
class _Reply:
    """What is answered where it is no success of the API. ``body`` None: nobody is there to read it.

    ``always``: the headers that all answers of the kind have. ``name`` and ``path``: what it is noted as.
    """

    status: int
    body: bytes | None
    headers: Iterable[Header] = ()
    errcode: str | None = None
    name: str = NO_ENDPOINT
    path: str = NO_PATH
    always: Sequence[Header] = ALWAYS


class App:
    """Answers HTTP. ``max_body_bytes``: of a request; ``body_timeout_ms``: until its body must be there.

    ``observers``: are told of each request once it is answered. ``tells_ids``: whether every answer has its request's
    ID, not only errors.
    """

    def __init__(
        self,
        routes: Routes,
        services: Services,
        failures: Failures,
        addresses: ClientAddresses,
        ids: RequestIds,
        health: Health,
        *,
        max_body_bytes: int,
        body_timeout_ms: int,
        observers: Sequence[Observer] = (),
        tells_ids: bool = False,
    ) -> None:
        self._routes = routes
        self._services = services
        self._failures = failures
        self._addresses = addresses
        self._ids = ids
        self._health = health
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_ms / 1000
        self._observers = tuple(observers) or None
        self._tells_ids = tells_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Anything but HTTP is not served."""
        if scope["type"] != "http":
            return
        started = 0 if self._observers is None else perf_counter_ns()
        method: str = scope["method"]
        route: Route | None = None
        reply: _Reply | None = None
        body: bytes | None
        always: Sequence[Header] = ALWAYS
        extra: Iterable[Header] = ()
        handled = Handled(self._ids, scope)
        current = CURRENT.set(handled)
        try:
            try:
                if method == "OPTIONS":
                    status, body = 200, b"{}"
                else:
                    route, arguments = self._routes.find(method, scope["raw_path"])
                    status, body = await self._answer(route, arguments, scope, receive)
            except Exception as error:  # noqa: BLE001 - told to the log, and to the client as far as it may know
                reply = await self._reply_to(error, method, scope, receive, route)
                status, body, always, extra = reply.status, reply.body, reply.always, reply.headers
            if status >= FIRST_ERROR or self._tells_ids:
                extra = (*extra, (HEADER, handled.request_id.encode()))
            if body is not None:
                await _send(send, status, body, (*always, *extra))
            if self._observers is not None:
                self._tell_observers(method, route, status, reply, perf_counter_ns() - started)
        finally:
            CURRENT.reset(current)

    async def _answer(
        self, route: Route, arguments: Mapping[str, str], scope: Scope, receive: Receive
    ) -> tuple[int, bytes]:
        incoming = self._read_head(scope, arguments)
        if needs_body(route):
            incoming.body = await self._read_body(receive)
        return await answer(route, incoming, self._services)

    async def _reply_to(
        self, error: Exception, method: str, scope: Scope, receive: Receive, route: Route | None
    ) -> _Reply:
        """What is answered to a request that no endpoint has served."""
        path = NO_PATH if route is None else route.path
        if isinstance(error, Unrecognized):
            if scope["raw_path"] == HEALTH_PATH.encode():
                return await self._tell_health(method)
            if (place := find_place(scope["raw_path"])) is not None:
                return await self._show_page(place, method, scope, receive)
        if isinstance(error, MatrixError):
            self._failures.refused(method, path, error)
            return _Reply(error.status, encode_error(error), _headers_of(error), error.errcode)
        if isinstance(error, AuthRequired):
            if error.error is not None:  # a stage was tried, as a password may be at a login
                self._failures.refused(method, path, error.error)
            errcode = None if error.error is None else error.error.errcode
            return _Reply(error.status, encode_auth_required(error), (), errcode)
        if isinstance(error, _Gone):
            return _Reply(GONE, None)
        told = self._failures.failed(method, path, error)
        return _Reply(500, encode_error(told), (), told.errcode)

    async def _tell_health(self, method: str) -> _Reply:
        """Whether the server can do its work. No part of Matrix, so it is asked for only where nothing else is."""
        if method not in ("GET", "HEAD"):
            error = WrongMethod(("GET", "HEAD"))
            return _Reply(error.status, encode_error(error), _headers_of(error), error.errcode, HEALTH, HEALTH_PATH)
        status, body = await self._health.answer()
        return _Reply(status, body, (), None, HEALTH, HEALTH_PATH)

    async def _show_page(self, place: Place, method: str, scope: Scope, receive: Receive) -> _Reply:
        """A page for people, who are told as one what goes wrong, too."""
        headers = dict(scope["headers"])
        languages = headers.get(b"accept-language", b"")
        errcode = None
        try:
            incoming = self._read_head(scope, {})
            if method == "POST":
                incoming.body = await self._read_body(receive)
            page = await answer_page(place, method, scope["raw_path"], incoming, headers, self._services)
        except MatrixError as error:
            self._failures.refused(method, PAGE, error)
            page, errcode = refusal(error, languages, self._services), error.errcode
            page.headers.extend(_headers_of(error))
        except _Gone:
            return _Reply(GONE, None, name=PAGE)
        except Exception as error:  # noqa: BLE001 - a bug: told to the log, not to the reader
            page = refusal(self._failures.failed(method, PAGE, error), languages, self._services)
        return _Reply(page.status, page.body, page.headers, errcode, PAGE, always=())

    def _tell_observers(
        self, method: str, route: Route | None, status: int, reply: _Reply | None, duration_ns: int
    ) -> None:
        name, path = (reply.name, reply.path) if reply is not None else (NO_ENDPOINT, NO_PATH)
        observed = Observed(
            method=method,
            endpoint=route.endpoint.__name__ if route is not None else name,
            path=route.path if route is not None else path,
            status=status,
            errcode=reply.errcode if reply is not None else None,
            duration_ns=duration_ns,
        )
        for observer in self._observers or ():
            observer(observed)

    def _read_head(self, scope: Scope, arguments: Mapping[str, str]) -> Incoming:
        """What the headers say. Refuses a body that is announced too large, so that none of it is read."""
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]):
            _ensure_unambiguous(scope["headers"])
        incoming = Incoming(
            arguments,
            scope["query_string"],
            headers.get(b"authorization"),
            headers.get(b"user-agent", b""),
            address_of(scope["client"]),
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


def _ensure_unambiguous(headers: Iterable[Header]) -> None:
    """Raise Unknown for a header that is there twice where a proxy may go by the one and this server by the other."""
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in ONCE):
        raise Unknown("A header is there twice", status=400)


def _headers_of(error: MatrixError) -> list[Header]:
    headers: list[Header] = []
    if isinstance(error, LimitExceeded) and error.retry_after_ms is not None:
        headers.append((b"retry-after", str(-(-error.retry_after_ms // 1000)).encode()))
    if isinstance(error, StoreUnavailable):
        headers.append((b"retry-after", STORE_RETRY_AFTER_S))
    if isinstance(error, WrongMethod):
        headers.append((b"allow", ", ".join([*error.allowed, "OPTIONS"]).encode()))
    if isinstance(error, TooLarge) or error.status == 408:
        headers.append(CLOSE)  # what is left of the body is not read
    return headers


async def _send(send: Send, status: int, body: bytes, headers: Iterable[Header] = ALWAYS) -> None:
    start = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
