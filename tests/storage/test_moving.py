"""Copying one database into another, from and to each engine: whole, checked, and going on wherever it was stopped."""

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.config import Config
from ostiary.storage.moving.ends import CannotCopy
from ostiary.storage.schema import carried_tables
from ostiary.storage.work import DatabaseUnusable
from tests.databases import ON_POSTGRES
from tests.process import run_cli, running_cli
from tests.storage.moved import (
    EVERY_PAIR,
    PAIRS,
    POSTGRESQL,
    SQLITE,
    Recorder,
    Stopped,
    copied,
    everything,
    filled,
    stop_after,
    stop_before_the_check,
    url_in,
)
from tests.storage.raw import change_now, rows_of
from tests.storage.test_engines import Deaf, engine_at
from tests.world import open_config, open_world


def _config_on(folder: Path, url: str) -> Config:
    return replace(open_config(folder), database=url)


ROWS = 60
ALL = ROWS * len(carried_tables())
on_postgres = pytest.mark.skipif(not ON_POSTGRES, reason="this run is not for PostgreSQL")
from_each_to_each = pytest.mark.parametrize(("one", "other"), EVERY_PAIR)
to_and_from = pytest.mark.parametrize(("one", "other"), PAIRS)


@pytest.fixture
def target(tmp_path: Path, other: str) -> str:
    return url_in(tmp_path, other, "target")


@from_each_to_each
class TestCopy:
    async def test_everything_is_there_and_nothing_twice(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)
        done = await copied(source, target)
        assert done.rows == ALL
        there = await everything(target)
        assert there == await everything(source)
        assert {name: len(rows) for name, rows in there.items()} == dict.fromkeys(there, ROWS)
        assert {name: content.rows for name, content in done.contents.items()} == dict.fromkeys(there, ROWS)

    async def test_hashes_are_the_same_on_every_engine(self, tmp_path: Path, one: str, other: str, target: str) -> None:
        source = await filled(tmp_path, one, 40)
        there = await copied(source, target)
        back = await copied(target, url_in(tmp_path, one, "back"), batch_rows=7)
        assert back.contents == there.contents

    async def test_server_goes_on_where_the_other_was(self, tmp_path: Path, one: str, target: str) -> None:
        source = url_in(tmp_path, one, "source")
        config = replace(open_config(tmp_path), database=source)
        async with open_world(config) as world:
            alice, bob = await world.register("alice"), await world.register("bob")
            await world.call("POST", "v3/logout", {}, token=bob.access_token)
            ((last,),) = await rows_of(source, "SELECT max(session_id) FROM sessions")
        await copied(source, target)
        async with open_world(replace(config, database=target), clock=world.clock, seed="other") as world:
            assert (await world.whoami(alice.access_token)).json["user_id"] == alice.user_id
            assert (await world.whoami(bob.access_token)).status == 401
            refreshed = await world.refresh(alice.refresh_token)
            assert (await world.whoami(refreshed.json["access_token"])).status == 200
            await world.relogin(bob)
            await world.register("carol")
            numbers = await rows_of(target, "SELECT session_id FROM sessions ORDER BY session_id")
            assert [number for (number,) in numbers][-2:] == [last + 1, last + 2]

    async def test_empty_database_is_copied_too(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 0)
        assert (await copied(source, target)).rows == 0
        engine = engine_at(target)
        await engine.start(Deaf())
        await engine.stop()


