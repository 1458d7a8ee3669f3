"""Ends a PostgreSQL server, and removes its folder, once the process that started it is gone: killed, too.

A server is no child of whoever starts it, and a process that is killed cleans nothing up. So another waits beside it,
in a session of its own, for the end of a pipe that nobody else holds.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

START_S: Final = 10
"""How long a server may be about to start that nobody waits for any more."""

STOP_S: Final = 10

_waiting: list["subprocess.Popen[bytes]"] = []


def clean_up_after_this_process(folder: Path, data: Path | None = None) -> None:
    """To be called before a server is started there. What this process has cleaned up itself is left alone.

    ``data``: where the server keeps its data, if not in the folder itself.
    """
    command = [sys.executable, "-I", __file__, str(folder), str(data or folder)]
    _waiting.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))


def _wait_and_clean_up(folder: Path, data: Path) -> None:
    sys.stdin.buffer.read()
    end = time.monotonic() + START_S
    while (pid := _server_of(data)) is None and _may_start(data) and time.monotonic() < end:
        time.sleep(0.05)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)  # at once: nothing of it will be missed
        end = time.monotonic() + STOP_S
        while _server_of(data) == pid and time.monotonic() < end:
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _server_of(data: Path) -> int | None:
    """The process that serves this. Another that has got its number is none."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        if str(data) in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0"):
            return pid
    return None


def _may_start(data: Path) -> bool:
    """Whether it has been filled, or is being, and no server was there yet."""
    with suppress(OSError):
        return any(data.iterdir()) and not (data / "postmaster.pid").exists()
    return False


if __name__ == "__main__":
    _wait_and_clean_up(Path(sys.argv[1]), Path(sys.argv[2]))
