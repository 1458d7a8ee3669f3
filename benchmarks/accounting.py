"""What processes have used, by the system's own accounting (Linux): CPU, memory, what was read from the disk."""

from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def cpu_us(pid: int) -> float:
    """CPU that the threads of a process have used so far, to the nanosecond the scheduler knows."""
    spent = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return spent / 1e3


def read_kib(pid: int) -> float:
    """What the disk has been asked for: whatever no memory had."""
    return _counted(pid, "io", "read_bytes") / 1024


def pages_asked(pid: int) -> int:
    """How often it has asked the system to read."""
    return _counted(pid, "io", "syscr")


def written_kib(pid: int) -> float:
    """What has been handed to the system to be written. (What it calls written counts whole folios of its cache.)"""
    return _counted(pid, "io", "wchar") / 1024


def resident_mib(pid: int) -> float:
    """Memory resident now, without what is mapped from files or shared."""
    return _counted(pid, "status", "RssAnon") / 1024


def _counted(pid: int, file: str, name: str) -> int:
    lines = (_PROC / str(pid) / file).read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def parent_of(pid: int) -> int:
    return int((_PROC / str(pid) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def children_of(pid: int) -> Iterator[int]:
    for entry in _PROC.iterdir():
        try:
            if entry.name.isdigit() and parent_of(int(entry.name)) == pid:
                yield int(entry.name)
        except FileNotFoundError:  # it has ended
            continue
