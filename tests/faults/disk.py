"""A disk that fills up under load: writes are answered 503, reads go on, and once there is room everything works."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.faults.examining import examine, touched_and_some
from tests.faults.kill import ACKNOWLEDGED, LAST, kill_all
from tests.faults.ledger import Account
from tests.faults.load import people_using, until_acknowledged
from tests.faults.report import Report
from tests.faults.scene import Scene
from tests.faults.talking import Line
from tests.process import ServerProcess

SIZE = 24 * 2**20
"""Of the disk, in bytes."""

SLACK = 64 * 2**10
"""What is left of it when it is filled up from beside, and soon used up."""

FULL_WITHIN_S = 60.0
REFUSED = 30
"""Answers that it could not be done, before there is room again."""


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A disk of its own size on a directory. Raises OSError where one may not make one."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "ostiary-test", directory],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PermissionError(done.stderr.strip())
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def full_rounds(directory: Path, *, rounds: int, seed: int, report: Report) -> None:
    """Fill the disk of a server so often. ``directory``: on a small one."""
    scene = Scene(directory)
    server = scene.start()
    accounts: list[Account] = []
    try:
        for number in range(rounds):
            random = Random(f"full {seed} {number}")
            asyncio.run(_use_and_fill(server, directory, random, f"f{seed}-{number}", accounts, report))
            asyncio.run(examine(server.address, touched_and_some(accounts, random), report))
            for amiss in scene.amiss():
                report.violated(f"round {number}: {amiss}")
            report.round_done()
        asyncio.run(examine(server.address, accounts[-LAST:], report))
        for line in [line for line in server.log if line["event"] == "failed"][:5]:
            report.violated(f"the log has a bug: {line}")
    finally:
        kill_all(server)


async def _use_and_fill(
    server: ServerProcess, directory: Path, random: Random, name: str, accounts: list[Account], report: Report
) -> None:
    ballast = directory / "ballast"
    async with people_using(server.address, name, accounts, report):
        await until_acknowledged(report, random.randint(*ACKNOWLEDGED))
        _fill(directory, ballast)
        if not await _until_refused(report, REFUSED):
            report.violated(f"{name}: it was never full")
        await _must_be_read(server, name, _used_token(accounts), report)
        ballast.unlink()
        if not await until_acknowledged(report, random.randint(*ACKNOWLEDGED)):
            report.violated(f"{name}: nobody goes on once there is room")


def _used_token(accounts: list[Account]) -> str:
    """One that was used before: the first use of a new pair is written down, which a full disk does not allow."""
    sessions = (one for account in accounts if account.is_certain for one in account.world.sessions)
    return next(one for one in sessions if len(one.pairs) == 1).newest.access


async def _until_refused(report: Report, more: int) -> bool:
    enough, end = report.refused.total() + more, time.monotonic() + FULL_WITHIN_S
    while report.refused.total() < enough:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


def _fill(directory: Path, ballast: Path) -> None:
    found = os.statvfs(directory)
    with suppress(OSError):  # the server writes meanwhile, so it may be full a little earlier
        ballast.write_bytes(b"\0" * max(0, found.f_bavail * found.f_frsize - SLACK))


async def _must_be_read(server: ServerProcess, name: str, token: str, report: Report) -> None:
    """What writes nothing is answered while nothing can be written. Its token may have ended meanwhile."""
    line = Line(server.address)
    for method, path, statuses in (
        ("GET", "v3/account/whoami", {200, 401}),
        ("GET", "v3/register/available?username=nobody", {200}),
        ("GET", "v3/login", {200}),
    ):
        told = await line.ask(method, path, token=token)
        report.checks["read while full"] += 1
        if told.status not in statuses:
            report.violated(f"{name}: {path} was answered {told.status} while the disk was full")
    line.close()
