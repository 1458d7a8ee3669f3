"""What processes use: CPU to the nanosecond, memory, what is read and written. Asks Linux; knows no server.

A ``Process`` is one alone, whatever it has started. ``Processes`` are counted with all that descend from them.
"""

import ctypes
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_C = ctypes.CDLL(None)
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# Where /proc/PID/stat has them, counted behind the name.
_PARENT = 1
_OF_ENDED_CHILDREN = slice(13, 15)


@dataclass(frozen=True)
class Process:
    """One process, of which nobody else's share is told. All raise OSError once it has ended."""

    pid: int

    def cpu_seconds(self) -> float:
        """CPU used so far, by all its threads, also those that have ended."""
        clock = ctypes.c_int()
        if _C.clock_getcpuclockid(self.pid, ctypes.byref(clock)) != 0:
            raise ProcessLookupError(self.pid)
        return time.clock_gettime(clock.value)

    def cpu_seconds_of_ended_children(self) -> float:
        """CPU that its children have used that have ended and been waited for, in whole ticks of the system."""
        return sum(map(int, self._stat()[_OF_ENDED_CHILDREN])) / _TICKS_PER_SECOND

    def resident_mib(self) -> float:
        """Memory resident now."""
        return self._counted("status", "VmRSS") / 1024

    def private_mib(self) -> float:
        """Memory resident now, without what is mapped from files or shared."""
        return self._counted("status", "RssAnon") / 1024

    def read_kib(self) -> float:
        """What the disk has been asked for: whatever no memory had."""
        return self._counted("io", "read_bytes") / 1024

    def reads(self) -> int:
        """How often it has asked the system to read."""
        return self._counted("io", "syscr")

    def written_kib(self) -> float:
        """What was handed to the system to be written. (What it calls written counts whole folios of its cache.)"""
        return self._counted("io", "wchar") / 1024

    def parent(self) -> int:
        """The ID of the process that it is a child of."""
        return int(self._stat()[_PARENT])

    def _counted(self, file: str, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/{file}").read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise ProcessLookupError(self.pid)  # it has ended, and nobody has waited for it yet

    def _stat(self) -> list[str]:
        text = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()


@dataclass(frozen=True)
class Processes:
    """Processes with all that descend from them. One that has just ended counts for nothing."""

    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """CPU used so far, by all threads; also by descendants that have ended and been waited for."""
        return sum(_cpu_with_ended_children(process) for process in self.all())

    def resident_mib(self) -> float:
        """Memory resident now, of the largest."""
        return max(_resident_mib(process) for process in self.all())

    def all(self) -> list[Process]:
        """They, and their descendants."""
        children: dict[int, list[int]] = {}
        for pid, parent in _parents():
            children.setdefault(parent, []).append(pid)
        found: list[Process] = []
        waiting = list(self.pids)
        while waiting:
            pid = waiting.pop()
            found.append(Process(pid))
            waiting += children.get(pid, ())
        return found


def _cpu_with_ended_children(process: Process) -> float:
    try:
        return process.cpu_seconds() + process.cpu_seconds_of_ended_children()
    except OSError:
        return 0.0


def _resident_mib(process: Process) -> float:
    try:
        return process.resident_mib()
    except OSError:
        return 0.0


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), Process(int(entry.name)).parent()
            except OSError:
                continue
