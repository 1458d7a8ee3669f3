"""What every engine promises, whichever the run is for."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.config import parse_database_url
from ostiary.config.database import SqliteDatabase
from ostiary.storage.migrations import migrate
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.work import GIVEN, HOLDING, Engine, Script, Together, Upon, Work, ask
from tests.databases import fresh_url
from tests.world import World, open_config, open_world


class Deaf:
    """Watches, and does not care."""

    def forget(self, session_ids: Iterable[int]) -> None:
        pass

    def forget_everything(self) -> None:
        pass

    def ask_before_use(self, are_current: Callable[[], bool]) -> None:
        pass


def engine_at(url: str) -> Engine:
    database = parse_database_url(url)
    if isinstance(database, SqliteDatabase):
        return SqliteEngine(database.path)
    from ostiary.storage.postgres import PostgresEngine

    return PostgresEngine(database.url.reveal(), time.monotonic)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    opened = engine_at(fresh_url(tmp_path))
    await opened.start(Deaf())
    yield opened
    await opened.stop()


def add(name: str, *, then_fail: bool = False) -> Work[None]:
    yield ask(
        "INSERT INTO accounts (localpart, kind, state, created_at) VALUES (:name, 'user', 'active', 0)", name=name
    )
    if then_fail:
        raise ZeroDivisionError(name)


def names() -> Work[list[str]]:
    rows = yield ask("SELECT localpart FROM accounts ORDER BY localpart")
    return [name for (name,) in rows]


async def test_work_that_fails_is_undone_alone(engine: Engine) -> None:
    works = [engine.write(add(f"n{number:02}", then_fail=number % 3 == 0)) for number in range(30)]
    results = await asyncio.gather(*works, return_exceptions=True)
    assert [isinstance(result, ZeroDivisionError) for result in results] == [n % 3 == 0 for n in range(30)]
    assert await engine.read(names()) == [f"n{number:02}" for number in range(30) if number % 3]


async def test_what_is_written_together_is_answered_by_the_last(engine: Engine) -> None:
    def work() -> Work[list[str]]:
        sql = """INSERT INTO accounts (localpart, kind, state, created_at)
            VALUES (:name, 'user', 'active', 0) RETURNING localpart"""
        rows = yield Together([ask(sql, name="one"), ask(sql, name="two"), ask(sql, name="three")])
        return [name for (name,) in rows]

    assert await engine.write(work()) == ["three"]
    assert await engine.read(names()) == ["one", "three", "two"]


async def test_statements_of_a_script_see_what_those_before_them_have_done(engine: Engine) -> None:
    def work() -> Work[list[int]]:
        made = "CREATE TABLE numbers (number BIGINT NOT NULL)"
        yield Script([made, "INSERT INTO numbers VALUES (1)", "INSERT INTO numbers SELECT number + 1 FROM numbers"])
        rows = yield ask("SELECT number FROM numbers ORDER BY number")
        return [number for (number,) in rows]

    assert await engine.write(work()) == [1, 2]


async def test_script_that_fails_is_undone_from_its_beginning(engine: Engine) -> None:
    def work() -> Work[None]:
        yield from add("a")
        yield Script(
            ["UPDATE accounts SET state = 'locked'", "CREATE TABLE one (x BIGINT)", "INSERT INTO none VALUES (1)"]
        )

    with pytest.raises(Exception, match="none"):
        await engine.write(work())
    assert await engine.read(names()) == []
    await engine.write(scripted("CREATE TABLE one (x BIGINT)"))


def scripted(*statements: str) -> Work[None]:
    yield Script(statements)


def test_a_new_database_is_brought_up_to_date_in_few_trips() -> None:
    steps = list(trips(migrate()))
    assert len(steps) <= 4, steps


def trips(work: Work[object]) -> Iterator[object]:
    """What a work yields on a database in which there is nothing yet."""
    with contextlib.suppress(StopIteration):
        step = next(work)
        while True:
            yield step
            step = work.send(())


async def test_what_stands_alone_is_written_too(engine: Engine) -> None:
    await engine.write_singly(add("alone"))
    assert await engine.read(names()) == ["alone"]


def rename_and_add(name: str, new_name: str, *added: str) -> Work[list[str]]:
    """Rename one and, where it is there, add others."""
    rename = "UPDATE accounts SET localpart = :new_name WHERE localpart = :name RETURNING :name"
    sql = f"""INSERT INTO accounts (localpart, kind, state, created_at)
        SELECT :name, 'user', 'active', 0 WHERE {GIVEN} RETURNING localpart"""
    rows = yield Upon(ask(rename, name=name, new_name=new_name), [ask(sql, name=one) for one in added])
    return [one for (one,) in rows]


@pytest.mark.parametrize("alone", [True, False])
async def test_what_depends_on_another_statement_is_done_where_that_has_given_rows(engine: Engine, alone: bool) -> None:
    write = engine.write_singly if alone else engine.write
    await engine.write(add("a"))
    assert await write(rename_and_add("b", "c", "x", "y")) == []
    assert await engine.read(names()) == ["a"]
    assert await write(rename_and_add("a", "b", "x", "y")) == ["a"]
    assert await engine.read(names()) == ["b", "x", "y"]
    with pytest.raises(Exception, match=r"(?i)unique"):
        await write(rename_and_add("b", "c", "z", "x"))
    assert await engine.read(names()) == ["b", "x", "y"], "all is done, or nothing"


async def test_names_are_sorted_and_told_apart_by_bytes(engine: Engine) -> None:
    for name in ("b", "B", "a-", "a_", "a1", "ä", "A"):
        await engine.write(add(name))
    assert await engine.read(names()) == sorted(["b", "B", "a-", "a_", "a1", "ä", "A"], key=str.encode)


async def test_cancelled_caller_does_not_stop_the_work(engine: Engine) -> None:
    task = asyncio.ensure_future(engine.write(add("a")))
    await asyncio.sleep(0)
    task.cancel()
    for number in range(100):
        if await engine.read(names()) == ["a"]:
            break
        await asyncio.sleep(0.01 * number)
    assert await engine.read(names()) == ["a"]


async def test_of_two_works_that_lock_a_row_one_waits(engine: Engine) -> None:
    """Each adds one to a number that it has read: none is lost."""

    def count_up() -> Work[None]:
        ((seen,),) = yield ask(f"SELECT created_at FROM accounts WHERE localpart = :name {HOLDING}", name="a")
        yield ask("UPDATE accounts SET created_at = :next WHERE localpart = :name", next=seen + 1, name="a")

    def counted() -> Work[int]:
        ((number,),) = yield ask("SELECT created_at FROM accounts")
        return int(number)

    await engine.write(add("a"))
    await asyncio.gather(*(engine.write(count_up()) for _ in range(50)))
    assert await engine.read(counted()) == 50


async def test_two_engines_may_bring_one_database_up_to_date_at_once(tmp_path: Path) -> None:
    url = fresh_url(tmp_path)
    engines = [engine_at(url) for _ in range(4)]
    await asyncio.gather(*(engine.start(Deaf()) for engine in engines))
    await engines[0].write(add("a"))
    for engine in engines:
        assert await engine.read(names()) == ["a"]
        await engine.stop()


class TestTwoServers:
    """On one database, each with a cache of its own."""

    @pytest.fixture
    async def servers(self, tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
        config = open_config(tmp_path)
        async with open_world(config) as one, open_world(config, clock=one.clock, seed="other") as other:
            yield one, other

    @pytest.mark.parametrize("ending", ["logout", "logout/all", "refresh", "login", "password"])
    async def test_what_one_ends_the_other_refuses(self, servers: tuple[World, World], ending: str) -> None:
        one, other = servers
        alice = await one.register("alice")
        for server in servers:
            assert (await server.whoami(alice.access_token)).status == 200
        if ending == "refresh":
            new = await other.refresh(alice.refresh_token)
            await other.whoami(new.json["access_token"])
        elif ending == "login":
            await other.relogin(alice, device_id=alice.device_id)
        elif ending == "password":
            await other.services.passwords.set("alice", Secret("another good password"), logout_devices=True)
        else:
            await other.call("POST", f"v3/{ending}", {}, token=alice.access_token)
        for _ in range(100):
            if (await one.whoami(alice.access_token)).status == 401:
                break
            await asyncio.sleep(0.05)
        assert (await one.whoami(alice.access_token)).status == 401
        assert (await other.whoami(alice.access_token)).status == 401

    async def test_interactive_authentication_goes_on_at_the_other(self, servers: tuple[World, World]) -> None:
        one, other = servers
        asked = await one.call("POST", "v3/register", {"username": "bob", "password": "long enough"})
        auth = {"type": "m.login.dummy", "session": asked.json["session"]}
        done = await other.call("POST", "v3/register", {"auth": auth})
        assert done.json["user_id"] == "@bob:localhost"
        assert (await one.whoami(done.json["access_token"])).status == 200

    async def test_of_many_registering_one_name_at_both_one_wins(self, servers: tuple[World, World]) -> None:
        body = {"username": "bob", "password": "long enough", "auth": {"type": "m.login.dummy"}}
        calls = [server.call("POST", "v3/register", body) for server in servers for _ in range(10)]
        answers = await asyncio.gather(*calls)
        assert sorted(answer.status for answer in answers) == [200] + [400] * 19

    async def test_of_many_refreshing_at_both_nobody_is_logged_out(self, servers: tuple[World, World]) -> None:
        alice = await servers[0].register("alice")
        calls = [server.refresh(alice.refresh_token) for server in servers for _ in range(10)]
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} == {200}
        for answer in answers:
            assert (await servers[1].whoami(answer.json["access_token"])).status == 200

    async def test_of_many_logging_in_on_one_device_one_session_is_left(self, servers: tuple[World, World]) -> None:
        alice = await servers[0].register("alice")
        calls = [server.login("alice", device_id="ONE") for server in servers for _ in range(5)]
        answers = await asyncio.gather(*calls)
        assert {answer.status for answer in answers} == {200}
        living = "SELECT count(*) FROM sessions WHERE device_id = 'ONE' AND ended_at IS NULL"
        assert [*await servers[0].sql(living)] == [(1,)]
        assert (await servers[0].whoami(alice.access_token)).status == 200


async def test_processes_that_have_seen_the_same_devices_do_not_lock_each_other_out(tmp_path: Path) -> None:
    """One writes when each was seen in the order of its requests, and the other has had them the other way round."""
    config = open_config(tmp_path)
    async with open_world(config) as one, open_world(config) as other:
        names = [f"user{number:02}" for number in range(40)]
        for name in names:
            await one.register(name)
        devices: dict[str, str] = dict(await one.sql("SELECT localpart, device_id FROM devices"))
        for _ in range(5):
            for world, order in ((one, names), (other, names[::-1])):
                for name in order:
                    world.services.last_seen.note(Localpart(name), devices[name], world.clock.now(), world.origin)
            await asyncio.gather(one.services.last_seen.write(), other.services.last_seen.write())
