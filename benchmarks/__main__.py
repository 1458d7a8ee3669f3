"""Run the benchmarks: ``make bench``, or ``python -m benchmarks --only whoami``.

Prints, for each operation, the CPU µs that the server's process took per request (median of the rounds), the requests
per second, and the figure to reach. Hashes are made cheap where the hash is not what is measured; the last row puts
logins with the real hash beside bare Argon2id on the same cores in the same run.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from tests.process import ServerProcess, serving

from benchmarks.load import Connection, spread

CHEAP_HASH = {"OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "8", "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1"}
PASSWORD = "correct horse battery"
TARGETS = {"whoami": 40.0, "login flows": 35.0, "refresh": 400.0, "logout": 500.0}
"""CPU µs per request on SQLite, not to be exceeded."""

LOGIN_SHARE = 0.9
"""Of bare Argon2id's throughput, to be reached by logins."""

WARM_UP = 64
"""Requests before counting begins."""

Prepared = Callable[[Connection, int], Awaitable[None]]


def register_body(name: str, **more: Any) -> dict[str, Any]:
    return {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}, **more}


def login_body(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "m.login.password", "user": name, "password": PASSWORD, **more}


async def expect(status: int, asked: Awaitable[tuple[int, bytes]]) -> Any:
    got, body = await asked
    assert got == status, (got, body)
    return json.loads(body)


class Operations:
    """Each operation: what it needs beforehand, and the request that is counted."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._names = (f"u{time.monotonic_ns()}-{number}" for number in itertools.count())

    async def account(self, **more: Any) -> dict[str, Any]:
        status, answer = await asyncio.to_thread(
            self._server.call, "POST", "v3/register", register_body(next(self._names), **more)
        )
        assert status == 200
        fields: dict[str, Any] = answer
        return fields

    async def whoami(self, _count: int) -> Prepared:
        token = (await self.account())["access_token"]

        async def work(connection: Connection, _: int) -> None:
            status, _body = await connection.ask("GET", "v3/account/whoami", token=token)
            assert status == 200

        return work

    async def login_flows(self, _count: int) -> Prepared:
        async def work(connection: Connection, _: int) -> None:
            status, _body = await connection.ask("GET", "v3/login")
            assert status == 200

        return work

    async def refresh(self, _count: int) -> Prepared:
        tokens: dict[int, str] = {}

        async def work(connection: Connection, _: int) -> None:
            if connection.number not in tokens:
                body = register_body(next(self._names), refresh_token=True)
                made = await expect(200, connection.ask("POST", "v3/register", body))
                tokens[connection.number] = made["refresh_token"]
            body = {"refresh_token": tokens[connection.number]}
            answer = await expect(200, connection.ask("POST", "v3/refresh", body))
            tokens[connection.number] = answer["refresh_token"]

        return work

    async def logout(self, count: int) -> Prepared:
        tokens: list[str] = []

        async def log_in(connection: Connection, _: int) -> None:
            answer = await expect(200, connection.ask("POST", "v3/login", login_body(name)))
            tokens.append(answer["access_token"])

        name = (await self.account())["user_id"][1:].partition(":")[0]
        await spread(self._server.address, count, log_in)

        async def work(connection: Connection, _: int) -> None:
            await expect(200, connection.ask("POST", "v3/logout", {}, tokens.pop()))

        return work

    async def register(self, _count: int) -> Prepared:
        async def work(connection: Connection, _: int) -> None:
            await expect(200, connection.ask("POST", "v3/register", register_body(next(self._names))))

        return work

    async def login(self, _count: int) -> Prepared:
        name = (await self.account())["user_id"][1:].partition(":")[0]

        async def work(connection: Connection, _: int) -> None:
            await expect(200, connection.ask("POST", "v3/login", login_body(name)))

        return work


COUNTS = {"whoami": 30_000, "login flows": 30_000, "refresh": 4_000, "logout": 3_000, "register": 3_000, "login": 3_000}


async def measure(server: ServerProcess, name: str, rounds: int) -> tuple[float, float]:
    """Median CPU µs per request, and median requests per second."""
    count = COUNTS[name]
    prepare = getattr(Operations(server), name.replace(" ", "_"))
    cpu, rate = [], []
    for _ in range(rounds):
        work = await prepare(count)
        await spread(server.address, WARM_UP, work)
        left = count - WARM_UP
        before, started = server.cpu_seconds(), time.monotonic()
        await spread(server.address, left, work)
        rate.append(left / (time.monotonic() - started))
        cpu.append((server.cpu_seconds() - before) / left * 1e6)
    return statistics.median(cpu), statistics.median(rate)


def bare_hashes_per_second(seconds: float) -> float:
    """Argon2id with the default parameters on all cores, and nothing else."""
    cores = os.cpu_count() or 1
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    stored = hasher.hash(PASSWORD)
    deadline = time.monotonic() + seconds

    def run() -> int:
        done = 0
        while time.monotonic() < deadline:
            hasher.verify(stored, PASSWORD)
            done += 1
        return done

    with ThreadPoolExecutor(cores) as pool:
        return sum(future.result() for future in [pool.submit(run) for _ in range(cores)]) / seconds


async def logins_per_second(server: ServerProcess, seconds: float) -> float:
    work = await Operations(server).login(0)
    count = int(seconds * 90)
    started = time.monotonic()
    await spread(server.address, count, work)
    return count / (time.monotonic() - started)


def login_share(rounds: int) -> Iterator[str]:
    """Logins beside bare hashes, in turn."""
    shares, logins, bare = [], [], []
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory), "--dev") as server:
        for _ in range(rounds):
            bare.append(bare_hashes_per_second(3))
            logins.append(asyncio.run(logins_per_second(server, 3)))
            shares.append(logins[-1] / bare[-1])
    share = statistics.median(shares)
    yield (
        f"{'login, real hash':<18}{statistics.median(logins):>10.1f} /s against {statistics.median(bare):.1f} bare"
        f" hashes/s: {share:.0%}  (at least {LOGIN_SHARE:.0%}: {'yes' if share >= LOGIN_SHARE else 'NO'})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=[*COUNTS, "share"], help="measure one operation")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{'operation':<18}{'CPU µs':>10}{'per second':>12}   to reach")
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), "--dev", environment=CHEAP_HASH) as server,
    ):
        for name in COUNTS if chosen.only is None else [chosen.only] if chosen.only in COUNTS else []:
            cpu, rate = asyncio.run(measure(server, name, chosen.rounds))
            target = TARGETS.get(name)
            verdict = "" if target is None else f"{target:.0f}: {'yes' if cpu <= target else 'NO'}"
            print(f"{name:<18}{cpu:>10.1f}{rate:>12.0f}   {verdict}", flush=True)
        print(f"{'resident':<18}{server.resident_mib():>10.1f} MiB after all that")
    if chosen.only in (None, "share"):
        for line in login_share(chosen.rounds):
            print(line)
    sys.stdout.flush()


main()
