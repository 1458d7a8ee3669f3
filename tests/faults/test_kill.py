"""A few of the kills that ``python -m tests.faults kill`` makes by the hundred, and that what it looks for it finds."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.databases import ON_POSTGRES, fresh_url
from tests.faults.examining import examine
from tests.faults.kill import kill_all, kill_rounds
from tests.faults.ledger import Account
from tests.faults.load import people_using, until_acknowledged
from tests.faults.report import Report
from tests.faults.scene import Scene
from tests.faults.worker import worker_rounds


def scene(directory: Path, workers: int = 1) -> Scene:
    return Scene(directory, fresh_url(directory) if ON_POSTGRES else None, workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_after_each_kill_all_is_as_it_was_acknowledged(tmp_path: Path, workers: int) -> None:
    report = Report("kill")
    kill_rounds(scene(tmp_path, workers), rounds=3 - workers, seed=1, report=report)
    assert not report.violations, str(report)
    assert report.acknowledged.total() > 20, str(report)


def test_others_go_on_when_a_worker_is_killed(tmp_path: Path) -> None:
    report = Report("worker")
    worker_rounds(scene(tmp_path, 3), rounds=1, seed=1, report=report, grown_up_s=0.5)
    assert not report.violations, str(report)


@pytest.mark.skipif(ON_POSTGRES, reason="the file is what is spoiled")
@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("living sessions lost", "UPDATE sessions SET ended_at = 1 WHERE ended_at IS NULL"),
        ("ended sessions alive", "UPDATE sessions SET ended_at = NULL"),
        ("tokens lost", "UPDATE sessions SET access_digest = x'00', offered = NULL, offered_access_digest = NULL"),
        ("password lost", "UPDATE accounts SET password_hash = NULL"),
        ("device lost", "DELETE FROM devices"),
    ],
)
def test_what_is_lost_or_comes_back_is_found(tmp_path: Path, what: str, sql: str) -> None:
    report, accounts = Report(what), list[Account]()
    server = scene(tmp_path).start()
    try:
        asyncio.run(_use(server.address, accounts, report))
        asyncio.run(examine(server.address, accounts, report))
        assert not report.violations, str(report)
        database = sqlite3.connect(tmp_path / "ostiary.db")
        database.execute(sql)
        database.commit()
        database.close()
        asyncio.run(_examine_later(server.address, accounts, report))
        assert report.violations, what
    finally:
        kill_all(server)


async def _use(address: str, accounts: list[Account], report: Report) -> None:
    async with people_using(address, "a", accounts, report, count=2):
        assert await until_acknowledged(report, 60)


async def _examine_later(address: str, accounts: list[Account], report: Report) -> None:
    await asyncio.sleep(0.5)  # until the server has seen that another process has written its file
    await examine(address, accounts, report)
