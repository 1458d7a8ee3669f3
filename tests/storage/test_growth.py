"""The generator and the benchmarks of growth, at their smallest. What their figures are is not looked at here."""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from benchmarks.asked import NAMES, OPERATIONS, picked
from benchmarks.grow_sqlite import read_note
from benchmarks.grown import opened
from benchmarks.population import Population
from benchmarks.requests import PASSWORD
from benchmarks.warming import Kept

from benchmarks import cleanup, copying, grow, growth, lookups
from ostiary.storage.work import Row, Work, ask
from tests.databases import ON_POSTGRES, fresh_url
from tests.process import serving
from tests.storage.raw import rows_of
from tests.storage.test_engines import Deaf, engine_at

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:multiprocessing")  # it forks beside threads


def grown(directory: Path, accounts: int, *more: str) -> str:
    """The URL of a database of its own, filled."""
    directory.mkdir()
    url = fresh_url(directory)
    grow.main(["--database", url, "--accounts", str(accounts), "--processes", "1", "--cache-mib", "20", *more])
    return url


def rows(url: str, sql: str) -> Sequence[Row]:
    def work() -> Work[Sequence[Row]]:
        return (yield ask(sql))

    async def run() -> Sequence[Row]:
        engine = engine_at(url)
        await engine.start(Deaf())
        try:
            return await engine.read(work())
        finally:
            await engine.stop()

    return asyncio.run(run())


