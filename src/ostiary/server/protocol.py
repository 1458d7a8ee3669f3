"""HTTP/1.1 from a connection to the ASGI application and back: httptools parses, this frames, bounds and keeps order.

uvicorn starts and stops the server and could do this too, but leaves unbounded how long a head is, how long it takes,
how long a client takes over its answers and how many requests it sends ahead; and it costs more. Here a request that
comes in one piece needs no timer: a connection has one, which looks, when it rings, whether the time that counts by
then has come. Answers leave in one piece each.

An offer to go on in another protocol (``Upgrade``) is not taken up, as the standard allows. But the parser stops at its
head, and took what came later for another request; so the connection ends with the answer. With a body it is refused.

Must not know what the application does. Of uvicorn's ``Server`` it knows the sets of connections and of tasks, for
whose end that waits when it stops, and that it calls ``shutdown``.
"""

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from ostiary.server.exchange import STATUS_LINES, Exchange, Scope

_END: Final = b"\r\n\r\n"
_BAD_REQUEST: Final = STATUS_LINES[HTTPStatus.BAD_REQUEST] + (
    b"content-type: text/plain\r\nconnection: close\r\ncontent-length: 16\r\n\r\nNot HTTP as is.\n"
)
_TOO_LARGE: Final = (
    STATUS_LINES[HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE] + b"connection: close\r\ncontent-length: 0\r\n\r\n"
)
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}

_logger = logging.getLogger(__name__)


MOST_AHEAD: Final = 100
"""Requests that a client may have sent ahead of the answers. More are nobody's but an attacker's, and 3 KiB each."""

_BODY_HEADERS: Final = (b"content-length", b"transfer-encoding")


class _Refused(Exception):
    """Stops the parser in the middle of what has come."""


