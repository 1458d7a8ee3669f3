"""What stands between a client and its server: slow lines, proxies, own authorities, compression, odd pages."""

import asyncio
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import (
    AsyncClient,
    AsyncHttpTransport,
    CannotSend,
    Client,
    ConnectionFailed,
    HtmlPage,
    HttpSettings,
    HttpTransport,
    Redirected,
    RetryPolicy,
    TimedOut,
    Timeouts,
)
from ostiary.client.http_settings import USER_AGENT
from ostiary.client.inflating import MAX_RESPONSE_BYTES, Body

GET = HttpRequest(method="GET", path="/x")
ONCE = RetryPolicy(attempts=1)


class Odd(ThreadingHTTPServer):
    """Does what the path says; keeps what it was asked, as it came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.inside = self.most = 0
        self.go_on = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "/gzip": (200, gzip.compress(b'{"a": 1}'), {"Content_Encoding": "gzip"}),
    "/deflate": (200, zlib.compress(b'{"a": 1}'), {"Content_Encoding": "Deflate"}),
    "/gzip-cut": (200, gzip.compress(b'{"a": 1}' * 100)[:-9], {"Content_Encoding": "gzip"}),
    "/gzip-empty": (200, b"", {"Content_Encoding": "gzip"}),
    "/bomb": (200, gzip.compress(bytes(100 * 1024 * 1024)), {"Content_Encoding": "gzip"}),
    "/brotli": (200, b"{}", {"Content_Encoding": "br"}),
    "/_matrix/client/versions": (
        502, b"<html><title>Oops</title><script>x()</script><b>Bad</b> gateway", {"Content_Type": "text/html"},
    ),
    "/_matrix/client/v3/login": (302, b"", {"Location": "https://portal.invalid/"}),
}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: Odd
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
        match self.path.removeprefix("http://matrix.invalid"):
            case "/drip":
                self._head(200, 1000)
                for _ in range(1000):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    if self.server.go_on.wait(0.02):
                        return
            case "/short":
                self._head(200, 100)
                self.wfile.write(b"{}")
                self.close_connection = True
            case "/wait":
                self.server.inside += 1
                self.server.most = max(self.server.most, self.server.inside)
                self.server.go_on.wait(0.05)
                self.server.inside -= 1
                self._reply(200, b"{}")
            case path:
                status, body, headers = ANSWERS.get(path, (200, b"{}", {}))
                self._reply(status, body, **headers)

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self._head(status, len(body), **headers)
        self.wfile.write(body)

    def _head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[Odd]:
    with Odd() as server:
        yield from _served(server)


def _served(server: Odd) -> Iterator[Odd]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()


Send = Callable[..., HttpResponse]
Open = Callable[[HttpSettings], Send]


@pytest.fixture(params=["sync", "async"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens one of the two transports with settings, and gives the function that sends by it."""
    closing: list[Callable[[], Any]] = []
    with asyncio.Runner() as runner:

        def open_sync(settings: HttpSettings) -> Send:
            transport = HttpTransport(settings)
            closing.append(transport.close)
            return transport.exchange

        def open_async(settings: HttpSettings) -> Send:
            async def make() -> AsyncHttpTransport:
                return AsyncHttpTransport(settings)

            transport = runner.run(make())
            closing.append(lambda: runner.run(transport.close()))
            return lambda *arguments: runner.run(transport.exchange(*arguments))

        yield open_sync if request.param == "sync" else open_async
        for close in closing:
            close()


def get(path: str) -> HttpRequest:
    return HttpRequest(method="GET", path=path)


