"""PostgreSQL alone: statements, the channel between processes, a database that goes away."""

import asyncio
import gc
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import PostgresqlConfig
from ostiary.storage.migrations import all_migrations, split_statements, to_postgres
from tests.databases import ON_POSTGRES, fresh_url, server_url
from tests.world import World, open_config, open_world

asyncpg: Any = pytest.importorskip("asyncpg")

from ostiary.storage.postgres import PostgresEngine, carry_out, compiled, compiled_together, compiled_upon  # noqa: E402 - which needs asyncpg
from ostiary.storage.work import GIVEN, HOLDING, DatabaseUnusable, Script, Work, ask  # noqa: E402 - as above
from tests.storage.test_engines import Deaf  # noqa: E402 - as above

on_postgres = pytest.mark.skipif(not ON_POSTGRES, reason="this run is not for PostgreSQL")


@pytest.mark.parametrize(
    ("sql", "numbered", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("a = :x AND b = :y OR c = :x", "a = $1 AND b = $2 OR c = $1", ("x", "y")),
        ("CAST(:x_y AS BIGINT), z::text", "CAST($1 AS BIGINT), z::text", ("x_y",)),
    ],
)
def test_named_parameters_are_numbered(sql: str, numbered: str, names: tuple[str, ...]) -> None:
    assert compiled(sql) == (numbered, names)


def test_statements_together_are_one() -> None:
    sql, places = compiled_together(("INSERT INTO a VALUES (:x, :y)", "UPDATE b SET c = :x WHERE d = :z RETURNING e"))
    assert sql == "WITH step_0 AS (INSERT INTO a VALUES ($1, $2)) UPDATE b SET c = $3 WHERE d = $4 RETURNING e"
    assert places == ((0, "x"), (0, "y"), (1, "x"), (1, "z"))
    assert compiled_together(("SELECT :x",)) == ("SELECT $1", ((0, "x"),))


def test_statements_upon_another_are_one_with_it() -> None:
    first, second = "UPDATE a SET b = :x RETURNING c", f"DELETE FROM d WHERE e = :x AND {GIVEN}"
    sql, places = compiled_upon((first, second))
    assert sql == (
        "WITH step_0 AS (UPDATE a SET b = $1 RETURNING c), "
        "step_1 AS (DELETE FROM d WHERE e = $2 AND EXISTS (SELECT 1 FROM step_0)) SELECT * FROM step_0"
    )
    assert places == ((0, "x"), (1, "x"))
    with pytest.raises(ValueError, match="GIVEN"):
        compiled_upon((first, "DELETE FROM d"))


def test_every_statement_of_the_schema_is_translated() -> None:
    for step in all_migrations():
        for statement in split_statements(step.sql):
            translated = to_postgres(statement)
            assert "BLOB" not in translated
            assert "INTEGER NOT NULL PRIMARY KEY" not in translated
            assert translated.count(" TEXT") == translated.count(' TEXT COLLATE "C"')


@on_postgres
def test_lost_connections_are_replaced(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # asyncpg does not close the sockets of connections that the server has closed; they go with the loop.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(_lose_all_connections(tmp_path))
        gc.collect()


async def _lose_all_connections(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path)) as world:
        alice = await world.register("alice")
        connection = await asyncpg.connect(server_url())
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        await connection.close()
        statuses = {(await world.refresh(alice.refresh_token)).status for _ in range(20)}
        assert statuses <= {200, 503}
        assert (await world.refresh(alice.refresh_token)).status == 200


async def test_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    engine = PostgresEngine("postgresql://ostiary:hunter2@127.0.0.1:1/ostiary", time.monotonic)
    with pytest.raises(DatabaseUnusable, match="cannot be used") as caught:
        await engine.start(Deaf())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("password", ["hun/ter2", "hun#ter2", "hun?ter2"])
async def test_password_with_signs_that_break_the_url_is_not_told_in_part(password: str) -> None:
    engine = PostgresEngine(f"postgresql://ostiary:{password}@127.0.0.1:1/ostiary", time.monotonic)
    with pytest.raises(DatabaseUnusable, match="malformed") as caught:
        await engine.start(Deaf())
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


@on_postgres
async def test_connections_are_at_most_as_many(tmp_path: Path) -> None:
    config = replace(open_config(tmp_path), postgresql=PostgresqlConfig(connections=2))
    async with open_world(config) as world:
        before = await _count_connections(world)
        await asyncio.gather(*(world.register() for _ in range(20)))
        assert await _count_connections(world) <= before + 1  # two where there was the one that is always kept


async def _count_connections(world: World) -> int:
    ((count,),) = await world.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    return int(count)


@on_postgres
async def test_works_in_each_others_way_are_done_one_after_the_other(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path)) as world:
        await world.register("one")
        await world.register("two")
        engine = world.services.vitals.engine

        def lock_both(first: str, second: str) -> Work[int]:
            tries.append(first)
            yield ask(f"SELECT 1 FROM accounts WHERE localpart = :name {HOLDING}", name=first)
            yield ask("SELECT pg_sleep(0.2)")
            yield ask(f"SELECT 1 FROM accounts WHERE localpart = :name {HOLDING}", name=second)
            return len(tries)

        tries: list[str] = []
        await asyncio.gather(
            engine.write(lambda: lock_both("one", "two")), engine.write(lambda: lock_both("two", "one"))
        )
        assert len(tries) == 3


@on_postgres
async def test_stricter_isolation_loses_nothing(tmp_path: Path) -> None:
    config = open_config(tmp_path)
    config = replace(
        config, database=f"{config.database}&default_transaction_isolation=serializable",
        postgresql=PostgresqlConfig(notifications=False),
    )  # fmt: skip
    async with open_world(config) as world:
        alice = await world.register("alice")
        answers = await asyncio.gather(*(world.refresh(alice.refresh_token) for _ in range(8)))
        assert {answer.status for answer in answers} == {200}
        sessions = await asyncio.gather(*(world.relogin(alice, device_id="X") for _ in range(5)))
        assert sorted([(await world.whoami(one.access_token)).status for one in sessions]) == [200, 401, 401, 401, 401]
        opened = await asyncio.gather(*(world.relogin(alice) for _ in range(12)))
        ended = await asyncio.gather(
            *(world.call("POST", "v3/logout", {}, token=one.access_token) for one in opened[1:])
        )
        assert {answer.status for answer in ended} == {200}
        assert (await world.whoami(opened[0].access_token)).status == 200


@on_postgres
async def test_newer_schema_is_refused(tmp_path: Path) -> None:
    url = fresh_url(tmp_path)
    engine = PostgresEngine(url, time.monotonic)
    await engine.start(Deaf())
    await engine.stop()
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x')")
    await connection.close()
    with pytest.raises(DatabaseUnusable, match="step 9999"):
        await PostgresEngine(url, time.monotonic).start(Deaf())


@on_postgres
async def test_each_statement_of_a_script_adds_to_its_time() -> None:
    def sleeping(*seconds: float) -> Work[None]:
        yield Script([f"SELECT pg_sleep({one})" for one in seconds])

    connection = await asyncpg.connect(server_url(), command_timeout=0.1)
    await carry_out(connection, sleeping(0.05, 0.05, 0.05), deadline_s=0.1)
    with pytest.raises(TimeoutError):
        await carry_out(connection, sleeping(0.3, 0), deadline_s=0.1)
    with pytest.raises(TimeoutError):
        await carry_out(connection, sleeping(0.3, 0))
    await connection.close()
