"""The SQLite engine: grouping, isolation of one work from the next, other processes, migrations."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from ostiary.accounts.ports import StoreUnavailable
from ostiary.storage.migrations import all_migrations, split_statements
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.work import DatabaseUnusable, Work, ask
from tests.storage.test_engines import Deaf, add, names


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SqliteEngine]:
    opened = SqliteEngine(tmp_path / "test.db")
    await opened.start(Deaf())
    yield opened
    await opened.stop()


class TestWriting:
    async def test_database_error_reaches_whoever_asked(self, engine: SqliteEngine) -> None:
        await engine.write(add("a"))
        results = await asyncio.gather(engine.write(add("a")), engine.write(add("b")), return_exceptions=True)
        assert isinstance(results[0], sqlite3.IntegrityError)
        assert await engine.read(names()) == ["a", "b"]

    async def test_cancelled_caller_does_not_stop_the_work_or_the_thread(self, engine: SqliteEngine) -> None:
        task = asyncio.ensure_future(engine.write(add("a")))
        await asyncio.sleep(0)
        task.cancel()
        await engine.write(add("b"))
        assert await engine.read(names()) == ["a", "b"]

    async def test_reader_sees_what_was_acknowledged(self, engine: SqliteEngine) -> None:
        for number in range(50):
            await engine.write(add(f"n{number:02}"))
            assert len(await engine.read(names())) == number + 1

    async def test_reader_cannot_write(self, engine: SqliteEngine) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            await engine.read(add("a"))
        assert "readonly" in str(caught.value.__cause__)

    async def test_what_was_asked_for_is_carried_out_before_stopping(self, tmp_path: Path) -> None:
        engine = SqliteEngine(tmp_path / "test.db")
        await engine.start(Deaf())
        works = [asyncio.ensure_future(engine.write(add(f"n{number}"))) for number in range(100)]
        await asyncio.sleep(0)
        await engine.stop()
        assert await asyncio.gather(*works) == [None] * 100

    async def test_it_is_as_durable_as_it_says(self, engine: SqliteEngine) -> None:
        def pragmas() -> Work[tuple[int, str]]:
            (synchronous,) = yield ask("PRAGMA synchronous")
            (journal,) = yield ask("PRAGMA journal_mode")
            return synchronous[0], journal[0]

        assert await engine.write(pragmas()) == (2, "wal")


async def test_stopping_does_not_look_through_what_has_grown(engine: SqliteEngine, tmp_path: Path) -> None:
    """The last of the sessions are all of one account, which whoever looks at the first few does not learn."""

    def grow() -> Work[None]:
        yield from add("z")
        for number in range(1_000):
            yield from add(f"a{number:04}")
            for owner in (f"a{number:04}", "z", "z"):
                yield ask(
                    "INSERT INTO sessions (localpart, device_id, kind, state, root, generation, access_digest, since, "
                    "created_at) VALUES (:owner, 'D', 'user', 'active', '', 0, '', 0, 0)",
                    owner=owner,
                )
        yield ask("UPDATE sessions SET nonce = NULL WHERE localpart = 'z' AND device_id = 'D' AND ended_at IS NULL")

    await engine.write(grow())
    await engine.stop()
    with closing(sqlite3.connect(tmp_path / "test.db")) as connection:
        ((found,),) = connection.execute("SELECT stat FROM sqlite_stat1 WHERE idx = 'sessions_by_device'")
    sessions_per_account = int(found.split()[1])
    assert sessions_per_account == 1, "a look at all of them finds 3"


class TestOtherProcesses:
    async def test_foreign_write_is_noticed_and_own_are_not(self, tmp_path: Path) -> None:
        noticed = asyncio.Event()

        class Watching(Deaf):
            def forget_everything(self) -> None:
                noticed.set()

        engine = SqliteEngine(tmp_path / "test.db")
        await engine.start(Watching())
        await engine.write(add("own"))
        await asyncio.sleep(0.5)
        assert not noticed.is_set()
        with sqlite3.connect(tmp_path / "test.db") as other:
            other.execute("UPDATE accounts SET state = 'locked'")
        other.close()
        await asyncio.wait_for(noticed.wait(), timeout=5)
        await engine.stop()


class TestOpening:
    async def test_newer_schema_is_refused(self, engine: SqliteEngine, tmp_path: Path) -> None:
        await engine.stop()
        with sqlite3.connect(tmp_path / "test.db") as other:
            other.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x')")
        other.close()
        with pytest.raises(DatabaseUnusable, match="step 9999"):
            await SqliteEngine(tmp_path / "test.db").start(Deaf())

    async def test_schema_with_another_step_is_refused(self, engine: SqliteEngine, tmp_path: Path) -> None:
        await engine.stop()
        with sqlite3.connect(tmp_path / "test.db") as other:
            other.execute("UPDATE schema_migrations SET checksum = 'x'")
        other.close()
        with pytest.raises(DatabaseUnusable, match="is not the one of this version"):
            await SqliteEngine(tmp_path / "test.db").start(Deaf())

    async def test_opening_again_changes_nothing(self, engine: SqliteEngine, tmp_path: Path) -> None:
        await engine.write(add("a"))
        await engine.stop()
        again = SqliteEngine(tmp_path / "test.db")
        await again.start(Deaf())
        assert await again.read(names()) == ["a"]
        await again.stop()

    async def test_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseUnusable, match="No such file or directory"):
            await SqliteEngine(tmp_path / "nowhere" / "test.db").start(Deaf())


class TestMigrations:
    def test_numbers_follow_each_other(self) -> None:
        assert [step.version for step in all_migrations()] == list(range(1, len(all_migrations()) + 1))

    def test_statements_are_split_at_semicolons_outside_comments(self) -> None:
        sql = "-- one; two\nCREATE TABLE a (b TEXT);\n\n  -- more;\nCREATE TABLE c (d TEXT);\n"
        assert split_statements(sql) == ["CREATE TABLE a (b TEXT)", "CREATE TABLE c (d TEXT)"]


class TestInMemory:
    @pytest.fixture
    async def engine(self) -> AsyncIterator[SqliteEngine]:
        opened = SqliteEngine(None)
        await opened.start(Deaf())
        yield opened
        await opened.stop()

    async def test_reads_see_what_was_written(self, engine: SqliteEngine) -> None:
        for number in range(50):
            await engine.write(add(f"n{number:02}"))
            assert len(await engine.read(names())) == number + 1
        assert engine.waiting() == 0

    async def test_works_at_the_same_time_do_not_lock_each_other_out(self, engine: SqliteEngine) -> None:
        writes = [engine.write(add(f"n{number:03}")) for number in range(300)]
        reads = [engine.read(names()) for _ in range(300)]
        await asyncio.gather(*writes, *reads)
        assert len(await engine.read(names())) == 300

    async def test_failed_work_is_undone(self, engine: SqliteEngine) -> None:
        with pytest.raises(ZeroDivisionError):
            await engine.write(add("a", then_fail=True))
        assert await engine.read(names()) == []

    async def test_two_engines_share_nothing(self, engine: SqliteEngine) -> None:
        await engine.write(add("a"))
        other = SqliteEngine(None)
        await other.start(Deaf())
        assert await other.read(names()) == []
        await other.stop()
