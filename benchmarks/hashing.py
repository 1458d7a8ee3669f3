"""How much of a machine's power to hash goes into logins: logins per second beside bare Argon2id, in turn.

Both use all cores. *Bare* is argon2-cffi verifying in as many threads as there are cores, with nothing else to do.
*Logins* are whole requests, each a new session that is on the disk before it is answered, sent by a generator on the
same cores; what that takes (some 40 µs of a login's 20 ms) is not taken off. Only a quiet machine gives figures worth
having, so the CPU is told too: what a bare hash takes over what the server's process takes for a login hardly depends
on neighbors.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from argon2 import PasswordHasher

from benchmarks.load import limited, run, send
from benchmarks.operations import PASSWORD, Client, log_in
from benchmarks.runs import directory
from benchmarks.servers import Server, ostiary

TARGET = 0.95
SECONDS = 4.0
"""Of a round of either."""

PER_CORE = 48
"""Logins per second and core, about; a round has as many as fit into its time."""

MOST_ROUNDS = 9


@dataclass(frozen=True)
class Share:
    """Medians. Rates per second; CPU in ms of a hash, and of a login with all that belongs to it."""

    logins: float
    bare: float
    login_ms: float
    bare_ms: float
    share: float

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def told(self) -> str:
        """The result, for people."""
        return (
            f"login, real hash: {self.logins:.1f}/s against {self.bare:.1f} bare hashes/s: {self.share:.1%}"
            f" (at least {TARGET:.0%}: {'yes' if self.share >= TARGET else 'NO'});"
            f" CPU {self.login_ms:.2f} ms against {self.bare_ms:.2f}: {self.bare_ms / self.login_ms:.1%}"
        )


def measure_share(rounds: int, seconds: float = SECONDS) -> Share:
    """Measure both, in turn."""
    found = []
    with directory() as path, ostiary(path, cheap_hash=False) as server:
        client = Client(server.address)
        for _ in range(rounds):
            bare, bare_ms = _bare(seconds)
            logins, login_ms = _logins(server, client, seconds)
            found.append(Share(logins, bare, login_ms, bare_ms, logins / bare))
    return Share(*(statistics.median(column) for column in zip(*(asdict(one).values() for one in found), strict=True)))


def _bare(seconds: float) -> tuple[float, float]:
    cores = os.cpu_count() or 1
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    stored = hasher.hash(PASSWORD)

    def verify(count: int) -> None:
        for _ in range(count):
            hasher.verify(stored, PASSWORD)

    each = max(1, int(seconds * PER_CORE))
    cpu, started = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(verify, [each] * cores))
    return each * cores / (time.perf_counter() - started), (time.process_time() - cpu) / each / cores * 1e3


def _logins(server: Server, client: Client, seconds: float) -> tuple[float, float]:
    count = max(1, int(seconds * PER_CORE)) * (os.cpu_count() or 1)

    async def work() -> tuple[float, float]:
        asked = await log_in(client, count)
        before = server.processes.cpu_seconds()
        sent = await send(server.address, limited(asked, count), client.connections)
        return sent.per_second, (server.processes.cpu_seconds() - before) / count * 1e3

    return run(work())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hashing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each round")
    options = parser.parse_args(arguments)
    share = measure_share(options.rounds, options.seconds)
    print(share.told())
    return 0 if share.share >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
