"""A real process: how it starts, stops, and what a kill leaves behind."""

import json
import signal
import socket
import sqlite3
import stat
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.process import ServerProcess, run_cli, serving
from tests.world import PASSWORD

POST = b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\n"
DUMMY = {"type": "m.login.dummy"}
HASH_MIB = 19
"""What one hash takes, as it comes."""

QUICK = {"OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "64", "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1"}


def register(server: ServerProcess, name: str) -> str:
    body = {"username": name, "password": PASSWORD, "auth": DUMMY}
    status, answer = server.call("POST", "v3/register", body)
    assert status == 200, answer
    token: str = answer["access_token"]
    return token


class TestStart:
    def test_without_options_registration_is_closed_and_the_database_is_here(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server:
            status, answer = server.call("POST", "v3/register", {"username": "bob", "password": PASSWORD})
            assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")
            assert server.log[-1]["server_name"] == "localhost"
        assert (tmp_path / "ostiary.db").exists()
        assert stat.S_IMODE((tmp_path / "ostiary.db").stat().st_mode) == 0o600

    def test_dev_is_open_and_says_so(self, tmp_path: Path) -> None:
        with serving(tmp_path, "--dev", environment=QUICK) as server:
            for number in range(30):
                register(server, f"user{number}")
            warning = next(line for line in server.log if line["level"] == "warning")
            assert "rate-limited" in warning["event"]

    def test_ready_within_half_a_second_of_cpu_and_60_mib(self, tmp_path: Path) -> None:
        """The budget of every start but the first. Counted in CPU, so that a busy machine does not matter much."""
        with serving(tmp_path, anew=True):
            pass
        with serving(tmp_path, anew=True) as server:
            assert server.cpu_seconds() < 0.5
            assert server.resident_mib() < 60

    def test_memory_of_hashes_is_given_back_after_the_last_login(self, tmp_path: Path) -> None:
        with serving(tmp_path, "--dev") as server:
            before, most = server.resident_mib(), 0.0
            logins = [threading.Thread(target=register, args=(server, f"user{number}")) for number in range(4)]
            for one in logins:
                one.start()
            while any(one.is_alive() for one in logins):
                most = max(most, server.resident_mib())
            assert most - before > HASH_MIB
            after, until = most, time.monotonic() + 20
            while after - before >= HASH_MIB and time.monotonic() < until:
                time.sleep(0.05)  # it is a second until the server calls itself idle
                after = server.resident_mib()
            assert after - before < HASH_MIB

    def test_port_in_use_is_told_in_a_line(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = run_cli(tmp_path, "serve", "--port", str(port))
        assert done.returncode == 1
        assert done.stderr == f"ostiary: cannot listen on 127.0.0.1 port {port}: Address already in use\n"

    def test_database_that_is_none_is_told_in_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "ostiary.db").write_text("this is no database, whatever its name says" * 100, encoding="ascii")
        done = run_cli(tmp_path, "serve", "--port", "0")
        assert done.returncode == 1
        assert done.stderr == "ostiary: The database ostiary.db cannot be opened: file is not a database\n"


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal_ends_it_cleanly(self, tmp_path: Path, number: signal.Signals) -> None:
        with serving(tmp_path) as server:
            assert server.stop(number) == 0
            assert server.log[-1]["event"] == "stopped"

    def test_request_under_way_is_finished_and_last_seen_is_written(self, tmp_path: Path) -> None:
        slow = {"OSTIARY_PASSWORDS__ARGON2_TIME_COST": "40"}
        answers: list[int] = []
        with serving(tmp_path, "--dev", environment=slow) as server:
            token = register(server, "alice")
            assert server.call("GET", "v3/account/whoami", token=token)[0] == 200
            body = {"type": "m.login.password", "user": "alice", "password": PASSWORD}
            connection = server.connect()
            connection.request("POST", "/_matrix/client/v3/login", json.dumps(body))
            waiting = threading.Thread(target=lambda: answers.append(connection.getresponse().status))
            waiting.start()
            time.sleep(0.15)  # long enough to arrive, far shorter than the hash
            assert server.stop() == 0
            waiting.join(timeout=10)
            connection.close()
        assert answers == [200]
        with sqlite3.connect(tmp_path / "ostiary.db") as database:
            (seen,) = database.execute("SELECT count(*) FROM devices WHERE last_seen_at IS NOT NULL").fetchone()
        database.close()
        assert seen == 1


class TestOtherProcess:
    def test_password_set_on_the_command_line_ends_sessions_of_a_running_server(self, tmp_path: Path) -> None:
        with serving(tmp_path, "--dev", environment=QUICK) as server:
            token = register(server, "alice")
            assert server.call("GET", "v3/account/whoami", token=token)[0] == 200
            done = run_cli(
                tmp_path, "admin", "set-password", "alice", "--password-stdin",
                stdin="another password\n", environment=QUICK,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            deadline = time.monotonic() + 5
            while (answer := server.call("GET", "v3/account/whoami", token=token))[0] == 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert answer[1]["soft_logout"] is False
            body = {"type": "m.login.password", "user": "alice", "password": "another password"}
            assert server.call("POST", "v3/login", body)[0] == 200


class TestHostileConnections:
    @pytest.fixture
    def address(self, tmp_path: Path) -> object:
        impatient = {"OSTIARY_SERVER__HEADER_TIMEOUT": "300ms", "OSTIARY_SERVER__BODY_TIMEOUT": "300ms"}
        with serving(tmp_path, "--dev", environment={**QUICK, **impatient}) as server:
            parts = urlsplit(server.address)
            yield (parts.hostname, parts.port)

    def test_endless_header_is_cut_off(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nX: ")
            assert _sent_until_closed(connection, [b"a" * 65_536] * 800, pause_s=0) < 20_000_000

    @pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
    def test_silent_or_unfinished_head_is_closed(self, address: tuple[str, int], opening: bytes) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(opening)
            assert _rest(connection) == b""

    def test_header_dripping_in_is_closed(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            assert _sent_until_closed(connection, [b"a"] * 100, pause_s=0.05) < 50

    def test_body_that_does_not_come_is_given_up(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
            assert _rest(connection).startswith(b"HTTP/1.1 408 ")

    @pytest.mark.parametrize(
        "head",
        [
            POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"GET /_matrix/client/versions HTTP/1.1\r\nHost : x\r\n\r\n",
            b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
            b"nonsense\r\n\r\n",
        ],
    )
    def test_what_is_not_http_is_refused(self, address: tuple[str, int], head: bytes) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(head)
            assert _rest(connection).startswith(b"HTTP/1.1 400 ")

    def test_large_body_is_refused_unread(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
            answer = _rest(connection)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"M_TOO_LARGE" in answer
            assert b"access-control-allow-origin: *" in answer.lower()

    def test_several_requests_on_one_connection_are_served(self, address: tuple[str, int]) -> None:
        request = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(request * 3 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert _rest(connection).count(b"HTTP/1.1 200 OK") == 4


def _sent_until_closed(connection: socket.socket, chunks: list[bytes], pause_s: float) -> int:
    """How many bytes could be sent before the other side closed."""
    sent = 0
    try:
        for chunk in chunks:
            connection.sendall(chunk)
            sent += len(chunk)
            time.sleep(pause_s)
    except ConnectionError:
        pass
    return sent


def _rest(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received
