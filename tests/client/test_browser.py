"""Login by browser, on both faces: a browser that goes where it is sent, and a server that sends it back."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from ostiary.api.errors import Forbidden
from ostiary.client import AsyncClient, BrowserLoginFailed
from ostiary.client.loopback import LoopbackListener
from tests.client.faced import Faces
from tests.client.scripted import Script
from tests.world import Account, password_auth


@dataclass
class SsoServer:
    """Lets everybody in whom it is asked about, and sends the browser back with a login token."""

    token: str = "none"
    asked: list[str] = field(default_factory=list)
    pages: list[tuple[int, str]] = field(default_factory=list)
    mangle: Any = staticmethod(lambda url: url)
    address: str = ""

    def target(self, path: str) -> str:
        """Where the browser is sent."""
        self.asked.append(path)
        back = parse_qs(urlsplit(path).query)["redirectUrl"][0]
        mangled: str = self.mangle(f"{back}&{urlencode({'loginToken': self.token})}")
        return mangled

    def browse(self, url: str) -> None:
        """Go to a URL as a browser does, and wherever that leads."""
        status, location, _ = get(url)
        assert status == 302
        status, _, page = get(location)
        self.pages.append((status, page))


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, Message, str]:
    """What is at a URL: status, headers, content."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def get(url: str) -> tuple[int, str, str]:
    """The same, and where it points to."""
    status, headers, content = ask(url)
    return status, headers.get("Location", ""), content


@pytest.fixture
def sso() -> Iterator[SsoServer]:
    double = SsoServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", double.target(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield double
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def token(faces: Faces, alice: Account) -> str:
    """What a server gives whoever has logged in there."""
    auth = {"auth": password_auth(alice)}
    answer = await faces.world.call("POST", "v1/login/get_token", auth, token=alice.access_token)
    text: str = answer.json["login_token"]
    return text


def browser_to(faces: Faces, sso: SsoServer) -> Any:
    """A browser. The client asks for a page of its server; this one is shown it by the double in its place."""

    async def browse(url: str) -> None:
        parts = urlsplit(url)
        await asyncio.to_thread(sso.browse, parts._replace(netloc=sso.address).geturl())

    return faces.does(browse)


class TestLogin:
    async def test_from_the_browser_to_the_session(
        self, faces: Faces, sso: SsoServer, token: str, alice: Account
    ) -> None:
        sso.token = token
        session = await faces.client().login_by_browser(
            open_browser=browser_to(faces, sso), device_id="LAPTOP", device_name="Laptop"
        )
        assert (session.user_id, session.device_id) == (alice.user_id, "LAPTOP")
        ((status, page),) = sso.pages
        assert status == 200
        assert "go back to the program" in page
        assert token not in page

    async def test_by_a_chosen_provider(self, faces: Faces, sso: SsoServer, token: str) -> None:
        sso.token = token
        await faces.client().login_by_browser(
            open_browser=browser_to(faces, sso), identity_provider="oidc/x y", action="register"
        )
        (path,) = sso.asked
        assert path.startswith("/_matrix/client/v3/login/sso/redirect/oidc%2Fx%20y?redirectUrl=http%3A%2F%2F127.0.0.1")
        assert path.endswith("&action=register")

    @pytest.mark.parametrize(
        "mangle",
        [
            lambda url: url.replace("state=", "state=x"),
            lambda url: url.replace("state=", "was="),
            lambda url: url.replace("loginToken=", "token="),
            lambda url: url.replace("/?", "/other?"),
        ],
    )
    async def test_another_pages_answer_is_not_taken(
        self, faces: Faces, sso: SsoServer, token: str, mangle: Any
    ) -> None:
        sso.token, sso.mangle = token, mangle
        with pytest.raises(BrowserLoginFailed):
            await faces.client().login_by_browser(open_browser=browser_to(faces, sso), timeout_ms=1)
        ((status, page),) = sso.pages
        assert status in (400, 404)
        assert "try again" in page
        sso.mangle = SsoServer.mangle
        await faces.client().login_by_browser(open_browser=browser_to(faces, sso))

    async def test_token_that_the_server_refuses(self, faces: Faces, sso: SsoServer) -> None:
        with pytest.raises(Forbidden):
            await faces.client().login_by_browser(open_browser=browser_to(faces, sso))

    async def test_nobody_comes_back(self, faces: Faces) -> None:
        with pytest.raises(BrowserLoginFailed, match="in time"):
            await faces.client().login_by_browser(open_browser=lambda _: None, timeout_ms=1)

    async def test_no_browser(self, faces: Faces) -> None:
        with pytest.raises(BrowserLoginFailed, match="no browser"):
            await faces.client().login_by_browser(open_browser=lambda _: False)

    async def test_nothing_listens_afterwards(self, faces: Faces, sso: SsoServer, token: str) -> None:
        sso.token = token
        await faces.client().login_by_browser(open_browser=browser_to(faces, sso))
        (path,) = sso.asked
        with pytest.raises(ConnectionRefusedError):
            get(parse_qs(urlsplit(path).query)["redirectUrl"][0])


