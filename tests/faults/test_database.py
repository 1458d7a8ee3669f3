"""A database that cannot be written: told to the client and, with its cause, to the log; over once it is over."""

import sqlite3
from pathlib import Path

import pytest

from tests.databases import ON_POSTGRES
from tests.world import World, device_path, open_config, open_world

pytestmark = pytest.mark.skipif(ON_POSTGRES, reason="is about SQLite's file")


async def test_file_that_another_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ostiary.storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    async with open_world(open_config(tmp_path)) as world:
        alice = await world.register("alice")
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = await world.login("alice")
        assert (refused.status, refused.errcode) == (503, "M_UNKNOWN")
        assert refused.headers["retry-after"] == "1"
        assert "database is locked" in caplog.text
        assert (await world.whoami(alice.access_token)).status == 200
        listed = await world.call("GET", "v3/devices", token=alice.access_token)
        assert listed.status == 200
        assert listed.json["devices"][0]["last_seen_ts"] == world.clock.now(), "known, though not written"
        other.execute("ROLLBACK")
        other.close()
        assert (await world.login("alice")).status == 200
        told = await world.call("GET", device_path(alice.device_id), token=alice.access_token)
        assert told.json["last_seen_ts"] == world.clock.now()


async def test_server_ends_while_another_process_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostiary.storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    async with open_world(open_config(tmp_path)) as world:
        alice = await world.register("alice")
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert (await world.whoami(alice.access_token)).status == 200  # seen, which is written at the end
    other.execute("ROLLBACK")
    other.close()


async def test_disk_that_is_full(world: World) -> None:
    alice = await world.register("alice")
    ((pages,),) = await world.sql("PRAGMA page_count")
    await world.sql(f"PRAGMA max_page_count = {pages}")
    statuses = [(await world.login("alice", device_id=f"D{number}" * 20)).status for number in range(60)]
    assert set(statuses) <= {200, 503}
    assert 503 in statuses
    assert (await world.whoami(alice.access_token)).status == 200
    await world.sql("PRAGMA max_page_count = 1000000")
    assert (await world.login("alice")).status == 200
    ((verdict,),) = await world.sql("PRAGMA integrity_check")
    assert verdict == "ok"