class TestTimeouts:
    def test_answer_that_trickles_in_is_bounded_as_a_whole(self, odd: Odd, opened: Open) -> None:
        send = opened(HttpSettings(timeouts=Timeouts(read_ms=5000, total_ms=200)))
        started = time.monotonic()
        with pytest.raises(TimedOut) as caught:
            send(odd.url, get("/drip"))
        assert caught.value.sent
        assert time.monotonic() - started < 5

    def test_each_call_may_have_its_own(self, odd: Odd, opened: Open) -> None:
        with pytest.raises(TimedOut):
            opened(HttpSettings())(odd.url, get("/drip"), Timeouts(total_ms=100))

    def test_connection_that_is_not_taken_up_was_not_used(self, opened: Open) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            filling = [socket.socket() for _ in range(4)]
            for one in filling:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            with pytest.raises(TimedOut) as caught:
                opened(HttpSettings(timeouts=Timeouts(connect_ms=100)))(f"http://127.0.0.1:{port}", GET)
            assert not caught.value.sent
            for one in filling:
                one.close()

    def test_client_bounds_all_attempts_together(self) -> None:
        patient = RetryPolicy(attempts=1000, first_delay_ms=20, max_delay_ms=20, max_wait_ms=10**9)
        client = Client("http://127.0.0.1:1", retries=patient, timeouts=Timeouts(total_ms=150))
        with client, pytest.raises(TimedOut, match="150 ms"):
            client.versions()

    async def test_asynchronous_client_too(self, odd: Odd) -> None:
        async with AsyncClient(odd.url, timeouts=Timeouts(total_ms=50)) as client:
            with pytest.raises((TimedOut, HtmlPage)):
                await client.versions()


class TestBodies:
    @pytest.mark.parametrize("path", ["/gzip", "/deflate"])
    def test_compressed_answer_is_inflated(self, odd: Odd, opened: Open, path: str) -> None:
        assert opened(HttpSettings())(odd.url, get(path)).body == b'{"a": 1}'
        assert odd.asked[0][1]["accept-encoding"] == "gzip"

    def test_empty_answer_need_not_be_compressed(self, odd: Odd, opened: Open) -> None:
        assert opened(HttpSettings())(odd.url, get("/gzip-empty")).body == b""

    @pytest.mark.parametrize("path", ["/bomb", "/gzip-cut", "/brotli", "/short"])
    def test_answer_that_is_not_whole_or_too_large_is_a_lost_connection(
        self, odd: Odd, opened: Open, path: str
    ) -> None:
        with pytest.raises(ConnectionFailed) as caught:
            opened(HttpSettings())(odd.url, get(path))
        assert caught.value.sent

    def test_inflating_never_takes_more_than_the_bound(self) -> None:
        bomb = gzip.compress(bytes(100 * 1024 * 1024))
        tracemalloc.start()
        try:
            with pytest.raises(ConnectionFailed, match="bytes"):
                Body("gzip").add(bomb)
            assert tracemalloc.get_traced_memory()[1] < 4 * MAX_RESPONSE_BYTES
        finally:
            tracemalloc.stop()


class TestHeaders:
    def test_product_stands_before_the_library(self, odd: Odd, opened: Open) -> None:
        opened(HttpSettings(product="Lantern/2.1 (Linux)"))(odd.url, GET)
        assert odd.asked[0][1]["user-agent"] == f"Lantern/2.1 (Linux) {USER_AGENT}"

    @pytest.mark.parametrize("product", ["a\r\nX: y", "ü", " a", "a\x00"])
    def test_product_that_no_header_holds_is_told(self, opened: Open, product: str) -> None:
        with pytest.raises(CannotSend, match="User-Agent"):
            opened(HttpSettings(product=product))