class TestPasting:
    """A browser on another machine ends at an address that leads nowhere there; the person brings it here."""

    async def test_address_where_the_browser_ended_is_enough(
        self, faces: Faces, sso: SsoServer, token: str, alice: Account
    ) -> None:
        sso.token = token

        async def person(url: str) -> str:
            parts = urlsplit(url)._replace(netloc=sso.address)
            _, ended_at, _ = await asyncio.to_thread(get, parts.geturl())
            return f"  {ended_at}\n"

        session = await faces.client().login_by_pasting(faces.does(person), device_id="RELAY")
        assert (session.user_id, session.device_id) == (alice.user_id, "RELAY")

    @pytest.mark.parametrize(
        "pasted",
        [
            "", "nonsense", "http://[", "http://127.0.0.1:65535/?loginToken=t",
            "http://127.0.0.1:65535/?state=x&loginToken=t", "https://evil.example.org/?loginToken=t&state=",
        ],
    )  # fmt: skip
    async def test_another_address_is_refused(self, faces: Faces, pasted: str) -> None:
        with pytest.raises(BrowserLoginFailed, match="not the address"):
            await faces.client().login_by_pasting(lambda _: pasted)
        assert not [one for one in faces.asked if one.path.endswith("/login")]

    async def test_token_in_it_is_needed(self, faces: Faces) -> None:
        with pytest.raises(BrowserLoginFailed, match="not the address"):
            await faces.client().login_by_pasting(lambda url: parse_qs(urlsplit(url).query)["redirectUrl"][0])


class TestListener:
    def test_takes_one_answer_and_no_second(self) -> None:
        listener = LoopbackListener("state")
        try:
            assert get(f"{listener.url}&loginToken=first")[0] == 200
            assert get(f"{listener.url}&loginToken=second")[0] == 400
            assert listener.token.result(10).reveal() == "first"
        finally:
            listener.close()

    def test_is_on_this_machine_alone(self) -> None:
        listener = LoopbackListener("state")
        try:
            assert urlsplit(listener.url).hostname == "127.0.0.1"
            for address in ("127.0.0.2", socket.gethostbyname(socket.gethostname()), "::1"):
                if address != "127.0.0.1":
                    with pytest.raises(OSError, match=r"refused|unreachable|assign|family"):
                        socket.create_connection((address, urlsplit(listener.url).port or 0), timeout=5).close()
        finally:
            listener.close()

    def test_name_that_leads_here_is_not_enough(self) -> None:
        """A page of somebody else's, whose name has come to mean this machine, has their origin and not ours."""
        listener = LoopbackListener("state")
        try:
            for host in (f"evil.example.org:{urlsplit(listener.url).port}", "127.0.0.1", ""):
                assert ask(f"{listener.url}&loginToken=theirs", Host=host)[0] == 400
            assert get(f"{listener.url}&loginToken=ours")[0] == 200
            assert listener.token.result(10).reveal() == "ours"
        finally:
            listener.close()

    def test_page_tells_nobody_where_it_was_and_says_nothing_of_the_program(self) -> None:
        listener = LoopbackListener("state")
        try:
            _, headers, _ = ask(f"{listener.url}&loginToken=t")
        finally:
            listener.close()
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] is None

    def test_other_methods_are_no_answer(self) -> None:
        listener = LoopbackListener("state")
        try:
            for method in ("POST", "HEAD", "OPTIONS"):
                assert ask(f"{listener.url}&loginToken=t", method)[0] == 501
            assert not listener.token.done()
        finally:
            listener.close()

    async def test_caller_that_gives_up(self) -> None:
        opened: list[str] = []
        is_open = asyncio.Event()

        def browse(url: str) -> None:
            opened.append(url)
            is_open.set()

        client = AsyncClient("http://localhost:8008", world=Script().async_world())
        task = asyncio.ensure_future(client.login_by_browser(open_browser=browse))
        await is_open.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionRefusedError):
            get(parse_qs(urlsplit(opened[0]).query)["redirectUrl"][0])

    async def test_browser_that_connects_and_says_nothing_holds_nobody_up(self) -> None:
        listener = LoopbackListener("state")
        port = urlsplit(listener.url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            assert (await asyncio.to_thread(get, f"{listener.url}&loginToken=t"))[0] == 200
        finally:
            writer.close()
            await writer.wait_closed()
            await asyncio.to_thread(listener.close)


async def test_url_for_whoever_has_a_page_of_their_own(faces: Faces) -> None:
    url = await faces.client().sso_url("https://app.example.org/back?x=1", identity_provider="oidc")
    assert url == (
        "http://localhost:8008/_matrix/client/v3/login/sso/redirect/oidc"
        "?redirectUrl=https%3A%2F%2Fapp.example.org%2Fback%3Fx%3D1"
    )