@to_and_from
class TestResuming:
    @pytest.mark.parametrize("rows", [1, ALL // 2, ALL])
    async def test_it_goes_on_where_it_was(self, tmp_path: Path, one: str, target: str, rows: int) -> None:
        source = await filled(tmp_path, one, ROWS)
        first = stop_after(rows)
        with pytest.raises(Stopped):
            await copied(source, target, first)
        second = Recorder()
        done = await copied(source, target, second)
        assert first.rows + done.rows == ALL
        assert second.notes == ["an earlier copy was not finished: going on where it was"]
        assert await everything(target) == await everything(source)

    async def test_killed_at_any_moment_it_goes_on(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)
        for lines in (1, 4, 9, 13, len(carried_tables()) + 1):  # one for each table, and as many for the check
            with running_cli(tmp_path, "db", "copy", source, target, "--batch-rows", "3") as process:
                assert process.stderr is not None
                for _ in range(lines):
                    assert process.stderr.readline()
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
        done = run_cli(tmp_path, "db", "copy", source, target)
        assert done.returncode == 0, done.stderr
        (carried,) = re.findall(r"(\d+) rows were copied", done.stdout)
        assert int(carried) < ALL // 10
        assert await everything(target) == await everything(source)

    async def test_of_two_at_once_one_is_refused(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)
        refused: list[BaseException] = []

        class Slow(Recorder):
            def advance(self, rows: int) -> None:
                super().advance(rows)
                if not refused:
                    done = run_cli(tmp_path, "db", "copy", source, target)
                    refused.append(AssertionError(done.stderr))
                    assert done.returncode == 1
                    assert "Another program uses" in done.stderr

        await copied(source, target, Slow())
        assert refused
        assert await everything(target) == await everything(source)

    async def test_other_source_is_refused(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 20)
        other = url_in(tmp_path, one, "another")
        await copied(source, other)
        with pytest.raises(Stopped):
            await copied(source, target, stop_after(1))
        with pytest.raises(CannotCopy, match="holds an unfinished copy of"):
            await copied(other, target)


@to_and_from
class TestTarget:
    async def test_nothing_is_overwritten(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 20)
        async with open_world(_config_on(tmp_path, target)) as world:
            await world.register("alice")
        before = await everything(target)
        with pytest.raises(CannotCopy, match="is not empty: there are rows in accounts; nothing is overwritten"):
            await copied(source, target)
        assert await everything(target) == before
        async with open_world(_config_on(tmp_path, target)) as world:
            assert (await world.login("alice")).status == 200

    async def test_target_that_a_server_has_made_and_left_empty_is_taken(
        self, tmp_path: Path, one: str, target: str
    ) -> None:
        async with open_world(_config_on(tmp_path, target)):
            pass
        source = await filled(tmp_path, one, 20)
        await copied(source, target)
        assert await everything(target) == await everything(source)

    async def test_finished_copy_is_not_begun_again(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 20)
        await copied(source, target)
        with pytest.raises(CannotCopy, match="is not empty"):
            await copied(source, target)

    async def test_no_server_starts_before_all_is_there(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 20)
        for stopping in (stop_after(1), stop_before_the_check()):
            with pytest.raises(Stopped):
                await copied(source, target, stopping)
            with pytest.raises(DatabaseUnusable, match="has not been finished: run that `ostiary db copy` again"):
                await engine_at(target).start(Deaf())
        done = run_cli(tmp_path, "serve", "--port", "0", "--database", target)
        assert done.returncode == 1
        assert "a copy of" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        told = run_cli(tmp_path, "doctor", "--database", target)
        assert re.search(r"problem +schema: a copy of .* has not been finished", told.stdout)
        assert "Finish the copy" in told.stdout
        await copied(source, target)
        engine = engine_at(target)
        await engine.start(Deaf())
        await engine.stop()

    async def test_target_that_a_server_runs_on_is_refused(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 20)
        async with open_world(_config_on(tmp_path, target)):
            with pytest.raises(CannotCopy, match="a server or another copy: stop it first"):
                await copied(source, target)

    async def test_source_and_target_must_be_two(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, 1)
        with pytest.raises(CannotCopy, match="are the same"):
            await copied(source, source)


CHANGES = {
    "a row before those that were copied": (
        "INSERT INTO profile_fields (localpart, name, content) SELECT localpart, '!', '1' FROM accounts"
    ),
    "rows that others refer to": (
        "INSERT INTO accounts (localpart, kind, state, created_at) "
        "SELECT 'new' || localpart, kind, state, 1 FROM accounts"
    ),
    "other values": "UPDATE accounts SET password_hash = 'changed', expires_at = 5",
    "rows that are gone": "DELETE FROM devices WHERE device_id LIKE '%1'",
    "one row in place of another": (
        "UPDATE validations SET sid = 'zzz' || sid WHERE sid = (SELECT min(sid) FROM validations)"
    ),
}


@to_and_from
class TestChangesMeanwhile:
    @pytest.mark.parametrize("change", CHANGES)
    async def test_what_has_changed_since_is_copied_anew(
        self, tmp_path: Path, one: str, target: str, change: str
    ) -> None:
        source = await filled(tmp_path, one, ROWS)
        with pytest.raises(Stopped):
            await copied(source, target, stop_after(ALL // 2))
        await rows_of(source, CHANGES[change])
        await copied(source, target)
        assert await everything(target) == await everything(source)

    async def test_row_whose_parent_was_copied_before_it_was_there(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)
        told = Recorder(lambda rows: told.begun[-1][0] == "sessions")
        with pytest.raises(Stopped):
            await copied(source, target, told)
        await rows_of(source, CHANGES["rows that others refer to"])
        await rows_of(source, "UPDATE sessions SET localpart = 'new' || localpart")
        told = Recorder()
        await copied(source, target, told)
        assert any(note.startswith("differs: sessions: ") for note in told.notes)
        assert await everything(target) == await everything(source)

    async def test_difference_is_told(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)
        with pytest.raises(Stopped):
            await copied(source, target, stop_before_the_check())
        for change in (
            "UPDATE outbox SET attempts = attempts + 1 WHERE outbox_id IN (10, 16)",
            "DELETE FROM outbox WHERE outbox_id IN (13, 19, 22)",
            """INSERT INTO outbox
            (outbox_id, kind, medium, address, language, content, created_at, next_attempt_at, attempts)
            VALUES (999999, 'k', 'm', 'a', 'l', 'c', 1, 1, 1)""",
        ):
            await rows_of(target, change)
        told = Recorder()
        done = await copied(source, target, told)
        assert told.notes[1:] == [
            "copying anew: outbox",
            "differs: outbox: 3 missing in the target, 1 not in the source, 2 not the same (first: outbox_id 10)",
        ]
        assert done.rows == ROWS
        assert await everything(target) == await everything(source)

    async def test_copy_while_a_server_runs_is_finished_once_it_is_stopped(
        self, tmp_path: Path, one: str, target: str
    ) -> None:
        source = url_in(tmp_path, one, "source")
        async with open_world(_config_on(tmp_path, source)) as world:
            await world.register("alice")
            with pytest.raises(CannotCopy, match="another program uses the source: stop the server"):
                await copied(source, target)
            await world.register("bob")
        await copied(source, target)
        assert await everything(target) == await everything(source)
        assert len((await everything(target))["accounts"]) == 2

    async def test_what_is_written_while_it_is_copied_is_noticed(self, tmp_path: Path, one: str, target: str) -> None:
        source = await filled(tmp_path, one, ROWS)

        class Meddling(Recorder):
            def begin(self, what: str, total: int, done: int) -> None:
                super().begin(what, total, done)
                if what == "sessions" and not self.notes:
                    change_now(source, CHANGES["rows that others refer to"])
                    change_now(source, CHANGES["rows that are gone"])

        told = Meddling()
        await copied(source, target, told)
        assert any(note.startswith("differs: accounts: ") for note in told.notes)
        assert await everything(target) == await everything(source)


class TestUnfitRows:
    @on_postgres
    async def test_nul_is_told_with_its_row_and_the_way_out(self, tmp_path: Path) -> None:
        source, target = await filled(tmp_path, SQLITE, 50), url_in(tmp_path, POSTGRESQL, "target")
        await rows_of(
            source, "UPDATE devices SET display_name = 'a' || char(0) || 'b' WHERE device_id LIKE '%device_id7'"
        )
        with pytest.raises(CannotCopy, match="NUL character in display_name") as caught:
            await copied(source, target)
        assert "localpart '-localpart7', device_id '-device_id7'" in str(caught.value)
        await rows_of(source, str(caught.value)[str(caught.value).index("UPDATE devices") :])
        await copied(source, target)
        shown = await rows_of(target, "SELECT display_name FROM devices WHERE device_id LIKE '%device_id7'")
        assert [*shown] == [("a",)]

    @on_postgres
    async def test_value_of_another_type_is_told_with_its_row(self, tmp_path: Path) -> None:
        source, target = await filled(tmp_path, SQLITE, 50), url_in(tmp_path, POSTGRESQL, "target")
        await rows_of(source, "UPDATE accounts SET created_at = 'long ago' WHERE localpart LIKE '%localpart7'")
        with pytest.raises(CannotCopy, match="has a str in created_at, which is of the type BIGINT"):
            await copied(source, target)

    async def test_text_that_is_none_is_told(self, tmp_path: Path) -> None:
        source, target = await filled(tmp_path, SQLITE, 50), url_in(tmp_path, SQLITE, "target")
        await rows_of(source, "UPDATE accounts SET kind = CAST(x'ff41' AS TEXT) WHERE localpart LIKE '%localpart7'")
        with pytest.raises(DatabaseUnusable, match="holds a text that is not UTF-8"):
            await copied(source, target)
