"""How requests travel: over real HTTP to a small server in a thread, and straight into an ASGI application."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import (
    AsgiTransport,
    AsyncHttpTransport,
    CannotSend,
    ConnectionFailed,
    HttpTransport,
    TimedOut,
    Timeouts,
)
from ostiary.client.http_settings import USER_AGENT
from ostiary.client.inflating import MAX_RESPONSE_BYTES

GET = HttpRequest(method="GET", path="/_matrix/client/versions")
TOKEN = "syt_secret"


class Listener(ThreadingHTTPServer):
    """Does what the path says; keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that stops reading is part of these tests


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        match self.path:
            case "/slow":
                time.sleep(1)
            case "/cut":
                self.close_connection = True
                return None
            case "/redirect":
                return self.reply(302, b"", Location="/elsewhere")
            case "/huge":
                return self.reply(200, b" " * (MAX_RESPONSE_BYTES + 1))
            case "/broken-gzip":
                return self.reply(200, b"not gzip", Content_Encoding="gzip")
        return self.reply(200, b"{}", Set_Cookie="a=b; Path=/", X_Mixed="Yes")

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server asks for


Send = Callable[..., HttpResponse]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Iterator[Send]:
    """Sends by one of the two transports, which lives as long as the test."""
    if request.param == "sync":
        transport = HttpTransport(timeout_ms=300)
        yield transport.exchange
        transport.close()
        return
    with asyncio.Runner() as runner:

        async def make() -> AsyncHttpTransport:
            return AsyncHttpTransport(timeout_ms=300)

        other = runner.run(make())
        yield lambda *arguments: runner.run(other.exchange(*arguments))
        runner.run(other.close())


def get(path: str, **headers: str) -> HttpRequest:
    return HttpRequest(method="GET", path=path, headers=tuple(headers.items()))


class TestHttp:
    def test_request_arrives_as_it_was_written(self, listener: Listener, send: Send) -> None:
        query = (("q", "a b&c=ü"), ("q", "2"))
        path = "/devices/a%2Fb/%2E%2E"
        headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {TOKEN}"))
        answer = send(listener.url, HttpRequest(method="PUT", path=path, query=query, headers=headers, body=b'{"a":1}'))
        ((method, target, received, body),) = listener.asked
        assert (method, target, body) == ("PUT", "/devices/a%2Fb/%2E%2E?q=a+b%26c%3D%C3%BC&q=2", b'{"a":1}')
        assert received["user-agent"] == USER_AGENT
        assert received["authorization"] == f"Bearer {TOKEN}"
        assert (answer.status, answer.body, answer.headers["x-mixed"]) == (200, b"{}", "Yes")

    def test_path_of_the_server_stands_before_that_of_the_call(self, listener: Listener, send: Send) -> None:
        send(f"{listener.url}/matrix", GET)
        assert listener.asked[0][1] == "/matrix/_matrix/client/versions"

    def test_cookies_are_not_kept(self, listener: Listener, send: Send) -> None:
        send(listener.url, GET)
        send(listener.url, GET)
        assert [headers.get("cookie") for _, _, headers, _ in listener.asked] == [None, None]

    def test_user_in_the_url_does_not_take_the_place_of_the_token(self, listener: Listener, send: Send) -> None:
        send(listener.url.replace("//", "//user:pass@"), get("/x", Authorization=f"Bearer {TOKEN}"))
        assert listener.asked[0][2]["authorization"] == f"Bearer {TOKEN}"

    def test_redirect_is_an_answer_like_any_other(self, listener: Listener, send: Send) -> None:
        answer = send(listener.url, get("/redirect"))
        assert (answer.status, answer.headers["location"]) == (302, "/elsewhere")
        assert len(listener.asked) == 1

    @pytest.mark.parametrize("path", ["/slow", "/cut", "/huge", "/broken-gzip"])
    def test_answer_that_does_not_come_leaves_open_whether_the_request_did(
        self, listener: Listener, send: Send, path: str
    ) -> None:
        with pytest.raises(ConnectionFailed) as caught:
            send(listener.url, get(path))
        assert caught.value.sent

    def test_refused_connection_means_that_nothing_was_sent(self, send: Send) -> None:
        with pytest.raises(ConnectionFailed) as caught:
            send("http://127.0.0.1:1", GET)
        assert not caught.value.sent

    @pytest.mark.parametrize("url", ["", "nonsense", "ftp://x", "http://", "http://[::1", "http://\udc80"])
    def test_url_that_is_none_is_told_and_not_tried_again(self, send: Send, url: str) -> None:
        with pytest.raises(CannotSend, match="URL"):
            send(url, GET)

    def test_name_that_is_none_is_told(self, send: Send) -> None:
        """Which of the two it is hangs on who looks the name up."""
        with pytest.raises((CannotSend, ConnectionFailed)) as caught:
            send("http://a..b", GET)
        assert not (isinstance(caught.value, ConnectionFailed) and caught.value.sent)

    @pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\x00", f"{TOKEN}ü", f" {TOKEN} ", f"{TOKEN}\r\nX: y"])
    def test_token_that_no_header_carries_is_told_without_repeating_it(
        self, listener: Listener, send: Send, token: str
    ) -> None:
        with pytest.raises(CannotSend, match="Authorization") as caught:
            send(listener.url, get("/x", Authorization=f"Bearer {token}"))
        assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
        assert listener.asked == []


def test_closed_transport_says_so(listener: Listener) -> None:
    transport = HttpTransport()
    transport.close()
    with pytest.raises(CannotSend, match="closed"):
        transport.exchange(listener.url, GET)


async def test_closed_asynchronous_transport_says_so(listener: Listener) -> None:
    transport = AsyncHttpTransport()
    await transport.close()
    with pytest.raises(CannotSend, match="closed"):
        await transport.exchange(listener.url, GET)


class TestAsgi:
    async def test_application_sees_what_the_standard_says(self) -> None:
        seen: dict[str, Any] = {}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.update(scope, messages=[await receive(), await receive()])
            await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            await send({"type": "http.response.body", "body": b"}"})

        request = HttpRequest(method="POST", path="/a%2Fb%20c", query=(("q", "ü"),), body=b"{}")
        answer = await AsgiTransport(app).exchange("https://example.org:8448/prefix", request)
        assert (answer.status, answer.body, header_of(answer, "x-a")) == (201, b"{}", "1")
        assert (seen["method"], seen["path"], seen["raw_path"]) == ("POST", "/prefix/a/b c", b"/prefix/a%2Fb%20c")
        assert (seen["scheme"], seen["query_string"]) == ("https", b"q=%C3%BC")
        assert dict(seen["headers"])[b"host"] == b"example.org:8448"
        assert [message["type"] for message in seen["messages"]] == ["http.request", "http.disconnect"]

    async def test_application_that_answers_nothing_is_a_lost_connection(self) -> None:
        async def app(*_: Any) -> None:
            return

        with pytest.raises(ConnectionFailed) as caught:
            await AsgiTransport(app).exchange("http://x", GET)
        assert caught.value.sent

    async def test_application_that_takes_too_long_is_given_up(self) -> None:
        async def app(*_: Any) -> None:
            await asyncio.Event().wait()

        with pytest.raises(TimedOut):
            await AsgiTransport(app).exchange("http://x", GET, Timeouts(total_ms=10))

    async def test_headers_may_be_left_out(self) -> None:
        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        assert (await AsgiTransport(app).exchange("http://x", GET)).headers == {}


def header_of(answer: HttpResponse, name: str) -> str | None:
    return answer.headers.get(name)
