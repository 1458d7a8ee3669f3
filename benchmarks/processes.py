"""What processes use: CPU to the nanosecond, memory. Asks Linux; knows no server."""

import ctypes
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_C = ctypes.CDLL(None)
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# Where /proc/PID/stat has them, counted behind the name.
_PARENT = 1
_OF_ENDED_CHILDREN = slice(13, 15)


@dataclass(frozen=True)
class Processes:
    """Processes with all that descend from them."""

    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """CPU used so far, by all threads; also by descendants that have ended and been waited for."""
        return sum(_cpu_seconds(pid) for pid in self.all())

    def resident_mib(self) -> float:
        """Memory resident now, of the largest."""
        return max(_resident_mib(pid) for pid in self.all())

    def all(self) -> list[int]:
        """Their IDs, and those of their descendants."""
        children: dict[int, list[int]] = {}
        for pid, parent in _parents():
            children.setdefault(parent, []).append(pid)
        found: list[int] = []
        waiting = list(self.pids)
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, ())
        return found


def _cpu_seconds(pid: int) -> float:
    clock = ctypes.c_int()
    if _C.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        return 0.0  # it has just ended
    try:
        ended_children = sum(map(int, _stat(pid)[_OF_ENDED_CHILDREN])) / _TICKS_PER_SECOND
        return time.clock_gettime(clock.value) + ended_children
    except OSError:
        return 0.0


def _resident_mib(pid: int) -> float:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0.0
    return int(pages) * _PAGE_BYTES / 2**20


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), int(_stat(int(entry.name))[_PARENT])
            except OSError:
                continue


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
