"""How quickly ``ostiary db copy`` moves a database: ``python -m benchmarks.copying --rows 1000000``.

Fills a SQLite file with so many rows, spread evenly over all tables, copies it to PostgreSQL and that back to SQLite,
and prints rows per second, each copy with its check. PostgreSQL is the tests' own, or that of OSTIARY_TEST_POSTGRES.
"""

import argparse
import asyncio
import re
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.databases import fresh_schema_url
from tests.process import run_cli
from tests.storage.filling import fill, make

from ostiary.storage.schema import carried_tables


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copying", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args(arguments).rows
    with tempfile.TemporaryDirectory() as folder:
        file, back, again = (Path(folder, name) for name in ("one.db", "back.db", "again.db"))
        asyncio.run(make(file))
        fill(file, rows // len(carried_tables()))
        postgres = fresh_schema_url(Path(folder))
        print(f"{file.stat().st_size / 2**20:.0f} MiB in SQLite")
        for source, target in (
            (f"sqlite:///{file}", postgres),
            (postgres, f"sqlite:///{back}"),
            (f"sqlite:///{file}", f"sqlite:///{again}"),
        ):
            _measure(Path(folder), source, target)


def _measure(folder: Path, source: str, target: str) -> None:
    begun, cpu_before = time.perf_counter(), _cpu_s()
    # Anew, so that it is a child of this process, and its CPU and memory are accounted here.
    done = run_cli(folder, "db", "copy", source, target, timeout_s=1200, anew=True)
    took, cpu = time.perf_counter() - begun, _cpu_s() - cpu_before
    if done.returncode:
        raise SystemExit(done.stderr)
    (rows,) = re.findall(r"; (\d+) rows were copied", done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    names = (url.partition(":")[0] for url in (source, target))
    speed = f"{took:>8.1f} s{int(rows) / took:>10.0f} rows/s{cpu:>8.1f} s of CPU"
    print(f"{' to '.join(names):<24}{speed}   {peak:.0f} MiB at most")


def _cpu_s() -> float:
    """What the commands have used so far; the database's server is none of them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
