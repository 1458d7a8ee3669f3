"""What hostile servers and people with hostile names would have commands do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from ostiary.api.visible import visible
from tests.process import run_cli, serving

HOSTILE: Final = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202ednim\r\nostiary: all is well\u2028\x85\x7f"
SHOWN: Final = r"\u001b]0;owned\u0007\u001b[2J\u009b31m\u202ednim\u000d\u000aostiary: all is well\u2028\u0085\u007f"


class HostileServer(ThreadingHTTPServer):
    """Answers a login, a list of devices, and whatever else is asked with an error, all in its own words."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        if path.endswith("/login"):
            return 200, {"user_id": "@alice:example.org", "access_token": "t", "device_id": HOSTILE}
        if path.endswith("/devices"):
            return 200, {"devices": [{"device_id": "D", "display_name": HOSTILE, "last_seen_ip": HOSTILE}]}
        return 403, {"errcode": "M_FORBIDDEN", "error": HOSTILE}


class _Handler(BaseHTTPRequestHandler):
    def do(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert isinstance(self.server, HostileServer)
        status, answer = self.server.answer(self.command, self.path)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815 - as the library names them

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def is_seen(printed: str) -> bool:
    """Whether nothing but lines reached the terminal."""
    return all(line == visible(line) for line in printed.split("\n"))


def test_of_a_hostile_server(hostile: HostileServer, tmp_path: Path) -> None:
    environment = {"OSTIARY_SESSIONS_FILE": str(tmp_path / "sessions.json")}

    def run(*arguments: str) -> str:
        done = run_cli(tmp_path, *arguments, stdin="password\n", environment=environment)
        printed = done.stdout + done.stderr
        assert is_seen(printed), printed
        return printed

    assert SHOWN in run("login", "alice", "--homeserver", hostile.url, "--password-stdin")
    assert r"\u001b]0;owned\u0007" in run("devices", "list")
    assert json.loads(run("devices", "list", "--json"))[0]["display_name"] == HOSTILE
    assert r"\u001b]0;owned\u0007" in run("whoami")
    assert r"\u001b]0;owned\u0007" in run("sessions", "list")


def test_of_a_hostile_user_to_an_administrator(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"OSTIARY_REGISTRATION__ENABLED": "true"}) as server:
        body = {"username": "mallory", "initial_device_display_name": HOSTILE, "auth": {"type": "m.login.dummy"}}
        assert server.call("POST", "v3/register", body)[0] == 200
    for told in ("table", "json"):
        more = ("--json",) if told == "json" else ()
        done = run_cli(tmp_path, "admin", "devices", "list", "mallory", *more)
        assert done.returncode == 0, done.stderr
        assert is_seen(done.stdout)
        assert r"\u001b]0;owned" in done.stdout


def test_session_under_a_name_that_another_server_gave_is_not_picked_by_it(
    hostile: HostileServer, tmp_path: Path
) -> None:
    environment = {"OSTIARY_SESSIONS_FILE": str(tmp_path / "sessions.json")}
    for host in ("127.0.0.1", "localhost"):
        url = hostile.url.replace("127.0.0.1", host)
        login = ("login", "alice", "--homeserver", url, "--password-stdin")
        assert run_cli(tmp_path, *login, stdin="password\n", environment=environment).returncode == 0
    done = run_cli(tmp_path, "whoami", "--user", "@alice:example.org", environment=environment)
    assert done.returncode == 1
    assert "of several servers" in done.stderr


@pytest.mark.parametrize("character", ["ä", "€", "𝄞", " ", "\u200d", "\ufe0f", "ع"])
def test_what_can_be_seen_is_shown_as_it_is(character: str) -> None:
    assert visible(character) == character
