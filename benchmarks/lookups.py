"""What a look-up of an access token costs SQLite: ``python -m benchmarks.lookups --database A --database B``.

The statement alone, without a server, on files that ``benchmarks.grow`` has filled: for sessions nobody has asked for
before, and for the same ones again, whose pages the system has in its memory by then. Printed: CPU of the thread, how
much of it is the system's, pages that SQLite did not have itself, and what came from the disk; for several settings of
its caches.
"""

import argparse
import os
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmarks.grow_sqlite import read_note
from benchmarks.kept import keep
from benchmarks.processes import Process
from ostiary.storage.work import Statement
from ostiary.storage.works.sessions import find_session

LOOK_UPS: Final = 3_000
SETTINGS: Final = ("cache_size = -2000", "cache_size = -16000", "mmap_size = 2147418112")
"""The first is SQLite's default."""


def cost(connection: sqlite3.Connection, sessions: Sequence[int]) -> dict[str, float]:
    """Per look-up, in µs and KiB. ``sessions``: by the database's numbers."""
    before = _spent()
    for session in sessions:
        step = next(find_session(session))
        assert isinstance(step, Statement)
        (_row,) = connection.execute(step.sql, step.parameters).fetchall()
    spent = zip(before, _spent(), strict=True)
    cpu_us, system_us, pages, kib = ((then - now) / len(sessions) for now, then in spent)
    return {"cpu_us": cpu_us, "system_us": system_us, "pages": pages, "read_kib": kib}


def _spent() -> tuple[float, float, int, float]:
    """CPU of this thread in µs, how much of it was the system's, reads asked for, KiB read from the disk, so far."""
    process, system_s = Process(os.getpid()), resource.getrusage(resource.RUSAGE_THREAD).ru_stime
    return time.thread_time_ns() / 1e3, system_s * 1e6, process.reads(), process.read_kib()


def measure(path: Path) -> list[dict[str, Any]]:
    """With each setting: first and again."""
    people, found = read_note(path), []
    for setting in SETTINGS:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA {setting}")
            picked = random.sample(range(people.sessions), min(LOOK_UPS, people.sessions))
            sessions = [people.session_id(one) for one in picked]
            first = cost(connection, sessions)
            cost(connection, sessions)
            again = cost(connection, sessions)
        found.append({"accounts": people.accounts, "setting": setting, "first": first, "again": again})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookups", description=__doc__)
    parser.add_argument("--database", action="append", required=True, type=Path, help="a file; several are compared")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    chosen = parser.parse_args(arguments)
    found = [one for path in chosen.database for one in measure(path)]
    for one in found:
        for when in ("first", "again"):
            figures = ", ".join(f"{name} {figure:.1f}" for name, figure in one[when].items())
            print(f"{one['accounts']:>12,}  {one['setting']:<24}{when}: {figures}")
    keep(chosen.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
