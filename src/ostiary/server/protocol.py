"""uvicorn's HTTP protocol with bounds: on the bytes of a request's head, and on the time until it is there.

Neither can be set from outside: httptools reads any amount of header, and a connection may take for ever over it. One
timer runs a connection, from its start or the first byte of its next request until the head is complete. Leans on
uvicorn's internals, so uvicorn is pinned to a minor version, and a test sends what this is to stop.

An offer to go on in another protocol (``Upgrade``) is not taken up, as the standard allows. But the parser stops at its
head, and took what came later for another request; so the connection ends with the answer. With a body it is refused.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_END = b"\r\n\r\n"
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """A connection. Its bounds are class attributes, set once by :func:`bounded`."""

    max_header_bytes = 32768
    header_timeout_s = 10.0

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._in_head = True
        self._tail = b""
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        # uvicorn leaves this timer running on a connection that was reset.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._start_head_timer()
            if self._head_bytes > self.max_header_bytes and self._is_head_too_large(data):
                self._refuse()
                return
            self._tail = data[-len(_END) + 1 :]
        super().data_received(data)
        if self._in_head and self._head_bytes > self.max_header_bytes:
            self._refuse()

    def _is_head_too_large(self, data: bytes) -> bool:
        """Whether it is the head that is large, and not a body that has come with it."""
        found = (self._tail + data).find(_END)
        before = self._head_bytes - len(data) - len(self._tail)
        return found < 0 or before + found + len(_END) > self.max_header_bytes

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._tail = b""
        self._stop_head_timer()
        parser: Any = self.parser  # of which the type checkers think differently
        if not parser.should_upgrade():
            super().on_headers_complete()
            return
        if any(name in _BODY_HEADERS and value != b"0" for name, value in self.headers):
            raise ValueError("a body where another protocol would begin")  # the parser's caller answers with 400
        self._is_over = True
        super().on_headers_complete()
        self.cycle.keep_alive = False

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: whoever offers it need not fill the log."""

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.header_timeout_s, self._give_up)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.abort()


def bounded(*, max_header_bytes: int, header_timeout_ms: int) -> type[BoundedProtocol]:
    """The protocol with these bounds."""
    bounds = {"max_header_bytes": max_header_bytes, "header_timeout_s": header_timeout_ms / 1000}
    return type("ConfiguredProtocol", (BoundedProtocol,), bounds)
