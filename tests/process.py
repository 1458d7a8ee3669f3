"""A real server process, as a person would start it; and the other commands, run to their end."""

import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.starting import PIPE, AnyProcess, start


class ServerProcess:
    """``ostiary serve`` on a free port. ``log``: the lines it has logged so far. ``anew``: see ``start``."""

    def __init__(
        self, directory: Path, *options: str, environment: Mapping[str, str] | None = None, anew: bool = False
    ) -> None:  # fmt: skip
        self.directory = directory
        self.log: list[dict[str, Any]] = []
        self.process = start(
            "serve", "--port", "0", *options, folder=directory, environment=environment, stderr=PIPE, anew=anew
        )
        self.address = self._wait_until_ready()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Answers with the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=5)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Send JSON below /_matrix/client/ and read the answer."""
        connection = self.connect()
        try:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            raw = None if body is None else json.dumps(body)
            connection.request(method, f"/_matrix/client/{path}", raw, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def cpu_seconds(self) -> float:
        """CPU used so far, by the system's own accounting."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Memory resident now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _wait_until_ready(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"event": line.rstrip()})
            if self.log[-1]["event"] == "serving":
                address: str = self.log[-1]["address"]
                return address
        raise AssertionError(f"the server did not start: {self.log}")

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"event": line.rstrip()})


@contextmanager
def serving(
    directory: Path, *options: str, environment: Mapping[str, str] | None = None, anew: bool = False
) -> Iterator[ServerProcess]:  # fmt: skip
    """A server process until the context ends. ``anew``: see ``start``."""
    server = ServerProcess(directory, *options, environment=environment, anew=anew)
    try:
        yield server
    finally:
        server.close()


def run_cli(
    directory: Path, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None,
    timeout_s: int = 60, anew: bool = False,
) -> "subprocess.CompletedProcess[str]":  # fmt: skip
    """Run a command to its end. ``anew``: see ``start``."""
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as asked,
        tempfile.TemporaryFile("w+", encoding="utf-8") as printed,
        tempfile.TemporaryFile("w+", encoding="utf-8") as told,
    ):
        asked.write(stdin)
        asked.seek(0)
        process = start(
            *arguments, folder=directory, environment=environment, stdin=asked, stdout=printed, stderr=told, anew=anew
        )
        try:
            code = process.wait(timeout=timeout_s)
        finally:
            process.kill()
            process.wait()
        for file in (printed, told):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, printed.read(), told.read())


@contextmanager
def running_cli(directory: Path, *arguments: str) -> Iterator[AnyProcess]:
    """A command that runs until it ends, or the context does."""
    with start(*arguments, folder=directory, stdout=PIPE, stderr=PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