class BoundedProtocol(asyncio.Protocol):
    """A connection. Its bounds are class attributes, set once by :func:`bounded`."""

    max_header_bytes = 32768
    header_timeout_s = 10.0
    answer_timeout_s = 20.0

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's call
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        if not config.loaded:
            config.load()
        self.transport: asyncio.Transport
        self.loop = _loop or asyncio.get_running_loop()
        self._app: Any = config.loaded_app
        self._keep_alive_s: float = config.timeout_keep_alive
        self._connections = cast("set[Any]", server_state.connections)
        self._tasks = server_state.tasks
        self._parser: Any = httptools.HttpRequestParser(self)
        self._client: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None

        # Of the request that is coming in.
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False
        self._head_bytes = 0
        self._in_head = True
        self._has_begun = False
        self._tail = b""
        self._incoming: Exchange | None = None

        # Of those that have come.
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._is_last = False
        self._is_broken = False

        self._deadline: float | None = None
        self._is_idle = False
        self._timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._is_reading = True
        self._writable: asyncio.Event | None = None

    # --- The connection ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._client = _address(transport.get_extra_info("peername"))
        self._server = _address(transport.get_extra_info("sockname"))
        self._connections.add(self)
        self._give_until(self.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        self._connections.discard(self)
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
        self._stop_answer_timer()
        for exchange in (self._current, *self._waiting):
            if exchange is not None:
                exchange.lose_client()
        self._waiting.clear()
        self.resume_writing()
        self._parser = None

    def shutdown(self) -> None:
        """Take no further request; what has come is answered."""
        self._is_last = True
        if self._current is None:
            self._close()

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        self._start_answer_timer()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._stop_answer_timer()
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    async def drained(self) -> None:
        """Wait until the client has read enough of what was written."""
        while self._writable is not None:
            await self._writable.wait()

    # --- Bytes come in -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_broken or self._parser is None:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_header_bytes and self._is_head_too_large(data):
                self._refuse(_TOO_LARGE)
                return
            self._tail = data[-len(_END) + 1 :]
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_broken = self._is_last = True  # nothing is upgraded to: answered as any other, and the end
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
            return
        if self._has_begun:
            if self._head_bytes > self.max_header_bytes:
                self._refuse(_TOO_LARGE)
            elif self._is_idle or self._deadline is None:
                self._is_idle = False
                self._give_until(self.header_timeout_s)

    def _is_head_too_large(self, data: bytes) -> bool:
        """Whether it is the head that is large, and not a body that has come with it."""
        found = (self._tail + data).find(_END)
        before = self._head_bytes - len(data) - len(self._tail)
        return found < 0 or before + found + len(_END) > self.max_header_bytes

    def _refuse(self, answer: bytes) -> None:
        """Read no more. Answer so, unless answers to earlier requests are due, which still come, and then the end."""
        self._is_broken = self._is_last = True
        if self.transport.is_closing():
            return
        current, incoming = self._current, self._incoming
        if current is not None and (current is not incoming or current.is_whole or current.has_begun):
            if incoming is not None and incoming in self._waiting and not incoming.is_whole:
                self._waiting.remove(incoming)
            return
        if current is not None:
            current.lose_client()
        self.transport.write(answer)
        self._close()

    # --- What the parser calls

    def on_message_begin(self) -> None:
        self._has_begun = True
        self._url = b""
        self._headers = []
        self._expects_continue = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self._waiting) >= MOST_AHEAD:
            self.transport.abort()
            raise _Refused
        if self._parser.should_upgrade() and any(
            name in _BODY_HEADERS and value != b"0" for name, value in self._headers
        ):
            raise _Refused  # the parser would take the body for what comes after another protocol's beginning
        self._in_head = self._has_begun = False
        self._head_bytes = 0
        self._tail = b""
        self._deadline = None
        self._is_idle = False
        scope = self.make_scope()
        keeps_alive: bool = scope["http_version"] != "1.0" and self._parser.should_keep_alive()
        exchange = Exchange(self, scope, keeps_alive=keeps_alive, expects_continue=self._expects_continue)
        self._incoming = exchange
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.read(False)

    def on_body(self, body: bytes) -> None:
        if self._incoming is not None:
            self._incoming.take(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        if self._incoming is not None:
            self._incoming.take_end()

    def make_scope(self) -> Scope:
        """The request's head, as ASGI has it."""
        raw_path, query = _parts_of(self._url)
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self._parser.get_http_version(),
            "server": self._server,
            "client": self._client,
            "scheme": "http",
            "method": self._parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
        }

    # --- Requests are answered, one after the other ------------------------------------------------------------------

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        task = self.loop.create_task(self._serve(exchange))
        exchange.task = task
        self._tasks.add(task)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
            if not exchange.is_answered and not exchange.is_lost:
                _logger.error("the application has left a request without an answer")
                self.transport.abort()
        except Exception:
            _logger.exception("the application has failed")
            self.transport.abort()
        except BaseException:  # cancelled, since the server stops
            self.transport.abort()
            raise
        finally:
            if exchange.task is not None:
                self._tasks.discard(exchange.task)

    @property
    def is_ending(self) -> bool:
        """Whether the request that is being answered is the last. Asked by the exchange."""
        return self._is_last and not self._waiting

    def finished(self, exchange: Exchange, *, closes: bool) -> None:
        """An answer has been written: go on with the next request. Called by the exchange."""
        if self.transport.is_closing():
            return
        self._current = None
        if closes or self.is_ending:
            self._is_last = True
            self._close()
            return
        if self._incoming is exchange:
            self._incoming = None  # what is left of its body is not looked at, but has to come in time
        if self._waiting:
            self._start(self._waiting.popleft())
        elif not self._has_begun:
            self._is_idle = True
            self._give_until(self._keep_alive_s)
        self.read(not self._waiting)

    # --- Answers that are not taken ----------------------------------------------------------------------------------

    def _close(self) -> None:
        """End the connection, once all is taken; or when that takes too long."""
        self.transport.close()
        if self._answer_timer is None and self.transport.get_write_buffer_size():
            self._start_answer_timer()

    def _start_answer_timer(self) -> None:
        self._stop_answer_timer()
        left = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(self.answer_timeout_s, self._look_at_answer, left)

    def _stop_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _look_at_answer(self, before: int) -> None:
        """End the connection unless half of what was left has been taken: so a slow one may go on, but not for ever."""
        self._answer_timer = None
        if self.transport.get_write_buffer_size() > before // 2:
            self.transport.abort()
        elif before:
            self._start_answer_timer()

    # --- Bounds ------------------------------------------------------------------------------------------------------

    def read(self, wanted: bool) -> None:
        """Whether more is to be read now. Called by the exchange, too."""
        if wanted is not self._is_reading and not self.transport.is_closing():
            self._is_reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _give_until(self, seconds: float) -> None:
        """End the connection after this time, unless a head is complete before."""
        self._deadline = deadline = self.loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return  # it will look then, and ring again
            self._timer.cancel()
        self._timer = self.loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None or self.transport.is_closing():
            return
        if self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._ring)
        elif self._has_begun:
            self.transport.abort()
        else:
            self._close()


def bounded(*, max_header_bytes: int, header_timeout_ms: int, answer_timeout_ms: int) -> type[BoundedProtocol]:
    """The protocol with these bounds. ``answer_timeout_ms``: in which half of what is left of it must be taken."""
    bounds = {
        "max_header_bytes": max_header_bytes,
        "header_timeout_s": header_timeout_ms / 1000,
        "answer_timeout_s": answer_timeout_ms / 1000,
    }
    return type("ConfiguredProtocol", (BoundedProtocol,), bounds)


def _parts_of(url: bytes) -> tuple[bytes, bytes]:
    """Path and query."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path or b"", parsed.query or b""


def _address(name: Any) -> tuple[str, int] | None:
    """Of either end; None where that is no network's."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
