"""``ostiary db`` as it is called: status, upgrade, backup, and how the copy is told where from and where to."""

import asyncio
import json
import os
import pty
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ostiary.cli.app import app
from ostiary.storage.migrations import all_migrations, split_statements, to_postgres
from ostiary.storage.schema import all_tables
from tests.databases import ON_POSTGRES, fresh_url
from tests.storage.moved import SQLITE, Stopped, copied, filled, stop_after, url_in
from tests.storage.raw import rows_of, rows_of_each

NEWEST = all_migrations()[-1].version
STEPS = [step.title for step in all_migrations()]
ENGINE = "PostgreSQL" if ON_POSTGRES else "SQLite"


def run(*arguments: str, **environment: str | None) -> Result:
    of_tests = dict.fromkeys(("OSTIARY_TEST_DATABASE", "OSTIARY_TEST_POSTGRES"))  # no keys of the configuration
    return CliRunner().invoke(app, ["db", *arguments], env={**of_tests, **environment})


def done(*arguments: str, **environment: str | None) -> str:
    result = run(*arguments, **environment)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refused(*arguments: str, code: int = 1, **environment: str | None) -> str:
    result = run(*arguments, **environment)
    assert result.exit_code == code, (result.output, result.exception)
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.fixture
def url(tmp_path: Path) -> str:
    return fresh_url(tmp_path)


async def _make_older(url: str, version: int) -> None:
    """The database as an earlier version has left it."""
    statements = ["CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name TEXT, checksum TEXT)"]
    for step in all_migrations()[:version]:
        statements += map(to_postgres if ON_POSTGRES else str, split_statements(step.sql))
        statements.append(f"INSERT INTO schema_migrations VALUES ({step.version}, '{step.name}', '{step.checksum}')")
    await rows_of_each(url, statements)


class TestUpgrade:
    def test_says_which_steps_it_has_carried_out(self, url: str) -> None:
        assert done("upgrade", "--database", url).splitlines()[:-1] == [f"carried out {step}" for step in STEPS]
        assert done("upgrade", "--database", url).endswith(" was up to date.\n")
        assert json.loads(done("upgrade", "--database", url, "--json")) == {"steps": []}

    def test_carries_out_only_what_is_pending(self, url: str) -> None:
        asyncio.run(_make_older(url, 3))
        told = json.loads(done("status", "--database", url, "--json"))
        assert (told["schema"], told["pending"]) == (3, STEPS[3:])
        assert f"schema 3 of {NEWEST}; pending: {', '.join(STEPS[3:])}" in done("status", "--database", url)
        assert json.loads(done("upgrade", "--database", url, "--json")) == {"steps": STEPS[3:]}
        assert json.loads(done("status", "--database", url, "--json"))["pending"] == []

    def test_schema_of_another_version_is_refused(self, url: str) -> None:
        done("upgrade", "--database", url)
        asyncio.run(rows_of(url, "INSERT INTO schema_migrations VALUES (9999, 'future', 'x')"))
        assert "step 9999, which this version of Ostiary does not know" in refused("upgrade", "--database", url)
        assert "step 9999" in json.loads(done("status", "--database", url, "--json"))["problem"]


