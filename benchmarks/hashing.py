"""How much of a machine's power to hash goes into logins: logins per second beside bare Argon2id, in turn.

Both use all cores. *Bare* is argon2-cffi verifying in as many threads as there are cores, with nothing else to do.
*Logins* are whole requests, each a new session that is on the disk before it is answered, sent by a generator on the
same cores; what that takes is not taken off, for somebody has to ask, but told: it sends bytes that hardly cost
anything to make. Connections are so many that some logins always wait, which is when the share counts, and so few that
none is refused.

Each round of logins is put beside the bare ones before and after it, and the median of the rounds' shares is the
result, so that a neighbor who comes or goes spoils few of them. Still only a quiet machine gives figures worth having,
so the CPU is told too: what a bare hash takes over what the server's process, with and without the generator, takes
for a login. That hardly depends on neighbors, but cannot tell whether threads were idle; the rate can.

While the bare ones run the server has nothing to do: what memory it has then is what it has when nobody logs in.
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from argon2 import PasswordHasher

from benchmarks.load import Refused, limited, run, send
from benchmarks.operations import Client, log_in
from benchmarks.requests import PASSWORD
from benchmarks.runs import directory
from benchmarks.servers import Server, ostiary

TARGET = 0.95
SECONDS = 4.0
"""Of a round of either."""

PER_CORE = 48
"""Logins per second and core, about; a round has as many as fit into its time."""

CONNECTIONS_PER_CORE = 8
MOST_ROUNDS = 9

ATTEMPTS = 5
"""At a round. Where neighbors take most of the machine the server refuses logins: they would wait for too long."""

BETWEEN_ATTEMPTS_S = 1.0


@dataclass(frozen=True)
class Share:
    """Medians. Rates per second; CPU in ms of a hash, of a login on the server, and of the generator for each login.

    ``share``: of the rates. ``cpu_share``: of the CPU, the generator's counted with the server's. ``busy_mib``,
    ``rested_mib``: memory of the server at the end of its logins, and some seconds later.
    """

    logins: float
    bare: float
    login_ms: float
    bare_ms: float
    client_ms: float
    share: float
    cpu_share: float
    busy_mib: float
    rested_mib: float

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def told(self) -> str:
        """The result, for people."""
        return (
            f"login, real hash: {self.logins:.1f}/s against {self.bare:.1f} bare hashes/s: {self.share:.1%}"
            f" (at least {TARGET:.0%}: {'yes' if self.share >= TARGET else 'NO'});"
            f" CPU {self.login_ms:.2f} ms against {self.bare_ms:.2f}: {self.bare_ms / self.login_ms:.1%},"
            f" {self.cpu_share:.1%} with the generator's {self.client_ms:.2f} ms;"
            f" {self.busy_mib:.0f} MiB then, {self.rested_mib:.0f} once nobody logs in"
        )


@dataclass(frozen=True)
class _Round:
    """``ms``: CPU of each hash or login. ``client_ms``: of the generator for each. ``mib``: memory."""

    per_second: float
    ms: float
    client_ms: float = 0.0
    mib: float = 0.0


def measure_share(rounds: int, seconds: float = SECONDS) -> Share:
    """Measure both, in turn."""
    found = []
    with directory() as path, ostiary(path, cheap_hash=False) as server:
        client = Client(server.address, _cores())  # which makes accounts: as many at once as are never refused
        run(client.accounts())
        before = _bare(seconds)
        for _ in range(rounds):
            logins, after = _logins(server, client, seconds), _bare(seconds)
            found.append(_beside(logins, before, after, server.processes.resident_mib()))
            before = after
    return Share(*(statistics.median(column) for column in zip(*(asdict(one).values() for one in found), strict=True)))


def _beside(logins: _Round, before: _Round, after: _Round, rested_mib: float) -> Share:
    bare, bare_ms = (before.per_second + after.per_second) / 2, (before.ms + after.ms) / 2
    return Share(
        logins.per_second, bare, logins.ms, bare_ms, logins.client_ms,
        share=logins.per_second / bare, cpu_share=bare_ms / (logins.ms + logins.client_ms),
        busy_mib=logins.mib, rested_mib=rested_mib,
    )  # fmt: skip


def _bare(seconds: float) -> _Round:
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    stored, count = hasher.hash(PASSWORD), _count(seconds)
    left = itertools.repeat(None, count)  # common to all threads, so that none ends before the others

    def verify(_thread: int) -> None:
        for _ in left:
            hasher.verify(stored, PASSWORD)

    cpu, started = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(_cores()) as pool:
        list(pool.map(verify, range(_cores())))
    return _Round(count / (time.perf_counter() - started), (time.process_time() - cpu) / count * 1e3)


def _logins(server: Server, client: Client, seconds: float) -> _Round:
    count = _count(seconds)

    async def work() -> _Round:
        asked = limited(await log_in(client, count), count)
        before, own_before = server.processes.cpu_seconds(), time.process_time()
        sent = await send(server.address, asked, CONNECTIONS_PER_CORE * _cores())
        cpu, own = server.processes.cpu_seconds() - before, time.process_time() - own_before
        return _Round(sent.per_second, cpu / count * 1e3, own / count * 1e3, server.processes.resident_mib())

    for _ in range(ATTEMPTS - 1):
        try:
            return run(work())
        except Refused:
            time.sleep(BETWEEN_ATTEMPTS_S)
    return run(work())


def _count(seconds: float) -> int:
    return max(1, int(seconds * PER_CORE)) * _cores()


def _cores() -> int:
    return os.cpu_count() or 1


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
