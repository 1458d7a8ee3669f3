"""PostgreSQL is killed, stopped, paused or loses its connections while the server runs and people use it.

The server stays: it says 503 while it has no database, is well again by itself, and has lost nothing.
"""

import asyncio
import time
from random import Random

from tests.faults.examining import examine, touched_and_some
from tests.faults.kill import LAST, kill_all
from tests.faults.ledger import Account
from tests.faults.load import people_using, until_acknowledged
from tests.faults.postgres_server import PostgresServer
from tests.faults.report import Report
from tests.faults.scene import Scene
from tests.faults.talking import Line
from tests.process import ServerProcess

HARMS = ("kill", "fast", "immediate", "cut", "pause")
ACKNOWLEDGED = (10, 100)
"""Requests, before the harm and after it."""

WELL_WITHIN_S = 5.0
"""Of the database's being back, the server has to work again."""

CONNECTIONS = 10 + 1
"""Of one server process: its pool, and the one by which it hears of changes."""


def outage_rounds(
    scene: Scene, postgres: PostgresServer, *, harm: str, rounds: int, seed: int, report: Report
) -> None:  # fmt: skip
    """Do this harm so often. ``harm``: one of HARMS; ``scene``: on a database of that server."""
    server = scene.start()
    accounts: list[Account] = []
    try:
        for number in range(rounds):
            random = Random(f"{harm} {seed} {number}")
            name = f"{harm}{seed}-{number}"
            asyncio.run(_use_and_harm(server, postgres, harm, random, name, accounts, report))
            asyncio.run(examine(server.address, touched_and_some(accounts, random), report))
            for amiss in scene.amiss():
                report.violated(f"round {number}: {amiss}")
            if (connections := postgres.connections()) > CONNECTIONS:
                report.violated(f"round {number}: {connections} connections are open")
            report.round_done()
        asyncio.run(examine(server.address, accounts[-LAST:], report))
        report.notes["connections at the end"] = postgres.connections()
        for line in [line for line in server.log if line["event"] == "failed"][:5]:
            report.violated(f"the log has a bug: {line}")
    finally:
        kill_all(server)


async def _use_and_harm(
    server: ServerProcess, postgres: PostgresServer, harm: str, random: Random, name: str, accounts: list[Account],
    report: Report,
) -> None:  # fmt: skip
    async with people_using(server.address, name, accounts, report):
        await until_acknowledged(report, random.randint(*ACKNOWLEDGED))
        await asyncio.to_thread(_harm, postgres, harm, random)
        began = time.monotonic()
        await _until_well(server, report)
        report.longest("longest until it worked again, from the database's being back (s)", time.monotonic() - began)
        if not await until_acknowledged(report, random.randint(*ACKNOWLEDGED)):
            report.violated(f"{name}: nobody goes on")


def _harm(postgres: PostgresServer, harm: str, random: Random) -> None:
    """Do it, and mend it: when this is over, the database works."""
    away_s = random.uniform(0, 0.4)
    if harm == "cut":
        for _ in range(random.randint(1, 5)):
            postgres.cut_connections()
            time.sleep(random.uniform(0, 0.1))
        return
    if harm == "pause":
        postgres.pause(True)
        time.sleep(away_s * 2)
        postgres.pause(False)
        return
    if harm == "kill":
        postgres.kill()
    else:
        postgres.stop(harm)
    time.sleep(away_s)
    postgres.start()


async def _until_well(server: ServerProcess, report: Report) -> None:
    """Until something that needs the database works on each of many connections."""
    lines = [Line(server.address) for _ in range(CONNECTIONS)]
    end = time.monotonic() + WELL_WITHIN_S
    path = "v3/register/available?username=nobody"
    while True:
        told = await asyncio.gather(*(line.ask("GET", path) for line in lines))
        if all(one.status == 200 for one in told):
            break
        if time.monotonic() > end:
            report.violated(f"not well {WELL_WITHIN_S} s after the database was back")
            break
        await asyncio.sleep(0.02)
    for line in lines:
        line.close()
