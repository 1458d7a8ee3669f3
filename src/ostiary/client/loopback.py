"""Where a browser comes back to after a login: a listener on this machine that takes one answer.

The state in its URL is what nobody else knows, so that no other page can have its login taken for the person's own.
"""

import hmac
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from ostiary.api.secret import Secret

READ_TIMEOUT_S: Final = 5.0
"""How long one connection may take: browsers open some that they never use."""

DONE: Final = "You are logged in. You can close this page and go back to the program."
WRONG: Final = "This page is not for the login that is under way. Go back to the program and try again."

_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Login</title>'
    '<meta name="referrer" content="no-referrer"></head><body><p>{}</p></body></html>\n'
)


class LoopbackListener:
    """Listens on 127.0.0.1, at a port that is free. ``token`` gets the login token; ``url`` is where to send it."""

    def __init__(self, state: str) -> None:
        self.token: Future[Secret] = Future()
        self._server = _Server(state, self.token)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/?{urlencode({'state': state})}"
        self._thread = threading.Thread(target=self._server.listen, name="ostiary-loopback", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, at once."""
        self.token.cancel()
        self._server.shutdown()
        self._thread.join(READ_TIMEOUT_S)
        self._server.server_close()


_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Connection", "close"),
)


class _Server(ThreadingHTTPServer):
    allow_reuse_address = False  # where that would let another program listen at the same port

    def __init__(self, state: str, token: "Future[Secret]") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.token = token
        self.taken = threading.Lock()

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # and not HTTPServer's, which asks the network what this machine is called

    def listen(self) -> None:
        self.serve_forever(poll_interval=0.05)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no news, and a traceback might tell the token."""


class _Handler(BaseHTTPRequestHandler):
    timeout = READ_TIMEOUT_S

    def do_GET(self) -> None:
        if not isinstance(server := self.server, _Server):
            raise TypeError("made for another server")
        parts = urlsplit(self.path)
        fields = parse_qs(parts.query)
        state, token = fields.get("state", [""])[0], fields.get("loginToken", [""])[0]
        is_ours = (
            parts.path == "/"
            # A name that has come to mean this machine has the origin of whoever owns it.
            and self.headers.get("Host") == f"127.0.0.1:{server.server_address[1]}"
            and hmac.compare_digest(state.encode(), server.state.encode())
        )
        if not (is_ours and token and server.taken.acquire(blocking=False)):
            self._show(404 if parts.path != "/" else 400, WRONG)
            return
        try:
            self._show(200, DONE)  # first, since the program may end once it has the token
        finally:
            if server.token.set_running_or_notify_cancel():
                server.token.set_result(Secret(token))

    def _show(self, status: int, text: str) -> None:
        page = _PAGE.format(text).encode()
        self.send_response_only(status)
        for name, value in (*_HEADERS, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library names it
        """Nothing: the path holds the token."""
