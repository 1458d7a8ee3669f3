"""A server over real HTTP that takes files, and serves one in all the ways that can go wrong."""

import gzip
import hashlib
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

BOMB = gzip.compress(bytes(100 * 1024 * 1024))


class Keeper(ThreadingHTTPServer):
    """Keeps digests of what is sent, and serves a file: whole, cut, compressed, refused. The token ``dead`` is."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.content = content
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.received: list[tuple[int, str]] = []
        self.refreshes = 0
        self.go_on = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are what is tested


class _Handler(BaseHTTPRequestHandler):
    server: Keeper
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.server.asked.append((self.command, self.path, {name.lower(): one for name, one in self.headers.items()}))
        if self.path == "/full":
            self.reply(413, b'{"errcode": "M_TOO_LARGE", "error": "No."}')
        if not self.take():
            self.close_connection = True
        elif self.path == "/full":
            pass  # refused already, before it was read
        elif self.headers.get("Authorization") == "Bearer dead":
            self.reply(401, b'{"errcode": "M_UNKNOWN_TOKEN", "error": "No.", "soft_logout": true}')
        else:
            self.serve(self.path.partition("?")[0])

    def take(self) -> bool:
        """Note what is sent; whether it is whole."""
        length, digest, got = int(self.headers.get("Content-Length", 0)), hashlib.sha256(), 0
        while got < length and (part := self.rfile.read(min(65536, length - got))):
            digest.update(part)
            got += len(part)
        self.server.received.append((got, digest.hexdigest()))
        return got == length

    def serve(self, path: str) -> None:
        content = self.server.content
        match path:
            case "/file" | "/_matrix/client/v1/media/download/a/b":
                self.serve_file(content, self.headers.get("Range", ""))
            case "/cut":
                self.reply(200, content[: len(content) // 2], len(content))
                self.close_connection = True
            case "/drip":
                self.reply(200, content[:-1], len(content))
                self.server.go_on.wait(5)
            case "/gzip":
                self.reply(200, gzip.compress(content, 1), Content_Encoding="gzip")
            case "/gzip-cut":
                self.reply(200, gzip.compress(content, 1)[:-9], Content_Encoding="gzip")
            case "/bomb":
                self.reply(200, BOMB, Content_Encoding="gzip")
            case "/missing":
                self.reply(404, b'{"errcode": "M_NOT_FOUND", "error": "No such media."}')
            case "/lost":
                self.close_connection = True
            case "/_matrix/client/v3/refresh":
                self.server.refreshes += 1
                self.reply(200, b'{"access_token": "good", "refresh_token": "r"}')
            case _:
                self.reply(200, b'{"content_uri": "mxc://a/b"}', Content_Type="application/json")

    def serve_file(self, content: bytes, wanted: str) -> None:
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = content[int(first or 0) : int(last) + 1 if last else None]
        self.reply(206 if wanted else 200, part, Content_Type="image/png")

    def reply(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server asks for
