"""The server's processes are killed with SIGKILL at moments that nobody chooses, while people use it, and start again.

Killed while it serves, while it starts, while it stops. After each start every account is as it was acknowledged.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from random import Random

from tests.faults.examining import examine, touched_and_some
from tests.faults.ledger import Account
from tests.faults.load import people_using, until_acknowledged
from tests.faults.report import Report
from tests.faults.scene import Scene, children
from tests.process import ServerProcess

ACKNOWLEDGED = (10, 150)
"""Requests, before it is killed."""

LAST = 200
"""Accounts that are looked at once more at the end."""

MOMENT_S = 0.01
"""After the last of them at most, so that the moment has nothing to do with an answer."""

STOPPING, STARTING = 0.1, 0.1
"""Shares of the rounds in which it is killed while it stops, and once more while it starts."""


def kill_rounds(scene: Scene, *, rounds: int, seed: int, report: Report) -> None:
    """Kill and start it so often."""
    accounts: list[Account] = []
    server = scene.start()
    try:
        for number in range(rounds):
            random = Random(f"kill {seed} {number}")
            asyncio.run(_use_and_kill(server, random, f"k{seed}-{number}", accounts, report))
            server.close()
            if random.random() < STARTING:
                _kill_while_starting(scene, random, report)
            began = time.monotonic()
            server = scene.start()
            report.longest("longest start after a kill (s)", time.monotonic() - began)
            asyncio.run(examine(server.address, touched_and_some(accounts, random), report))
            for amiss in [*scene.amiss(), *errors_in(server)]:
                report.violated(f"round {number}: {amiss}")
            report.checks["database whole"] += 1
            report.round_done()
        asyncio.run(examine(server.address, accounts[-LAST:], report))
    finally:
        kill_all(server)


async def _use_and_kill(
    server: ServerProcess, random: Random, name: str, accounts: list[Account], report: Report
) -> None:
    async with people_using(server.address, name, accounts, report):
        if not await until_acknowledged(report, random.randint(*ACKNOWLEDGED)):
            report.violated(f"{name}: it does not answer")
        await asyncio.sleep(random.uniform(0, MOMENT_S))
        if random.random() < STOPPING:
            os.kill(server.pid, signal.SIGTERM)
            await asyncio.sleep(random.uniform(0, 0.1))
            report.checks["killed while stopping"] += 1
        kill_all(server)


def kill_all(server: ServerProcess) -> None:
    """Kill the process and those it has started."""
    for pid in [server.pid, *children(server.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.close()


def errors_in(server: ServerProcess) -> list[str]:
    """What the log has as errors, which nobody caused who only looked the server over."""
    return [f"the log has {line}" for line in server.log if line.get("level") == "error"]


def _kill_while_starting(scene: Scene, random: Random, report: Report) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "ostiary.cli", "serve", "--port", "0", *scene.options],
        cwd=scene.directory, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    time.sleep(random.uniform(0.1, 0.6))
    with suppress(ProcessLookupError):
        os.killpg(starting.pid, signal.SIGKILL)
    starting.wait()
    report.checks["killed while starting"] += 1
