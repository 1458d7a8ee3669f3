"""What an operation costs on a small and a large database: ``python -m benchmarks.growth --database A --database B``.

Both are databases that ``benchmarks.grow`` has filled, the small one first and filled just now: what is measured uses
sessions up. A server process runs on each, and both are measured in turns. Printed for each operation: CPU µs of the
server's process per request, of PostgreSQL's processes beside it, the time that answers took, what had to be read from
the disk, what was written to it (to PostgreSQL's journal); and the ratio of the large one's CPU to the small one's.
``--json FILE`` keeps all of it. ``--operation NAME`` measures that alone, with the one whose answers it goes on from.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.asked import NAMES, Asked, Operation, chains, picked
from benchmarks.grown import Grown, opened
from benchmarks.kept import keep, machine
from benchmarks.load import each, run, send
from benchmarks.processes import Process

MOST: Final = 1.3
"""Times what an operation costs on the small database it may cost on the large one."""


@dataclass
class Sample:
    """What one round of requests took, all together."""

    requests: int = 0
    server_us: float = 0.0
    database_us: float | None = None
    read_kib: float = 0.0
    written_kib: float = 0.0
    times_ms: list[float] = field(default_factory=list)

    def each(self) -> "Sample":
        """The same for one request, but for ``times_ms``."""
        many, database_us = self.requests, self.database_us
        return Sample(
            many, self.server_us / many, None if database_us is None else database_us / many, self.read_kib / many,
            self.written_kib / many, self.times_ms,
        )  # fmt: skip


class Rounds:
    """What was measured of one database, round by round."""

    def __init__(self, grown: Grown) -> None:
        self.grown = grown
        self.samples: dict[str, list[Sample]] = {}
        self.memory_mib: dict[str, float] = {}
        self._asked = Asked(grown)
        self._process = Process(grown.server.pid)

    async def measure(self, chain: Sequence[Operation]) -> None:
        """One round of operations of which each goes on from the one before, as often as the first says."""
        samples = [Sample() for _ in chain]
        for _ in range(chain[0].batches):
            for operation, sample in zip(chain, samples, strict=True):
                await self._add_to(sample, operation)
        for operation, sample in zip(chain, samples, strict=True):
            self.samples.setdefault(operation.name, []).append(sample.each())

    async def _add_to(self, sample: Sample, operation: Operation) -> None:
        requests, answers = await operation.prepare(self._asked, operation.size), list[bytes]()
        work = each(requests, lambda _, answer: answers.append(answer), operation.refusal)
        before = await self._counters()
        sample.times_ms += (await send(self.grown.server.address, work)).latencies
        after = await self._counters()
        sample.requests += len(requests)
        sample.server_us += after[0] - before[0]
        sample.read_kib += after[1] - before[1]
        sample.written_kib += after[2] - before[2]
        if after[3] is not None and before[3] is not None:
            sample.database_us = (sample.database_us or 0.0) + after[3] - before[3]
        self._asked.hear(answers)

    async def _counters(self) -> tuple[float, float, float, float | None]:
        process, database = self._process, self.grown.database
        journal_kib = await database.journal_kib()
        written = process.written_kib() if journal_kib is None else journal_kib
        return process.cpu_seconds() * 1e6, process.read_kib(), written, database.cpu_us()

    def note_memory(self, when: str) -> None:
        self.memory_mib[when] = self._process.private_mib()


def ratio_of(few: dict[str, Any], many: dict[str, Any], of: str = "server_rounds_us") -> float:
    """How many times what an operation costs on the one it costs on the other: the median of the rounds' ratios.

    The rounds of the two were measured one after the other, so whatever else the machine did was done to both.
    """
    ratios: list[float] = [more / less for less, more in zip(few[of], many[of], strict=True)]
    return statistics.median(ratios)


def figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """Of the rounds, the medians; of the times, over all."""
    times = sorted(one for sample in samples for one in sample.times_ms)
    databases = [sample.database_us for sample in samples if sample.database_us is not None]
    return {
        "server_us": statistics.median(sample.server_us for sample in samples),
        "database_us": statistics.median(databases) if databases else None,
        "read_kib": statistics.fmean(sample.read_kib for sample in samples),
        "written_kib": statistics.fmean(sample.written_kib for sample in samples),
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
        "server_rounds_us": [round(sample.server_us, 1) for sample in samples],
        "database_rounds_us": [round(one, 1) for one in databases],
    }


async def described(rounds: Rounds) -> dict[str, Any]:
    """All that was found of one database."""
    people, sizes = rounds.grown.people, await rounds.grown.database.sizes()
    rows: dict[str, int] = {}
    for part in people.parts():
        rows[part.table] = rows.get(part.table, 0) + part.size
    return {
        "accounts": people.accounts,
        "sessions": people.sessions,
        "rows": rows,
        "bytes": sum(sizes.values()),
        "sizes": dict(sorted(sizes.items())),
        "memory_mib": {when: round(mib, 1) for when, mib in rounds.memory_mib.items()},
        "operations": {name: figures(samples) for name, samples in rounds.samples.items()},
    }


async def measure_all(
    urls: Sequence[str], operations: Sequence[Operation], rounds: int, *, warm: bool = False
) -> dict[str, Any]:
    """Measure all databases in turns, and give all that was found."""
    async with AsyncExitStack() as stack:
        all_rounds = []
        for url in urls:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            all_rounds.append(Rounds(await stack.enter_async_context(opened(url, directory))))
        await asyncio.sleep(1)
        for one in all_rounds:
            one.note_memory("idle")
            if warm:
                await one.grown.database.warm(one.grown.people)
        for _ in range(rounds):
            for chain in chains(operations):
                for one in all_rounds:
                    await one.measure(chain)
        for one in all_rounds:
            one.note_memory("after")
        return {
            "machine": machine(),
            "engine": all_rounds[0].grown.database.engine,
            "rounds": rounds,
            "warm": warm,
            "databases": [await described(one) for one in all_rounds],
        }


def show(found: Sequence[dict[str, Any]]) -> bool:
    """Print the table; whether no operation costs too much more on the last than on the first."""
    small, large = found[0], found[-1]
    print(f"{'CPU µs per request':<24}{small['accounts']:>12,}{large['accounts']:>14,}{'ratio':>8}   PostgreSQL's own")
    good = True
    for name, few in small["operations"].items():
        many = large["operations"][name]
        ratio = ratio_of(few, many)
        good = good and ratio <= MOST
        beside = "" if few["database_us"] is None else f"{few['database_us']:>10.0f}{many['database_us']:>10.0f}"
        print(
            f"{name:<24}{few['server_us']:>12.1f}{many['server_us']:>14.1f}{ratio:>8.2f}{beside}"
            f"   {many['p50_ms']:.1f} / {many['p99_ms']:.1f} ms"
            f"   KiB: {many['read_kib']:.1f} read, {many['written_kib']:.1f} written"
            f"{'' if ratio <= MOST else '   MORE'}"
        )
    for one in found:
        memory = ", ".join(f"{when} {mib:.1f}" for when, mib in one["memory_mib"].items())
        print(f"{one['accounts']:,} accounts: {one['bytes'] / one['accounts']:,.0f} bytes each; memory, MiB: {memory}")
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--database", action="append", required=True, help="the small one, then the large one")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of requests, at most all")
    parser.add_argument(
        "--operation", choices=NAMES, action="append", default=[], metavar="NAME",
        help=f"measure this one, and the one that it goes on from (may be repeated): {', '.join(map(repr, NAMES))}",
    )  # fmt: skip
    parser.add_argument(
        "--warm", action="store_true", help="have what requests look at read before, as where a server has run for long"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    chosen = parser.parse_args(arguments)
    operations = [operation.scaled(chosen.share) for operation in picked(chosen.operation)]
    found = run(measure_all(chosen.database, operations, chosen.rounds, warm=chosen.warm))
    good = show(found["databases"])
    keep(chosen.json, found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
