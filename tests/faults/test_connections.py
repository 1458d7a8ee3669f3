"""Connections that do nothing or the wrong thing: a few of those that ``python -m tests.faults idle`` opens."""

import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ostiary.server.protocol import MOST_AHEAD
from tests.faults.connections import idle
from tests.faults.report import Report
from tests.faults.scene import QUICK_HASHES
from tests.faults.talking import request
from tests.process import ServerProcess, serving

ASK = request("GET", "/_matrix/client/versions")
IMPATIENT = {
    "OSTIARY_SERVER__HEADER_TIMEOUT": "1s", "OSTIARY_SERVER__BODY_TIMEOUT": "500ms", "OSTIARY_SERVER__KEEP_ALIVE": "1s",
}  # fmt: skip
LARGE = "x" * 60_000
DONE = b"HTTP/1.1 200 OK"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path, "--dev", environment={**QUICK_HASHES, **IMPATIENT}) as process:
        yield process


def connect(server: ServerProcess) -> socket.socket:
    """A connection that takes little of what it does not read."""
    parts = urlsplit(server.address)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect((parts.hostname, parts.port))
    return connection


@pytest.fixture
def large(server: ServerProcess) -> bytes:
    """A request for an answer so large that the system's buffers do not hold MOST_AHEAD of them."""
    body = {"username": "alice", "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
    session = server.call("POST", "v3/register", body)[1]
    user_id, token = session["user_id"], session["access_token"]
    status, _ = server.call("PUT", f"v3/profile/{user_id}/org.example.large", {"org.example.large": LARGE}, token)
    assert status == 200
    return request("GET", f"/_matrix/client/v3/profile/{user_id}")


def open_files(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def settled_files(server: ServerProcess) -> int:
    """Once the connections of earlier calls are closed on its side, too."""
    counts = [open_files(server)]
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        time.sleep(0.03)
        counts.append(open_files(server))
    return counts[-1]


def test_idle_connections_cost_little_and_are_closed(tmp_path: Path) -> None:
    report = Report("idle")
    idle(tmp_path, 300, header_timeout_s=1, keep_alive_s=1, report=report)
    assert not report.violations, str(report)


def test_requests_sent_ahead_are_answered(server: ServerProcess) -> None:
    with connect(server) as connection:
        connection.sendall(ASK * MOST_AHEAD)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < MOST_AHEAD:
            received += connection.recv(65_536)


def test_requests_sent_ahead_without_end_do_not_fill_the_memory(server: ServerProcess) -> None:
    before = server.resident_mib()
    with connect(server) as connection:
        assert _sent_before_it_is_cut_off(connection, ASK * 1000, 1000) < 1000
    assert server.resident_mib() - before < 25
    assert server.call("GET", "versions")[0] == 200


def test_who_never_takes_the_answers_is_cut_off(server: ServerProcess, large: bytes) -> None:
    before = settled_files(server)
    with connect(server) as connection:
        connection.sendall(large * MOST_AHEAD)
        time.sleep(0.2)
        assert open_files(server) == before + 1
        began = time.monotonic()
        while open_files(server) > before:
            assert time.monotonic() - began < 15
            time.sleep(0.05)
    assert server.call("GET", "versions")[0] == 200


def test_who_takes_the_answers_slowly_gets_them_all(server: ServerProcess, large: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(large * MOST_AHEAD)
        received = taken = 0
        end = b""  # of the last piece, where a line may have begun
        while received < MOST_AHEAD:
            piece = connection.recv(65_536)
            assert piece, "it was cut off"
            received += (end + piece).count(DONE)
            end = (end + piece)[-len(DONE) + 1 :]
            taken += 1
            if taken % 20 == 0:
                time.sleep(0.005)  # all together far longer than one answer may lie about


LOGIN = b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"400\r\n" + b" " * 0x400 + b"\r\n"
HEADER = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nX-Large: "


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([LOGIN + CHUNK * 100], b"413"),
        ([LOGIN, *[CHUNK] * 100], b"413"),
        ([HEADER + b"x" * 100_000 + b"\r\n\r\n"], b"431"),
        ([HEADER, *[b"x" * 1_000] * 100], b"431"),
    ],
    ids=["body in one piece", "body in many", "header in one piece", "header in many"],
)
def test_what_is_too_large_is_refused(server: ServerProcess, pieces: list[bytes], status: bytes) -> None:
    with connect(server) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.001)  # so that it travels by itself
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionError:
            pass
    assert received.startswith(b"HTTP/1.1 " + status) or not received  # the answer may be cut off by the reset
    assert server.call("GET", "versions")[0] == 200


def test_more_connections_than_files_are_survived(tmp_path: Path) -> None:
    """Those that are too many are not served; once they are gone everybody is."""
    with serving(tmp_path, "--dev", environment={**QUICK_HASHES, **IMPATIENT}) as server:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (100, 100))
        connections = [connect(server) for _ in range(200)]
        time.sleep(0.3)
        for connection in connections:
            connection.close()
        body = {"username": "alice", "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
        deadline = time.monotonic() + 10
        while True:
            try:
                status, _ = server.call("POST", "v3/register", body)
            except (OSError, subprocess.SubprocessError):
                status = 0
            if status == 200:
                break
            assert time.monotonic() < deadline, status
            time.sleep(0.1)


def _sent_before_it_is_cut_off(connection: socket.socket, what: bytes, times: int) -> int:
    """How often something could be sent."""
    for number in range(times):
        try:
            connection.sendall(what)
        except ConnectionError:
            return number
    return times
