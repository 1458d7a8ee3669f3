"""uvicorn's HTTP protocol with bounds: on a request's head, on requests sent ahead, and on the time that each may take.

None can be set from outside: httptools reads any amount of header, a connection may take for ever over it, or over
taking its answers, and requests that are sent without waiting for answers are all kept. One timer runs from a
connection's start, or the first byte of its next request, until the head is complete; another while it does not take
what it was sent. Leans on uvicorn's internals, so uvicorn is pinned to a minor version, and a test sends what this is
to stop.

An offer to go on in another protocol (``Upgrade``) is not taken up, as the standard allows. But the parser stops at its
head, and took what came later for another request; so the connection ends with the answer. With a body it is refused.
"""

import asyncio
from collections.abc import Sized
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_END = b"\r\n\r\n"
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

MOST_AHEAD: Final = 100
"""Requests that a client may have sent ahead of the answers. More are nobody's but an attacker's, and 3 KiB each."""


class _TooManyAhead(Exception):
    """Stops the parser in the middle of what has come."""


class _Flow(FlowControl):
    """Reads nothing while requests wait that have come already. ``waiting``: those."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """A connection. Its bounds are class attributes, set once by :func:`bounded`."""

    max_header_bytes = 32768
    header_timeout_s = 10.0
    answer_timeout_s = 20.0

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
        self._answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_answer_timer()
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
        if len(self.pipeline) >= MOST_AHEAD:
            self.transport.abort()
            raise _TooManyAhead
        self._in_head = False
        self._head_bytes = 0
        self._tail = b""
        self._stop_head_timer()
        if not self.parser.should_upgrade():  # pyright: ignore[reportOptionalMemberAccess] - there while it calls
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

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)

    # --- Answers that are not taken ----------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_answer_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_answer_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_closing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_closing()

    def _watch_closing(self) -> None:
        """A connection that is closed ends only once all is taken."""
        if self.transport.is_closing() and self._answer_timer is None:
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

    # --- Heads that do not come --------------------------------------------------------------------------------------

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


def bounded(*, max_header_bytes: int, header_timeout_ms: int, answer_timeout_ms: int) -> type[BoundedProtocol]:
    """The protocol with these bounds. ``answer_timeout_ms``: in which half of what is left of it must be taken."""
    bounds = {
        "max_header_bytes": max_header_bytes,
        "header_timeout_s": header_timeout_ms / 1000,
        "answer_timeout_s": answer_timeout_ms / 1000,
    }
    return type("ConfiguredProtocol", (BoundedProtocol,), bounds)