class TestStatus:
    def test_counts_rows_and_bytes_of_every_table(self, tmp_path: Path) -> None:
        url = asyncio.run(filled(tmp_path, ENGINE.lower(), 30))
        told: dict[str, Any] = json.loads(done("status", "--database", url, "--json"))
        assert (told["engine"], told["schema"], told["newest_schema"]) == (ENGINE, NEWEST, NEWEST)
        assert told["tables"].keys() == {table.name for table in all_tables()}
        assert told["tables"]["accounts"]["rows"] == 30
        assert all(table["bytes"] >= 4096 for table in told["tables"].values() if table["rows"])
        shown = done("status", "--database", url)
        assert f"{ENGINE}, " in shown
        assert "up to date" in shown
        assert all(table.name in shown for table in all_tables())

    def test_database_without_schema_is_no_error(self, tmp_path: Path, url: str) -> None:
        if not ON_POSTGRES:
            (tmp_path / "test.db").touch()
        assert "There is no schema yet" in done("status", "--database", url)

    def test_database_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        assert "cannot be opened" in refused("status", "--database", f"sqlite:///{tmp_path}/none.db")
        assert not (tmp_path / "none.db").exists()

    def test_unfinished_copy_is_told(self, tmp_path: Path) -> None:
        source, target = asyncio.run(filled(tmp_path, SQLITE, 10)), url_in(tmp_path, ENGINE.lower(), "target")
        with pytest.raises(Stopped):
            asyncio.run(copied(source, target, stop_after(1)))
        assert "a copy of sqlite:///" in done("status", "--database", target)
        assert "a copy of sqlite:///" in refused("upgrade", "--database", target)


@pytest.mark.skipif(ON_POSTGRES, reason="a copy of SQLite's file")
class TestBackup:
    def test_is_whole_private_and_one_file(self, tmp_path: Path) -> None:
        url, file = asyncio.run(filled(tmp_path, SQLITE, 500)), tmp_path / "backup.db"
        said = done("backup", str(file), "--database", url)
        assert said == f"{file}: {file.stat().st_size} bytes, a whole copy of {url}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert sorted(one.name for one in tmp_path.iterdir() if "backup" in one.name) == ["backup.db"]
        every = [f"SELECT * FROM {table.name}" for table in all_tables()]
        assert asyncio.run(rows_of_each(f"sqlite:///{file}", every)) == asyncio.run(rows_of_each(url, every))

    def test_nothing_is_overwritten(self, tmp_path: Path, url: str) -> None:
        done("upgrade", "--database", url)
        (tmp_path / "backup.db").write_text("mine", encoding="ascii")
        assert "is there already" in refused("backup", str(tmp_path / "backup.db"), "--database", url)
        assert (tmp_path / "backup.db").read_text(encoding="ascii") == "mine"

    def test_what_a_killed_one_has_left_is_no_obstacle(self, tmp_path: Path, url: str) -> None:
        done("upgrade", "--database", url)
        (tmp_path / "backup.db.unfinished").write_text("half", encoding="ascii")
        assert done("backup", str(tmp_path / "backup.db"), "--database", url, "--quiet") == ""
        assert not (tmp_path / "backup.db.unfinished").exists()

    def test_what_cannot_be_is_told_and_leaves_nothing(self, tmp_path: Path, url: str) -> None:
        assert "There is no database" in refused("backup", str(tmp_path / "backup.db"), "--database", url)
        (tmp_path / "test.db").write_text("no database" * 1000, encoding="ascii")
        assert "file is not a database" in refused("backup", str(tmp_path / "backup.db"), "--database", url)
        assert "No such file" in refused("backup", str(tmp_path / "nowhere" / "backup.db"), "--database", url)
        assert [one.name for one in tmp_path.iterdir()] == ["test.db"]


def test_backup_of_postgresql_points_to_its_programs(tmp_path: Path) -> None:
    told = refused("backup", str(tmp_path / "x"), "--database", "postgresql://ostiary:hunter2@127.0.0.1:1/ostiary")
    assert "pg_dump" in told
    assert "hunter2" not in told


