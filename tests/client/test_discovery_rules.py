"""The rules of the specification's "Well-known URI", one by one; and servers that speak the first versions alone."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ostiary.api.errors import NotMatrix
from ostiary.api.http import HttpRequest
from ostiary.client import Client, ConnectionFailed, DiscoveryFailed, HtmlPage, RetryPolicy
from ostiary.client.discovery import Found, find, hostname
from ostiary.client.paths import newest_first
from tests.client.scripted import BASE, Reply, Script, refusal, reply

ONCE = RetryPolicy(attempts=1)
HERE = {"m.homeserver": {"base_url": "https://hs.example.org/"}}
IDENTITY = {"m.identity_server": {"base_url": "https://is.example.org/"}}
VERSIONS = {"versions": ["r0.6.1", "v1.19"]}
LOST = ConnectionFailed("lost", sent=True)


def run(well_known: Reply, *, versions: Reply | None = None, identity: Reply | None = None) -> tuple[Found, Script]:
    def answer(request: HttpRequest) -> Reply:
        match request.path:
            case "/_matrix/client/versions":
                return versions or reply(200, VERSIONS)
            case "/_matrix/identity/v2":
                return identity or reply(200, {})
        return well_known

    script = Script(by=answer)
    return script.world().run(find("example.org", ONCE)), script


class TestRules:
    def test_404_is_to_ignore(self) -> None:
        for answer in (reply(404, b""), reply(404, b"<html>"), refusal(404, "M_NOT_FOUND")):
            assert run(answer)[0] == Found("https://example.org")

    @pytest.mark.parametrize(
        "answer",
        [
            reply(201, HERE), reply(203, HERE), reply(204, b""), reply(400, HERE), reply(403, b""), reply(410, b""),
            reply(500, HERE), LOST, ConnectionFailed("no such host", sent=False), reply(302, b""),
            reply(200, b""), reply(200, b"{"), reply(200, b"<html>"), reply(200, []), reply(200, b"\xff"),
            reply(200, {}), reply(200, {"m.homeserver": {}}), reply(200, {"m.homeserver": {"base_url": 3}}),
            reply(200, {"m.homeserver": None}), reply(200, {"m.homeserver": "https://hs.example.org"}),
            reply(200, HERE | {"m.identity_server": {}}), reply(200, HERE | {"m.identity_server": 3}),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_fails_with_a_prompt(self, answer: Any) -> None:
        with pytest.raises(DiscoveryFailed) as caught:
            run(answer)
        assert caught.value.ask_user

    @pytest.mark.parametrize(
        "url", ["", "hs.example.org", "ftp://x", "https://", "https://x:port", "https://[::1", "https://x?y", "//x"]
    )
    def test_url_that_is_none_fails_for_good(self, url: str) -> None:
        for told in ({"m.homeserver": {"base_url": url}}, HERE | {"m.identity_server": {"base_url": url}}):
            with pytest.raises(DiscoveryFailed) as caught:
                run(reply(200, told))
            assert not caught.value.ask_user

    @pytest.mark.parametrize(
        "answer", [LOST, reply(404, b""), reply(200, b"<html>"), reply(200, {}), reply(200, {"versions": "v1.1"}),
                   reply(302, b"", location="https://elsewhere.example/_matrix/client/versions")]
    )  # fmt: skip
    def test_homeserver_that_is_none_fails_for_good(self, answer: Any) -> None:
        with pytest.raises(DiscoveryFailed, match=r"hs\.example\.org") as caught:
            run(reply(200, HERE), versions=answer)
        assert not caught.value.ask_user

    @pytest.mark.parametrize("answer", [LOST, reply(404, b""), reply(200, b"<html>"), refusal(500, "M_UNKNOWN")])
    def test_identity_server_that_is_none_fails_for_good(self, answer: Any) -> None:
        with pytest.raises(DiscoveryFailed, match=r"is\.example\.org") as caught:
            run(reply(200, HERE | IDENTITY), identity=answer)
        assert not caught.value.ask_user

    def test_all_is_found(self) -> None:
        found, script = run(reply(200, HERE | IDENTITY | {"org.example.more": 1}))
        assert found == Found("https://hs.example.org", "https://is.example.org", ("r0.6.1", "v1.19"))
        assert script.bases == ["https://example.org", "https://hs.example.org", "https://is.example.org"]

    @pytest.mark.parametrize(
        ("name", "asked", "own"),
        [
            ("example.org:8448", "https://example.org", "https://example.org:8448"),
            ("@alice:example.org", "https://example.org", "https://example.org"),
            ("@alice:example.org:8448", "https://example.org", "https://example.org:8448"),
            ("[::1]:8448", "https://[::1]", "https://[::1]:8448"),
            ("[2001:db8::1]", "https://[2001:db8::1]", "https://[2001:db8::1]"),
        ],
    )
    def test_host_is_asked_without_its_port(self, name: str, asked: str, own: str) -> None:
        script = Script([reply(404, b"")])
        assert script.world().run(find(name, ONCE)).base_url == own
        assert script.bases == [asked]
        assert f"https://{hostname(name.rpartition('@')[2].partition(':')[2] if '@' in name else name)}" == asked


class OldServer(ThreadingHTTPServer):
    """Speaks r0 alone. ``unknown``: what it answers at every other path, with which status."""

    daemon_threads = True

    def __init__(self, status: int, unknown: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.unknown = status, unknown
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: OldServer

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {self.path}")
        known: dict[str, Any] = {
            "/_matrix/client/versions": {"versions": ["r0.2.0", "r0.6.1"]},
            "/_matrix/client/r0/login": {"user_id": "@a:b", "access_token": "t", "device_id": "D"},
            "/_matrix/client/r0/account/whoami": {"user_id": "@a:b"},
            "/_matrix/client/r0/logout": {},
        }
        status, body = self.server.unknown
        if self.path in known:
            status, body = 200, json.dumps(known[self.path]).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server asks for


UNRECOGNIZED = b'{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}'


@pytest.fixture(
    params=[(404, b"404 page not found\n"), (404, b"<html>nginx"), (404, UNRECOGNIZED), (400, UNRECOGNIZED)],
    ids=["text", "page", "404", "400"],
)
def old(request: pytest.FixtureRequest) -> Iterator[OldServer]:
    with OldServer(*request.param) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class TestOldServers:
    def test_whole_life(self, old: OldServer) -> None:
        with Client(old.url, retries=ONCE) as client:
            session = client.login("alice", "password")
            assert session.whoami().user_id == "@a:b"
            session.logout()
        assert old.asked.count("POST /_matrix/client/r0/login") == 1
        assert [line for line in old.asked if line.startswith("GET /_matrix/client/versions")][1:] == []

    def test_server_that_was_asked_before_is_called_where_it_answers(self, old: OldServer) -> None:
        with Client(old.url, retries=ONCE) as client:
            assert client.versions() == ("r0.2.0", "r0.6.1")
            client.login("alice", "password")
        assert old.asked == ["GET /_matrix/client/versions", "POST /_matrix/client/r0/login"]


class TestNewServers:
    def test_page_is_told_where_the_server_knows_the_path(self) -> None:
        script = Script(
            by=lambda request: reply(200, VERSIONS) if "versions" in request.path else reply(404, b"<html>no")
        )
        with pytest.raises(HtmlPage):
            Client(BASE, world=script.world(), retries=ONCE).login_flows()
        assert script.paths == ["GET /_matrix/client/v3/login", "GET /_matrix/client/versions"]

    def test_versions_are_asked_for_once(self) -> None:
        script = Script(
            by=lambda request: reply(200, VERSIONS) if "versions" in request.path else reply(404, b"<html>no")
        )
        client = Client(BASE, world=script.world(), retries=ONCE)
        for _ in range(3):
            with pytest.raises(NotMatrix):
                client.login_flows()
        assert script.paths.count("GET /_matrix/client/versions") == 1

    def test_what_worked_stays_first(self) -> None:
        from ostiary.api.login import Login

        login = Login(type="m.login.password")
        r0 = "/_matrix/client/r0/login"
        assert newest_first(login, None, None)[0] == "/_matrix/client/v3/login"
        assert newest_first(login, ("r0.6.1",), None)[0] == r0
        assert newest_first(login, ("r0.6.1", "v1.1"), None)[0] == "/_matrix/client/v3/login"
        assert newest_first(login, ("v1.19",), r0)[0] == r0
