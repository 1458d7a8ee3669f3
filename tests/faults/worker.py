"""One of several workers is killed with SIGKILL under load: the others go on, it is replaced, nothing is lost."""

import asyncio
import os
import signal
import time
from random import Random

from tests.faults.examining import examine, touched_and_some
from tests.faults.kill import ACKNOWLEDGED, LAST, MOMENT_S, kill_all
from tests.faults.ledger import Account
from tests.faults.load import people_using, until_acknowledged
from tests.faults.report import Report
from tests.faults.scene import Scene, children
from tests.process import ServerProcess

REPLACED_WITHIN_S = 10.0
GROWN_UP_S = 5.5
"""A worker that dies younger counts as one that cannot serve; after five of these in a row the server gives up."""


def worker_rounds(
    scene: Scene, *, rounds: int, seed: int, report: Report, grown_up_s: float = GROWN_UP_S
) -> None:  # fmt: skip
    """Kill a worker so often, each time the one that has lived longest."""
    accounts: list[Account] = []
    server = scene.start()
    born: dict[int, float] = {}
    try:
        for number in range(rounds):
            random = Random(f"worker {seed} {number}")
            victim = _grown_up(server, born, scene.workers, grown_up_s)
            asyncio.run(_use_and_kill_one(server, victim, random, f"w{seed}-{number}", accounts, report))
            began = time.monotonic()
            while not _is_replaced(server, victim, born, scene.workers):
                if time.monotonic() - began > REPLACED_WITHIN_S:
                    report.violated(f"round {number}: the worker was not replaced")
                    return
                time.sleep(0.02)
            report.longest("longest until a worker was replaced, after the load (s)", time.monotonic() - began)
            asyncio.run(examine(server.address, touched_and_some(accounts, random), report))
            for amiss in scene.amiss():
                report.violated(f"round {number}: {amiss}")
            report.round_done()
        asyncio.run(examine(server.address, accounts[-LAST:], report))
        if sum(line["event"] == "worker ended" for line in server.log) != report.rounds:
            report.violated("the log does not tell of each worker that ended")
    finally:
        kill_all(server)


async def _use_and_kill_one(
    server: ServerProcess, victim: int, random: Random, name: str, accounts: list[Account], report: Report
) -> None:
    async with people_using(server.address, name, accounts, report):
        await until_acknowledged(report, random.randint(*ACKNOWLEDGED))
        await asyncio.sleep(random.uniform(0, MOMENT_S))
        os.kill(victim, signal.SIGKILL)
        if not await until_acknowledged(report, random.randint(*ACKNOWLEDGED)):
            report.violated(f"{name}: the others did not go on")


def _grown_up(server: ServerProcess, born: dict[int, float], workers: int, grown_up_s: float) -> int:
    """The worker that has lived longest, once that is long."""
    while True:
        _note_births(server, born)
        if len(born) == workers:
            oldest = min(born, key=lambda pid: born[pid])
            if time.monotonic() - born[oldest] > grown_up_s:
                return oldest
        time.sleep(0.05)


def _is_replaced(server: ServerProcess, victim: int, born: dict[int, float], workers: int) -> bool:
    _note_births(server, born)
    return victim not in born and len(born) == workers


def _note_births(server: ServerProcess, born: dict[int, float]) -> None:
    living = children(server.pid)
    for pid in set(born) - set(living):
        del born[pid]
    for pid in living:
        born.setdefault(pid, time.monotonic())