class TestWhich:
    """Where a copy comes from, and where it goes."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> str:
        return asyncio.run(filled(tmp_path, SQLITE, 10))

    def test_configuration_says_the_source(self, tmp_path: Path, source: str) -> None:
        target = f"sqlite:///{tmp_path}/two.db"
        (tmp_path / "ostiary.toml").write_text(f'database = "{source}"', encoding="utf-8")
        said = done("copy", "--config", str(tmp_path / "ostiary.toml"), target)
        assert f"{target} now holds the same as {source}; " in said
        assert stat.S_IMODE((tmp_path / "two.db").stat().st_mode) == 0o600

    def test_urls_are_read_from_the_environment_or_a_file(self, tmp_path: Path, source: str) -> None:
        (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/two.db\n", encoding="utf-8")
        done("copy", "env:OLD_DATABASE", f"file:{tmp_path}/url", OLD_DATABASE=source)
        assert (tmp_path / "two.db").exists()
        third = f"sqlite:///{tmp_path}/3.db"
        assert refused("copy", "env:OLD_DATABASE", third, code=2) == "ostiary: env:OLD_DATABASE: is not set\n"
        assert refused("copy", "file:/nowhere", third, code=2) == "ostiary: file:/nowhere: No such file or directory\n"
        assert "must be a URL like" in refused("copy", source, "two.db", code=2)

    def test_both_as_arguments_leave_no_room_for_the_configuration(self, tmp_path: Path, source: str) -> None:
        told = refused("copy", source, f"sqlite:///{tmp_path}/two.db", "--config", "x.toml", code=2)
        assert "give a source and a target" in told

    def test_json_has_the_hashes(self, tmp_path: Path, source: str) -> None:
        told = json.loads(done("copy", source, f"sqlite:///{tmp_path}/two.db", "--json"))
        assert told["copied_rows"] == 10 * len(told["tables"])
        assert {len(one["sha256"]) for one in told["tables"].values()} == {64}

    def test_quiet_is_quiet(self, tmp_path: Path, source: str) -> None:
        result = run("copy", source, f"sqlite:///{tmp_path}/two.db", "--quiet")
        assert (result.exit_code, result.output) == (0, "")

    def test_lines_tell_how_far_it_is(self, tmp_path: Path, source: str) -> None:
        result = run("copy", source, f"sqlite:///{tmp_path}/two.db")
        assert "accounts: 10\n" in result.stderr
        assert "checking accounts on both sides: 20\n" in result.stderr

    def test_bar_tells_it_on_a_terminal(self, tmp_path: Path, source: str) -> None:
        terminal, its = pty.openpty()
        command = [sys.executable, "-m", "ostiary.cli", "db", "copy", source, f"sqlite:///{tmp_path}/two.db"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
        with subprocess.Popen(
            command, stderr=its, stdout=subprocess.DEVNULL, env={**environment, "TERM": "xterm", "COLUMNS": "120"}
        ) as process:
            os.close(its)
            seen = b""
            with suppress(OSError):  # how a terminal says that nobody is there any longer
                while part := os.read(terminal, 65_536):
                    seen += part
            assert process.wait() == 0
        os.close(terminal)
        assert b"checking accounts on both sides: 20" in seen
        assert "━".encode() in seen

    @pytest.mark.parametrize("database", ["postgresql://ostiary:hunter2@127.0.0.1:1/ostiary", "mysql://a:hunter2@b/c"])
    def test_no_password_is_shown(self, tmp_path: Path, source: str, database: str) -> None:
        for arguments in ((source, database), (database, f"sqlite:///{tmp_path}/two.db"), ("env:WHERE", database)):
            result = run("copy", *arguments, WHERE=source)
            assert result.exit_code in (1, 2)
            assert "hunter2" not in result.output

    def test_source_must_be_there_and_up_to_date(self, tmp_path: Path) -> None:
        target = f"sqlite:///{tmp_path}/two.db"
        assert "cannot be opened" in refused("copy", f"sqlite:///{tmp_path}/none.db", target)
        (tmp_path / "empty.db").touch()
        assert "is no database of Ostiary" in refused("copy", f"sqlite:///{tmp_path}/empty.db", target)
        if not ON_POSTGRES:
            asyncio.run(_make_older(f"sqlite:///{tmp_path}/old.db", 2))
            assert "run `ostiary db upgrade` on it first" in refused("copy", f"sqlite:///{tmp_path}/old.db", target)
        assert not (tmp_path / "two.db").exists()
