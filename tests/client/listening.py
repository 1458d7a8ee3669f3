"""A homeserver over real HTTP that knows one session, and rotates its tokens as the specification says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WHOAMI = {"user_id": "@a:b", "device_id": "D"}


class TokenListener(ThreadingHTTPServer):
    """Makes the next pair at each refresh. An old pair is good until the new one is used; a repeated refresh gets the
    same answer. ``refreshes``: how many there were, ``made``: how many pairs.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, *, lifetime_ms: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.made = self.used = self.refreshes = self.calls = 0
        self.lifetime_ms = lifetime_ms
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are what is tested

    def answer(self, path: str, token: str, body: bytes) -> tuple[int, Any]:
        with self._guard:
            if path.endswith("/refresh"):
                return self._refresh(json.loads(body)["refresh_token"])
            self.calls += 1
            generation = int(token.rpartition("-")[2] or -1)
            if token != f"access-{generation}" or not self.used <= generation <= self.made:
                return 401, {"errcode": "M_UNKNOWN_TOKEN", "error": "No.", "soft_logout": True}
            self.used = generation
            return 200, WHOAMI

    def _refresh(self, token: str) -> tuple[int, Any]:
        self.refreshes += 1
        if token == f"refresh-{self.made}":
            self.used = max(self.used, self.made)  # its own first use
            self.made += 1
        elif not (token == f"refresh-{self.made - 1}" and self.used < self.made):
            return 401, {"errcode": "M_UNKNOWN_TOKEN", "error": "No."}
        pair: dict[str, Any] = {"access_token": f"access-{self.made}", "refresh_token": f"refresh-{self.made}"}
        return 200, pair if self.lifetime_ms is None else pair | {"expires_in_ms": self.lifetime_ms}


class _Handler(BaseHTTPRequestHandler):
    server: TokenListener
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, told = self.server.answer(self.path, token, body)
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server asks for