def counts(url: str) -> dict[str, int]:
    tables = ("accounts", "devices", "sessions", "audit_events", "threepids")
    return {table: rows(url, f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_a_filled_database_is_one_that_the_server_knows(tmp_path: Path) -> None:
    url = grown(tmp_path / "one", 100)
    assert counts(url) == {
        "accounts": 100, "devices": 300, "sessions": 330, "audit_events": 400, "threepids": 65,
    }  # fmt: skip
    people = Population(100, 3, "", 0)
    hashes = set(rows(url, "SELECT password_hash FROM accounts"))
    with serving(tmp_path, "--dev", "--database", url, environment=CHEAP) as server:
        for session in range(0, 300, 7):
            name = f"@{people.localpart(people.account_of(session))}:localhost"
            if people.refreshes(session):
                answer = server.call("POST", "v3/refresh", {"refresh_token": people.refresh_token(session)})
                assert answer[0] == 200
                token = answer[1]["access_token"]
            else:
                token = people.access_token(session)
            status, whose = server.call("GET", "v3/account/whoami", token=token)
            assert (status, whose["user_id"]) == (200, name)
            assert len(server.call("GET", "v3/devices", token=token)[1]["devices"]) == 3
        login = {"type": "m.login.password", "user": people.localpart(5), "password": PASSWORD}
        assert server.call("POST", "v3/login", login)[0] == 200
    assert set(rows(url, "SELECT password_hash FROM accounts")) == hashes, "a hash that is made anew costs too much"
    assert counts(url)["sessions"] == 331


def test_what_ought_to_be_there_besides_is_refused(tmp_path: Path) -> None:
    url = grown(tmp_path / "one", 20)
    with pytest.raises((ValueError, FileExistsError)):
        grow.main(["--database", url, "--accounts", "20"])
    assert counts(url)["accounts"] == 20


@pytest.mark.skipif(not ON_POSTGRES, reason="a file that is not whole has another name, and is made anew")
def test_a_run_that_was_stopped_is_begun_anew(tmp_path: Path) -> None:
    url = grown(tmp_path / "one", 20)
    asyncio.run(_unfinish(url))
    grow.main(["--database", url, "--accounts", "40", "--processes", "1"])
    assert counts(url)["accounts"] == 40
    where = "indexname = 'sessions_by_device' AND schemaname = current_schema()"
    assert rows(url, f"SELECT count(*) FROM pg_indexes WHERE {where}")[0][0] == 1


async def _unfinish(url: str) -> None:
    """As if it had been stopped while an index was being made."""
    import asyncpg

    connection: Any = await asyncpg.connect(url)
    index = await connection.fetchval("SELECT pg_get_indexdef('sessions_by_device'::regclass)")
    await connection.execute("DROP INDEX sessions_by_device")
    await connection.execute("UPDATE benchmark_population SET taken = $1", json.dumps([index]))
    await connection.close()


def test_every_operation_is_measured_on_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    urls = [grown(tmp_path / str(accounts), accounts) for accounts in (200, 1_000)]
    kept = tmp_path / "figures.json"
    growth.main(["--database", urls[0], "--database", urls[1], "--rounds", "1", "--share", "0.02", "--json", str(kept)])
    small, large = json.loads(kept.read_text())["databases"]
    assert (small["accounts"], large["accounts"]) == (200, 1_000)
    assert small["operations"].keys() == large["operations"].keys() == set(NAMES)
    for one in (small, large):
        assert all(figures["server_us"] > 0 for figures in one["operations"].values())
        assert one["sizes"]["sessions"] > 0
        assert one["memory_mib"]["after"] > 0
    assert "login, cheap hash" in capsys.readouterr().out


def test_some_operations_are_measured_with_what_they_go_on_from(tmp_path: Path) -> None:
    url, kept = grown(tmp_path / "one", 200), tmp_path / "figures.json"
    some = ["--operation", "logout", "--operation", "name is free"]
    growth.main(["--database", url, "--rounds", "1", "--share", "0.02", "--json", str(kept), *some])
    (found,) = json.loads(kept.read_text())["databases"]
    assert list(found["operations"]) == ["login, cheap hash", "logout", "name is free"]


def test_an_operation_goes_on_from_the_one_just_before_it() -> None:
    assert [one.name for one in picked(["first use of a pair"])] == ["refresh", "first use of a pair"]
    assert picked([]) == list(OPERATIONS)
    for before, one in itertools.pairwise(OPERATIONS):
        assert one.after in {None, before.name}


async def test_what_is_to_be_forgotten_is_looked_up_again(tmp_path: Path) -> None:
    url = await asyncio.to_thread(grown, tmp_path / "one", 100)
    async with opened(url, tmp_path) as one:
        token = one.people.access_token(one.sessions(1, refreshing=False)[0])
        assert one.server.call("GET", "v3/account/whoami", token=token)[0] == 200
        await rows_of(url, "UPDATE sessions SET ended_at = 1")
        await one.database.forget()
        assert one.server.call("GET", "v3/account/whoami", token=token)[0] == 401


@pytest.mark.skipif(ON_POSTGRES or not sys.platform.startswith("linux"), reason="it asks Linux about a file of SQLite")
def test_what_requests_look_at_is_kept_in_memory(tmp_path: Path) -> None:
    grown(tmp_path / "one", 1000)
    path = tmp_path / "one" / "test.db"
    with closing(Kept(path, read_note(path))):
        mapped = Path("/proc/self/smaps").read_text().partition(str(path))[2]
        kept_kib = int(re.findall(r"^Rss:\s+(\d+) kB$", mapped, re.MULTILINE)[0])
    whole_kib = path.stat().st_size / 1024
    assert whole_kib / 4 < kept_kib <= whole_kib
    assert str(path) not in Path("/proc/self/maps").read_text()


@pytest.mark.skipif(ON_POSTGRES, reason="it opens files")
def test_look_ups_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grown(tmp_path / "one", 100)
    lookups.main(["--database", str(tmp_path / "one" / "test.db")])
    assert capsys.readouterr().out.count("again: cpu_us") == len(lookups.SETTINGS)


def test_a_clean_up_is_measured_to_its_end(tmp_path: Path) -> None:
    url = grown(tmp_path / "one", 100, "--forgettable", "500")
    kept = tmp_path / "figures.json"
    arguments = ["--database", url, "--per-second", "30", "--at-rest-seconds", "1", "--json", str(kept)]
    assert cleanup.main(arguments) == 0
    found = json.loads(kept.read_text())
    assert found["left"] == found["beside"]["failed"] == found["afterwards"]["failed"] == 0
    assert counts(url)["sessions"] >= 330, "nothing that is remembered was deleted"


@pytest.mark.skipif(not ON_POSTGRES, reason="it copies to PostgreSQL and back")
def test_copies_are_measured_in_each_direction(capsys: pytest.CaptureFixture[str]) -> None:
    copying.main(["--rows", "100"])
    pattern = r"(\w+ to \w+) .* s +\d+ rows/s +(\S+) s of CPU"
    copies = dict(re.findall(pattern, capsys.readouterr().out))
    assert copies.keys() == {"sqlite to postgresql", "postgresql to sqlite", "sqlite to sqlite"}
    assert all(float(cpu_s) > 0 for cpu_s in copies.values())


def test_a_clean_up_that_runs_out_of_requests_says_so(tmp_path: Path) -> None:
    url = grown(tmp_path / "one", 20, "--forgettable", "500")
    with pytest.raises(ValueError, match="too few sessions"):
        cleanup.main(["--database", url, "--per-second", "400", "--at-rest-seconds", "10"])


CHEAP = {"OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "8", "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1"}
