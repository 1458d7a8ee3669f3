"""Servers that others run, as small real ones on loopback."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ostiary.delivery.http import Outgoing


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. ``headers``: by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, strict_parsing=True))


@dataclass(frozen=True)
class Reply:
    """What to answer: ``value`` as JSON, or ``body``. ``drips``: byte by byte, until nobody reads any more."""

    value: Any = None
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drips: bool = False


Answerer = Callable[[Asked], Reply]


class Double(ThreadingHTTPServer):
    """Answers by a function; keeps what it was asked."""

    daemon_threads = True

    def __init__(self, answerer: Answerer, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answerer = answerer
        self.asked: list[Asked] = []
        self.is_closing = threading.Event()
        self.scheme = "http" if tls is None else "https"
        self.url = f"{self.scheme}://127.0.0.1:{self.server_port}"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that stop reading are part of these tests


class _Handler(BaseHTTPRequestHandler):
    server: Double
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.asked.append(asked)
        reply = self.server.answerer(asked)
        if reply.drips:
            return self.drip()
        content = json.dumps(reply.value).encode() if reply.body is None else reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "9999")
        self.end_headers()
        while not self.server.is_closing.wait(0.005):
            self.wfile.write(b" ")

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server asks for


@contextmanager
def serving(answerer: Answerer | Reply, tls: ssl.SSLContext | None = None) -> Iterator[Double]:
    """A server that answers so."""
    function = answerer if callable(answerer) else lambda _: answerer
    with Double(function, tls) as double:
        thread = threading.Thread(target=double.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield double
        finally:
            double.is_closing.set()
            double.shutdown()
            thread.join()


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def make_outgoing(**changes: Any) -> Outgoing:
    """With bounds that no test meets unless it wants to."""
    return Outgoing(**{"timeout_ms": 20_000, "max_answer_bytes": 10_000, **changes})