class TestProxies:
    def test_given_proxy_is_used(self, odd: Odd, opened: Open) -> None:
        opened(HttpSettings(proxy=odd.url))("http://matrix.invalid", GET)
        assert odd.asked[0][0] == "http://matrix.invalid/x"

    def test_environment_names_one_unless_it_is_not_to_be_asked(
        self, odd: Odd, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", odd.url)
        monkeypatch.setenv("http_proxy", odd.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        opened(HttpSettings())("http://matrix.invalid", GET)
        assert odd.asked[0][0] == "http://matrix.invalid/x"
        with pytest.raises(ConnectionFailed):
            opened(HttpSettings(environment=False))("http://matrix.invalid", GET)
        assert len(odd.asked) == 1

    def test_proxy_without_tunnels_means_that_nothing_was_sent(self, odd: Odd, opened: Open) -> None:
        with pytest.raises(ConnectionFailed) as caught:
            opened(HttpSettings(proxy=odd.url))("https://matrix.invalid", GET)
        assert not caught.value.sent

    def test_kind_of_proxy_that_is_not_installed_is_told(self, opened: Open) -> None:
        with pytest.raises(CannotSend, match="installed"):
            opened(HttpSettings(proxy="socks5://localhost:1"))

    @pytest.mark.parametrize("proxy", ["user:hunter2", "ftp://user:hunter2@x", "http://[user:hunter2"])
    def test_proxy_that_is_none_is_told_without_its_password(self, opened: Open, proxy: str) -> None:
        with pytest.raises(CannotSend, match="proxy") as caught:
            opened(HttpSettings(proxy=proxy))
        assert "hunter2" not in f"{caught.value!r} {HttpSettings(proxy=proxy)!r}"
        assert caught.value.__cause__ is None


class TestPages:
    def test_page_of_a_gateway_is_told_with_status_and_text(self, odd: Odd) -> None:
        with Client(odd.url, retries=ONCE) as client, pytest.raises(HtmlPage) as caught:
            client.versions()
        assert (caught.value.status, caught.value.title, caught.value.text) == (502, "Oops", "Oops Bad gateway")

    def test_redirect_is_not_followed(self, odd: Odd) -> None:
        with Client(odd.url, retries=ONCE) as client, pytest.raises(Redirected) as caught:
            client.login_flows()
        assert caught.value.target == "https://portal.invalid/"
        assert len(odd.asked) == 1


class TestConnections:
    def test_no_more_than_so_many_at_once(self, odd: Odd) -> None:
        transport = HttpTransport(HttpSettings(max_connections=3))
        threads = [threading.Thread(target=transport.exchange, args=(odd.url, get("/wait"))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        transport.close()
        assert len(odd.asked) == 12
        assert odd.most <= 3


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that no system trusts, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "authority.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


class TestCertificates:
    @pytest.fixture(params=[False, True], ids=["server", "both"])
    def secure(self, authority: Path, request: pytest.FixtureRequest) -> Iterator[Odd]:
        """A server with that certificate, which may ask for the client's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority)
        if request.param:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
        with Odd() as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.url = server.url.replace("http:", "https:")
            yield from _served(server)

    def test_own_authority_is_trusted_and_own_certificate_shown(
        self, secure: Odd, opened: Open, authority: Path
    ) -> None:
        send = opened(HttpSettings(ca_file=authority, certificate_file=authority))
        assert send(secure.url, GET).body == b"{}"

    def test_unknown_authority_is_not_trusted(self, secure: Odd, opened: Open) -> None:
        with pytest.raises(ConnectionFailed) as caught:
            opened(HttpSettings())(secure.url, GET)
        assert not caught.value.sent

    def test_authority_of_one_client_is_not_anothers(self, secure: Odd, opened: Open, authority: Path) -> None:
        opened(HttpSettings(ca_file=authority, certificate_file=authority))
        with pytest.raises(ConnectionFailed):
            opened(HttpSettings())(secure.url, GET)

    def test_authorities_of_the_system_are_read_once(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(*_: object) -> None:
            raise AssertionError("they are read again")

        opened(HttpSettings())
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
        opened(HttpSettings())

    def test_context_can_be_given(self, secure: Odd, opened: Open, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(authority)
        assert opened(HttpSettings(tls=context))(secure.url, GET).status == 200

    def test_file_that_holds_none_is_named(self, opened: Open, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        for settings in (
            HttpSettings(ca_file=empty), HttpSettings(ca_file=tmp_path / "none"), HttpSettings(certificate_file=empty),
        ):  # fmt: skip
            with pytest.raises(CannotSend, match=str(tmp_path)):
                opened(settings)
