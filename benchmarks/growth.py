"""What an operation costs on a small and a large database: ``python -m benchmarks.growth --database A --database B``.

Both are databases that ``benchmarks.grow`` has filled, the small one first and filled just now: what is measured uses
sessions up. A server process runs on each, and both are measured in turns. Printed for each operation: CPU µs of the
server's process per request, of PostgreSQL's processes beside it, the time that answers took, what had to be read from
the disk, what was written to it (to PostgreSQL's journal); and the ratio of the large one's CPU to the small one's.
``--json FILE`` keeps all of it.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.connections import Connection, spread
from benchmarks.grown import Grown, opened
from benchmarks.population import PASSWORD
from benchmarks.processes import Process

MOST: Final = 1.3
"""Times what an operation costs on the small database it may cost on the large one."""

Request = tuple[str, str, Any, str | None]
"""Method, path, body and token."""

Take = Callable[[Any], None]
"""What becomes of an answer."""


@dataclass
class Sample:
    """What one round of requests took; per request, but for ``times_ms``."""

    requests: int = 0
    server_us: float = 0.0
    database_us: float | None = None
    read_kib: float = 0.0
    written_kib: float = 0.0
    times_ms: list[float] = field(default_factory=list)


@dataclass
class Operation:
    """``batches`` of ``size`` requests a round; before each, requests are made up and whatever they need is done."""

    name: str
    prepare: Callable[["Rounds", int], Awaitable[Sequence[Request]]]
    size: int
    batches: int = 1
    keeps: bool = False


class Rounds:
    """The operations on one database."""

    def __init__(self, grown: Grown) -> None:
        self.grown = grown
        self.samples: dict[str, list[Sample]] = {}
        self.memory_mib: dict[str, float] = {}
        self.allowed = 200
        self._count = 0
        self._answers: list[Any] = []

    def _name(self) -> str:
        self._count += 1
        return f"new{time.monotonic_ns()}-{self._count}"

    # --- What the requests are ---------------------------------------------------------------------------------------

    async def whoami(self, size: int) -> Sequence[Request]:
        """Of sessions all over the database, none of which the server remembers."""
        await self.grown.database.forget()
        people = self.grown.people
        sessions = self.grown.sessions(size, refreshing=False)
        return [("GET", "v3/account/whoami", None, people.access_token(session)) for session in sessions]

    async def remembered(self, size: int) -> Sequence[Request]:
        """Of a hundred sessions, over and over."""
        few = min(size, 100)
        asked = await self.whoami(few)
        await self.send(asked)
        return list(asked) * (size // few)

    async def devices(self, size: int) -> Sequence[Request]:
        """Of sessions that the server remembers, of whose devices it knows nothing."""
        asked = await self.whoami(size)
        await self.send(asked)
        return [("GET", "v3/devices", None, token) for _, _, _, token in asked]

    async def refresh(self, size: int) -> Sequence[Request]:
        people = self.grown.people
        sessions = self.grown.sessions(size, refreshing=True)
        self.allowed = 401  # a few have been used by an earlier run
        return [("POST", "v3/refresh", {"refresh_token": people.refresh_token(session)}, None) for session in sessions]

    async def first_use(self, size: int) -> Sequence[Request]:
        """Of the pairs that were handed out just before; the pairs before these die."""
        del size
        answers, self._answers = self._answers, []
        return [("GET", "v3/account/whoami", None, answer["access_token"]) for answer in answers]

    async def login(self, size: int) -> Sequence[Request]:
        body = {"type": "m.login.password", "password": PASSWORD}
        return [("POST", "v3/login", {**body, "user": name}, None) for name in self.grown.localparts(size)]

    async def logout(self, size: int) -> Sequence[Request]:
        """Of the sessions that were logged in just before."""
        del size
        answers, self._answers = self._answers, []
        return [("POST", "v3/logout", {}, answer["access_token"]) for answer in answers]

    async def register(self, size: int) -> Sequence[Request]:
        body = {"password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        return [("POST", "v3/register", {**body, "username": self._name()}, None) for _ in range(size)]

    async def available(self, size: int) -> Sequence[Request]:
        return [("GET", f"v3/register/available?username={self._name()}", None, None) for _ in range(size)]

    # --- Making them -------------------------------------------------------------------------------------------------

    async def send(self, requests: Sequence[Request], take: Take | None = None) -> list[float]:
        """Make requests; answers how many ms each waited for its answer."""
        times: list[float] = []

        async def work(connection: Connection, number: int) -> None:
            method, path, body, token = requests[number]
            started = time.perf_counter()
            status, answer = await connection.ask(method, path, body, token)
            times.append((time.perf_counter() - started) * 1e3)
            assert status in (200, self.allowed), (path, status, answer)
            if take is not None and status == 200:
                take(json.loads(answer))

        await spread(self.grown.server.address, len(requests), work)
        return times

    async def measure(self, operation: Operation) -> None:
        """One round of an operation."""
        sample = Sample()
        for _ in range(operation.batches):
            requests = await operation.prepare(self, operation.size)
            before = await self._counters()
            sample.times_ms += await self.send(requests, self._answers.append if operation.keeps else None)
            after = await self._counters()
            sample.requests += len(requests)
            sample.server_us += after[0] - before[0]
            sample.read_kib += after[1] - before[1]
            sample.written_kib += after[2] - before[2]
            if after[3] is not None and before[3] is not None:
                sample.database_us = (sample.database_us or 0.0) + after[3] - before[3]
        for name in ("server_us", "read_kib", "written_kib", "database_us"):
            value = getattr(sample, name)
            setattr(sample, name, None if value is None else value / sample.requests)
        self.samples.setdefault(operation.name, []).append(sample)

    async def _counters(self) -> tuple[float, float, float, float | None]:
        process, database = Process(self.grown.server.pid), self.grown.database
        journal_kib = await database.journal_kib()
        written = process.written_kib() if journal_kib is None else journal_kib
        return process.cpu_seconds() * 1e6, process.read_kib(), written, database.cpu_us()

    def note_memory(self, when: str) -> None:
        self.memory_mib[when] = Process(self.grown.server.pid).private_mib()


OPERATIONS: Final = (
    Operation("whoami, looked up", Rounds.whoami, 1_000, 2),
    Operation("whoami, remembered", Rounds.remembered, 5_000),
    Operation("devices", Rounds.devices, 1_000),
    Operation("refresh", Rounds.refresh, 200, keeps=True),
    Operation("first use of a pair", Rounds.first_use, 200),
    Operation("login, cheap hash", Rounds.login, 1_000, keeps=True),
    Operation("logout", Rounds.logout, 1_000),
    Operation("register, cheap hash", Rounds.register, 500),
    Operation("name is free", Rounds.available, 1_000),
)


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


async def measure_all(urls: Sequence[str], rounds: int, share: float, *, warm: bool = False) -> dict[str, Any]:
    """Measure all databases in turns, and give all that was found. ``share``: of the usual number of requests."""
    async with AsyncExitStack() as stack:
        all_rounds = []
        for url in urls:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            all_rounds.append(Rounds(await stack.enter_async_context(opened(url, directory))))
        await asyncio.sleep(1)
        for one in all_rounds:
            one.note_memory("idle")
            if warm:
                await one.grown.database.warm()
        for _ in range(rounds):
            for operation in OPERATIONS:
                for one in all_rounds:
                    await one.measure(scaled(operation, share))
        for one in all_rounds:
            one.note_memory("after")
        return {
            "machine": {"cores": os.cpu_count(), "processor": processor(), "python": platform.python_version()},
            "engine": all_rounds[0].grown.database.engine,
            "rounds": rounds,
            "warm": warm,
            "databases": [await described(one) for one in all_rounds],
        }


def scaled(operation: Operation, share: float) -> Operation:
    return replace(operation, size=max(1, int(operation.size * share)))


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
        "--warm", action="store_true", help="have what requests look at read before, as where a server has run for long"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    chosen = parser.parse_args(arguments)
    found = asyncio.run(measure_all(chosen.database, chosen.rounds, chosen.share, warm=chosen.warm))
    good = show(found["databases"])
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    sys.exit(main())
