"""What keys do that only a process shows: the bounds of its connections and of its end. One process for each value."""

import http.client
import logging
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ostiary.config import LoggingConfig
from ostiary.server.logs import Log
from tests.delivery.doubles import closed_port
from tests.logged import logging_as
from tests.process import ServerProcess, serving

BELOW, ABOVE = 1_500, 5_000
"""Bytes of a header, below and above the smaller of the bounds."""


def connected(server: ServerProcess) -> socket.socket:
    parts = urlsplit(server.address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)


def status_with_header(server: ServerProcess, size: int) -> int | None:
    """The status that a request with so large a head is answered with; None where the connection is closed."""
    connection = server.connect()
    try:
        connection.request("GET", "/_matrix/client/versions", headers={"X": "a" * size})
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def http_answer(connection: socket.socket) -> bytes:
    """All of an answer to a call that is small."""
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65_536)
    return answer


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> object:
    bounds = {
        "OSTIARY_SERVER__MAX_HEADER_BYTES": "2048",
        "OSTIARY_SERVER__KEEP_ALIVE": "1s",
        "OSTIARY_SERVER__SHUTDOWN_TIMEOUT": "1s",
        "OSTIARY_LOGGING__FORMAT": "json",
    }
    with serving(tmp_path_factory.mktemp("narrow"), environment=bounds) as server:
        yield server


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> object:
    bounds = {"OSTIARY_SERVER__KEEP_ALIVE": "60s", "OSTIARY_SERVER__SHUTDOWN_TIMEOUT": "60s"}
    with serving(tmp_path_factory.mktemp("wide"), environment=bounds) as server:
        yield server


def test_host_is_where_it_listens(tmp_path: Path, wide: ServerProcess) -> None:
    assert urlsplit(wide.address).hostname == "127.0.0.1"
    with serving(tmp_path, "--host", "127.0.0.2") as server:
        assert urlsplit(server.address).hostname == "127.0.0.2"
        assert server.call("GET", "versions")[0] == 200


def test_head_may_be_as_large(narrow: ServerProcess, wide: ServerProcess) -> None:
    assert [status_with_header(narrow, size) for size in (BELOW, ABOVE)] == [200, 431]
    assert [status_with_header(wide, size) for size in (BELOW, ABOVE)] == [200, 200]


def test_body_that_comes_with_the_head_is_no_head(narrow: ServerProcess) -> None:
    body = b'{"x":"' + b"a" * ABOVE + b'"}'
    head = (
        b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )
    for place in (0, len(head) - 2):  # even where the end of the head comes in two parts
        with connected(narrow) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(head[:place])
            time.sleep(0.05 if place else 0)
            connection.sendall(head[place:] + body)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_idle_connection_is_kept_as_long(narrow: ServerProcess, wide: ServerProcess) -> None:
    request = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(narrow) as short, connected(wide) as long:
        for connection in (short, long):
            connection.sendall(request)
        while short.recv(65_536):  # its answer, and then its end
            pass
        long.settimeout(0.1)
        assert http_answer(long).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(TimeoutError):
            long.recv(65_536)


def test_requests_under_way_hold_up_the_end_as_long(narrow: ServerProcess, wide: ServerProcess) -> None:
    unfinished = b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    with connected(narrow) as short, connected(wide) as long:
        for connection in (short, long):
            connection.sendall(unfinished)
        assert narrow.call("GET", "versions")[0] == wide.call("GET", "versions")[0] == 200  # both have been read
        wide.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        narrow.stop()
        assert time.monotonic() - began < 10
        assert wide.process.poll() is None


def test_port_is_where_it_listens(tmp_path: Path) -> None:
    port = closed_port()
    with serving(tmp_path, "--port", str(port)) as server:
        assert urlsplit(server.address).port == port


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_metrics_are_told_at_their_place(tmp_path: Path, host: str) -> None:
    port = closed_port()
    place = {
        "OSTIARY_METRICS__ENABLED": "true",
        "OSTIARY_METRICS__HOST": host,
        "OSTIARY_METRICS__PORT": str(port),
        "OSTIARY_LOGGING__FORMAT": "json",
    }
    with serving(tmp_path, environment=place) as server:
        told = next(line["address"] for line in server.log if line["event"] == "telling metrics")
        assert (urlsplit(told).hostname, urlsplit(told).port) == (host, port)


@pytest.mark.parametrize(("level", "lines"), [("debug", 2), ("info", 2), ("warning", 1), ("error", 0)])
def test_log_has_what_is_grave_enough(level: str, lines: int) -> None:
    with logging_as(LoggingConfig(level=level, format="json")) as logged:
        log = Log(logging.getLogger("ostiary.server"))
        log.info("one")
        log.warning("another")
        assert len(logged.lines()) == lines


@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("console", False), ("auto", True)])
def test_log_is_for_machines_or_people(form: str, is_json: bool) -> None:
    with logging_as(LoggingConfig(format=form)) as logged:
        Log(logging.getLogger("ostiary.server")).warning("one")
        assert logged.text.startswith("{") == is_json
