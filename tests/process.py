"""A real server process, as a person would start it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMPILED = Path(tempfile.gettempdir()) / f"ostiary-compiled-{os.getuid()}"
"""Where compiled modules are kept, wherever the source may be written."""


class ServerProcess:
    """``ostiary serve`` on a free port. ``log``: the lines it has logged so far."""

    def __init__(self, directory: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.log: list[dict[str, Any]] = []
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "ostiary.cli", "serve", "--port", "0", *options],
            cwd=directory,
            env={**clean_environment(), **(environment or {})},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = self._wait_until_ready()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Answers with the exit code."""
        self._popen.send_signal(number)
        code = self._popen.wait(timeout=30)
        self._reader.join(timeout=5)
        return code

    def close(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()
        self._reader.join(timeout=5)
        if self._popen.stderr is not None:
            self._popen.stderr.close()

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
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"event": line.rstrip()})
            if self.log[-1]["event"] == "serving":
                address: str = self.log[-1]["address"]
                return address
        raise AssertionError(f"the server did not start: {self.log}")

    def _read_log(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"event": line.rstrip()})


@contextmanager
def serving(directory: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """A server process until the context ends."""
    server = ServerProcess(directory, *options, environment=environment)
    try:
        yield server
    finally:
        server.close()


def run_cli(
    directory: Path, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None, timeout_s: int = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ostiary.cli", *arguments],
        cwd=directory,
        env={**clean_environment(), **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def running_cli(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until it ends, or the context does."""
    command = [sys.executable, "-m", "ostiary.cli", *arguments]
    with subprocess.Popen(
        command, cwd=directory, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours, and with compiled modules kept, as where the server is installed."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OSTIARY_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, "PYTHONPYCACHEPREFIX": str(COMPILED)}
