"""Starts programs of ours as processes of their own: forks of one that has loaded everything, see ``tests.forking``."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

ROOT: Final = Path(__file__).parents[1]

COMPILED: Final = Path(tempfile.gettempdir()) / f"ostiary-compiled-{os.getuid()}"
"""Where compiled modules are kept where the environment does not want them beside the source."""

PIPE: Final = subprocess.PIPE
DEVNULL: Final = subprocess.DEVNULL


class Started:
    """A process that was started, with the names that ``subprocess.Popen`` has. Streams are files of text, or None."""

    def __init__(self, line: socket.socket, pipes: Mapping[str, int]) -> None:
        self._line = line
        self.pid = self._told()
        self.returncode: int | None = None
        self.stdin = os.fdopen(pipes["stdin"], "w", encoding="utf-8") if "stdin" in pipes else None
        self.stdout = os.fdopen(pipes["stdout"], encoding="utf-8") if "stdout" in pipes else None
        self.stderr = os.fdopen(pipes["stderr"], encoding="utf-8") if "stderr" in pipes else None

    def poll(self) -> int | None:
        """How it has ended, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end: its exit code, or the number of the signal below zero."""
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                self.returncode = self._told()
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            self._line.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def _told(self) -> int:
        told = self._line.recv(20)
        assert told, "the process that forks is gone"
        return int(told)


AnyProcess = Started | subprocess.Popen[str]


def start(
    *arguments: str, program: str | None = None, folder: Path = ROOT, environment: Mapping[str, str] | None = None,
    stdin: int | IO[str] = DEVNULL, stdout: int | IO[str] = DEVNULL, stderr: int | IO[str] = 2,
    session: bool = False, anew: bool = False,
) -> AnyProcess:  # fmt: skip
    """Start the command line, or a program that is given as text.

    ``environment``: besides a clean one. ``session``: in one of its own, without a terminal. ``anew``: by starting
    Python, which is slow; also where the environment says something to Python.
    """
    whole = {**clean_environment(), **(environment or {})}
    if anew or any(name.startswith("PYTHON") for name in environment or ()):
        what = ["-m", "ostiary.cli"] if program is None else ["-c", program]
        return subprocess.Popen(
            [sys.executable, *what, *arguments], cwd=folder, env=whole,
            stdin=stdin, stdout=stdout, stderr=stderr, text=True, start_new_session=session,
        )  # fmt: skip
    order = (program, arguments, str(folder), whole, session)
    line, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends = _Ends()
    theirs = [ends.of("stdin", stdin), ends.of("stdout", stdout), ends.of("stderr", stderr)]
    socket.send_fds(_orders(), [json.dumps(order).encode()], [told.fileno(), *theirs])
    told.close()
    ends.close()
    return Started(line, ends.ours)


class _Ends:
    """The ends of pipes. ``ours``: by the name of the stream."""

    def __init__(self) -> None:
        self.ours: dict[str, int] = {}
        self._theirs: list[int] = []

    def of(self, name: str, stream: int | IO[str]) -> int:
        """The end that the process gets."""
        if stream == PIPE:
            read, write = os.pipe()
            self.ours[name], its = (write, read) if name == "stdin" else (read, write)
        elif stream == DEVNULL:
            its = os.open(os.devnull, os.O_RDWR)
        else:
            return stream if isinstance(stream, int) else stream.fileno()
        self._theirs.append(its)
        return its

    def close(self) -> None:
        """Close those that the process has got."""
        for its in self._theirs:
            os.close(its)


_lock = threading.Lock()
_line: socket.socket | None = None


def _orders() -> socket.socket:
    """Where to give orders to the process that forks, which is started for the first."""
    global _line
    with _lock:
        if _line is None:
            _line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
                cwd=ROOT, env=clean_environment(), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
            atexit.register(_end, _line, process)
        return _line


def _end(line: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    line.close()
    process.wait(timeout=10)


def clean_environment(*, compiled: Path | None = COMPILED) -> dict[str, str]:
    """The environment without settings of ours, and with compiled modules kept, as where the server is installed.

    ``compiled``: where, if not beside the source; None: there in any case.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None) and compiled is not None:
        kept["PYTHONPYCACHEPREFIX"] = str(compiled)
    return kept
