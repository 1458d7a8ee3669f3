"""Connections that do nothing: what each costs, how quickly others are answered beside them, when they are closed."""

import asyncio
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.overload import percentile, told
from tests.faults.report import Report
from tests.faults.scene import QUICK_HASHES
from tests.faults.talking import Line, request
from tests.process import ServerProcess, serving

SPARE_FILES = 500
KEEP_ALIVE_S = 5
ASKED = 200
CLOSED_WITHIN_S = 5.0
"""After its time, however busy the machine is."""

WHOAMI_P99_MS = 250.0
KIB_EACH = 30.0


def idle(
    directory: Path, count: int, *, header_timeout_s: int, report: Report, keep_alive_s: int = KEEP_ALIVE_S
) -> None:  # fmt: skip
    """Open so many connections that never say anything, and as many that fall silent after a request."""
    allow_files(count + SPARE_FILES)
    settings = {
        "OSTIARY_SERVER__HEADER_TIMEOUT": f"{header_timeout_s}s",
        "OSTIARY_SERVER__KEEP_ALIVE": f"{keep_alive_s}s",
    }
    with serving(directory, "--dev", environment={**QUICK_HASHES, **settings}) as server:
        body = {"username": "alice", "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
        token = server.call("POST", "v3/register", body)[1]["access_token"]
        for what, opening, timeout_s in (
            ("silent from the start", b"", header_timeout_s),
            ("silent after a request", request("GET", "/_matrix/client/versions"), keep_alive_s),
        ):
            _note_idle(server, token, count, opening, what, timeout_s, report)
            report.round_done()


def _note_idle(
    server: ServerProcess, token: str, count: int, opening: bytes, what: str, timeout_s: int, report: Report
) -> None:
    before_mib = server.resident_mib()
    with _opened(server, count, opening) as (connections, began):
        opened_s = time.monotonic() - began
        whoami = asyncio.run(_ask(server.address, token))
        each_kib = (server.resident_mib() - before_mib) * 1024 / count
        closed_s = _wait_until_closed(connections, time.monotonic() + timeout_s + opened_s + CLOSED_WITHIN_S) - began
        still_open = len(connections)
    report.notes[what] = (
        f"{count} in {opened_s:.1f} s, {each_kib:.1f} KiB each, all closed after {closed_s:.1f} s; "
        f"whoami beside them {told(whoami)}"
    )
    for is_wrong, sentence in (
        (still_open, f"{what}: {still_open} of {count} were not closed"),
        (percentile(whoami, 0.99) > WHOAMI_P99_MS, f"{what}: whoami's 99th percentile was over {WHOAMI_P99_MS} ms"),
        (each_kib > KIB_EACH, f"{what}: each takes {each_kib:.1f} KiB"),
        (bool(asyncio.run(_ask(server.address, token))) is False, f"{what}: nobody is answered afterwards"),
    ):
        if is_wrong:
            report.violated(sentence)


@contextmanager
def _opened(server: ServerProcess, count: int, opening: bytes) -> Iterator[tuple[set[socket.socket], float]]:
    parts = urlsplit(server.address)
    connections: set[socket.socket] = set()
    began = time.monotonic()
    try:
        for _ in range(count):
            connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
            if opening:
                connection.sendall(opening)
            connection.setblocking(False)
            connections.add(connection)
        yield connections, began
    finally:
        for connection in connections:
            connection.close()


def _wait_until_closed(connections: set[socket.socket], end: float) -> float:
    """Wait until the other side has closed them, which leaves none in the set; when the last was."""
    last = time.monotonic()
    with select.epoll() as poll:
        by_file = {connection.fileno(): connection for connection in connections}
        for file in by_file:
            poll.register(file, select.EPOLLIN)
        while connections and time.monotonic() < end:
            for file, _ in poll.poll(0.5):
                connection, received = by_file[file], b""
                with suppress(BlockingIOError, ConnectionResetError):
                    received = connection.recv(65_536)
                if not received:
                    poll.unregister(file)
                    connections.discard(connection)
                    connection.close()
                    last = time.monotonic()
    return last


async def _ask(address: str, token: str) -> list[float]:
    """Milliseconds of answers, on connections of their own as well as on one that is kept."""
    kept, times = Line(address), []
    for number in range(ASKED):
        line = kept if number % 4 else Line(address)
        sent = time.monotonic()
        answer = await line.ask("GET", "v3/account/whoami", token=token)
        times.append((time.monotonic() - sent) * 1000)
        assert answer.status == 200, answer
        if line is not kept:
            line.close()
    kept.close()
    return times


def allow_files(count: int) -> None:
    """Let this process, and those it starts, have so many files open. Raises ValueError where that is not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
