"""What a process does for its manager and its proxy: readiness, a Unix socket."""

import http.client
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.config import ServerConfig
from ostiary.server.listening import CannotListen, listening_on, tell_manager
from tests.process import run_cli, serving


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(10)
        yield heard


def test_manager_is_told_when_the_server_listens_and_when_it_stops(tmp_path: Path, manager: socket.socket) -> None:
    with serving(tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server:
        assert manager.recv(100) == b"READY=1"
        assert server.call("GET", "versions")[0] == 200
        assert server.stop() == 0
        assert manager.recv(100) == b"STOPPING=1"


def test_manager_with_an_abstract_socket_is_told(tmp_path: Path) -> None:
    name = f"ostiary-test-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{name}")
        heard.settimeout(10)
        tell_manager("READY=1", f"@{name}")
        assert heard.recv(100) == b"READY=1"


def test_manager_that_is_gone_is_nobody(tmp_path: Path) -> None:
    tell_manager("READY=1", str(tmp_path / "nowhere"))
    tell_manager("READY=1", None)


def test_server_listens_on_a_unix_socket_for_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with serving(tmp_path, environment={"OSTIARY_SERVER__SOCKET": str(path)}) as server:
        assert server.address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        connection = UnixConnection(path)
        connection.request("GET", "/_matrix/client/versions")
        answer = connection.getresponse()
        assert (answer.status, "versions" in json.loads(answer.read())) == (200, True)
        connection.request("GET", "/_matrix/client/v3/account/whoami", headers={"X-Request-Id": "of-the-proxy"})
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["x-request-id"] == "of-the-proxy"
        connection.close()
        refused = run_cli(tmp_path, "serve", environment={"OSTIARY_SERVER__SOCKET": str(path)})
        assert refused.returncode == 1
        assert refused.stderr == f"ostiary: cannot listen on {path}: another server listens there\n"
        assert server.stop() == 0
    assert not path.exists()


def test_socket_left_behind_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with listening_on(ServerConfig(socket=str(path))) as listening:
        listening.close()
    path.write_text("somebody's", encoding="utf-8")
    with pytest.raises(CannotListen, match="no socket"), listening_on(ServerConfig(socket=str(path))):
        pass
    assert path.read_text(encoding="utf-8") == "somebody's"
