"""``ostiary doctor``: what it finds of a whole and of a broken installation, and what it says to do."""

import asyncio
import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ostiary.api.http import HttpResponse
from ostiary.api.identifiers import ServerName
from ostiary.config import Config, MailConfig, PasswordsConfig, ServerConfig
from ostiary.server.doctor import Finding, Verdict, examine
from ostiary.server.doctor_outside import NoAnswer, examine_outside
from ostiary.storage.migrations import all_migrations
from tests.databases import ON_POSTGRES, fresh_url
from tests.process import run_cli, serving
from tests.world import FAST_HASHES, HeldClock, open_world

OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM
on_sqlite = pytest.mark.skipif(ON_POSTGRES, reason="is about SQLite's file")


async def found(config: Config) -> dict[str, Finding]:
    """The gravest finding of each check."""
    return gravest([finding async for finding in examine(config)])


def gravest(findings: list[Finding]) -> dict[str, Finding]:
    graver = sorted(findings, key=lambda one: list(Verdict).index(one.verdict))
    for finding in graver:
        assert bool(finding.advice) == (finding.verdict is not OK), finding
    return {finding.check: finding for finding in graver}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(server_name=ServerName("matrix.ostiary.net"), database=fresh_url(tmp_path), passwords=FAST_HASHES)


class TestDatabase:
    async def test_one_that_a_server_has_opened_is_in_order(self, config: Config) -> None:
        async with open_world(config):
            findings = await found(config)
        assert findings["database"].verdict is OK
        assert findings["schema"] == Finding("schema", OK, f"version {all_migrations()[-1].version}")

    @on_sqlite
    async def test_one_that_is_not_there_yet_is_not_made(self, config: Config, tmp_path: Path) -> None:
        findings = await found(config)
        assert findings["database"].verdict is WARNING
        assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []

    @on_sqlite
    async def test_older_schema_is_left_as_it_is(self, config: Config, tmp_path: Path) -> None:
        async with open_world(config) as world:
            await world.sql("DELETE FROM schema_migrations WHERE version > 1")
        assert (await found(config))["schema"].verdict is WARNING
        with sqlite3.connect(tmp_path / "test.db") as database:
            assert database.execute("SELECT max(version) FROM schema_migrations").fetchone() == (1,)
        database.close()

    async def test_newer_schema_is_a_problem(self, config: Config) -> None:
        async with open_world(config) as world:
            await world.sql("INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'x', 'x')")
        assert (await found(config))["schema"].verdict is PROBLEM

    @on_sqlite
    async def test_file_that_is_no_database_or_locked_or_open_to_all(self, config: Config, tmp_path: Path) -> None:
        file = tmp_path / "test.db"
        file.write_text("this is no database" * 100, encoding="ascii")
        assert (await found(config))["database"].verdict is PROBLEM
        file.unlink()
        async with open_world(config):
            pass
        file.chmod(0o644)
        assert "chmod 600" in (await found(config))["database"].advice
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert "cannot be written: database is locked" in (await found(config))["database"].told
        other.close()

    async def test_folder_that_is_missing(self, config: Config, tmp_path: Path) -> None:
        broken = replace(config, database=f"sqlite:///{tmp_path / 'missing' / 'x.db'}")
        assert "there is no folder" in (await found(broken))["database"].told

    @pytest.mark.parametrize(
        "url", ["postgresql://o:hunter2@127.0.0.1:1/x", "postgresql://o:hunter2/3@127.0.0.1/x", "postgres://o:h#x@h/x"]
    )
    async def test_postgres_that_is_out_of_reach_shows_no_password(self, config: Config, url: str) -> None:
        finding = (await found(replace(config, database=url)))["database"]
        assert finding.verdict is PROBLEM
        assert "hunter2" not in repr(finding)
        assert "'h'" not in repr(finding)


class TestConfiguration:
    @pytest.mark.parametrize(
        ("name", "verdict"),
        [
            ("matrix.ostiary.net", OK), ("matrix.ostiary.net:8448", OK), ("localhost", WARNING), ("192.0.2.1", WARNING),
            ("[2001:db8::1]", WARNING), ("Matrix.ostiary.net", WARNING), ("matrix", WARNING), ("example.org", WARNING),
            ("home.local", WARNING),
        ],
    )  # fmt: skip
    async def test_server_name(self, config: Config, name: str, verdict: Verdict) -> None:
        findings = await found(replace(config, server_name=ServerName(name)))
        assert findings["server_name"].verdict is verdict

    @pytest.mark.parametrize(
        ("server", "verdict"),
        [
            (ServerConfig(), OK),
            (ServerConfig(public_url="https://x.example"), WARNING),
            (ServerConfig(public_url="https://x.example", trusted_proxies=("127.0.0.1/32",)), OK),
            (ServerConfig(public_url="https://x.example", socket="/run/x"), OK),
            (ServerConfig(host="0.0.0.0"), WARNING),
            (ServerConfig(host="0.0.0.0", trusted_proxies=("10.0.0.0/8",)), OK),
        ],
    )
    async def test_proxies(self, config: Config, server: ServerConfig, verdict: Verdict) -> None:
        assert (await found(replace(config, server=server)))["proxy"].verdict is verdict


class TestMachine:
    async def test_hash_that_is_too_quick_is_told(self, config: Config) -> None:
        assert "raise passwords.argon2_memory_kib" in (await found(config))["hashing"].advice
        usual = replace(config, passwords=PasswordsConfig())
        assert (await found(usual))["hashing"].told.endswith(" ms")

    async def test_disk_and_files_are_looked_at(self, config: Config) -> None:
        findings = await found(config)
        assert findings["files"].verdict in Verdict
        assert ON_POSTGRES or "GiB free" in findings["disk"].told

    async def test_mail_server_is_connected_to(self, config: Config) -> None:
        assert "mail" not in await found(config)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            mail = replace(config, mail=MailConfig(host="127.0.0.1", port=port, sender="x@example.org"))
            assert (await found(mail))["mail"].verdict is PROBLEM
            listening.listen()
            assert (await found(mail))["mail"].verdict is OK


PUBLIC = "https://matrix.ostiary.net/base"
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"  # of the held clock


class Web:
    """What is answered, by URL."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        self.headers = {"access-control-allow-origin": "*", "date": DATE}
        self.versions: Any = {"versions": ["v1.1"]}
        self.named: Any = {"m.homeserver": {"base_url": PUBLIC}}
        self.__dict__.update(answers)

    async def ask(self, base: str, path: str) -> HttpResponse:
        self.asked.append(base + path)
        value = self.versions if path.endswith("versions") else self.named
        if isinstance(value, Exception):
            raise value
        status, body = value if isinstance(value, tuple) else (200, json.dumps(value).encode())
        return HttpResponse(status=status, headers=self.headers, body=body)

    async def examined(
        self, *, public: str = PUBLIC, url: str | None = None, name: str = "matrix.ostiary.net"
    ) -> dict[str, Finding]:
        config = Config(server_name=ServerName(name), server=ServerConfig(public_url=public))
        return gravest([finding async for finding in examine_outside(config, self.ask, HeldClock(), url)])


class TestOutside:
    async def test_all_is_well(self) -> None:
        web = Web()
        findings = await web.examined()
        assert {finding.verdict for finding in findings.values()} == {OK}
        assert web.asked == [
            f"{PUBLIC}/_matrix/client/versions",
            "https://matrix.ostiary.net/.well-known/matrix/client",
        ]

    async def test_name_of_another_domain_is_asked_too(self) -> None:
        web = Web()
        await web.examined(name="ostiary.net:8448")
        assert web.asked[-1] == "https://ostiary.net/.well-known/matrix/client"

    @pytest.mark.parametrize(
        "versions", [NoAnswer("no answer"), (502, b"<html>"), (200, b"hello"), {"versions": 1}, (200, b"[]")]
    )
    async def test_public_url_that_leads_elsewhere(self, versions: Any) -> None:
        assert (await Web(versions=versions).examined())["versions"].verdict is PROBLEM

    @pytest.mark.parametrize(
        ("named", "verdict"),
        [
            (NoAnswer("no answer"), WARNING), ((404, b"{}"), WARNING), ((200, b"x"), WARNING),
            ({"m.homeserver": 1}, WARNING), ({"m.homeserver": {"base_url": "https://elsewhere.example"}}, PROBLEM),
            ({"m.homeserver": {"base_url": PUBLIC + "/"}}, OK),
        ],
    )  # fmt: skip
    async def test_well_known(self, named: Any, verdict: Verdict) -> None:
        assert (await Web(named=named).examined())["well-known"].verdict is verdict

    async def test_well_known_that_browsers_may_not_read(self) -> None:
        assert "browsers" in (await Web(headers={}).examined())["well-known"].told

    @pytest.mark.parametrize(
        ("date", "verdict"),
        [
            (DATE, OK), ("Fri, 15 Jan 2027 08:00:30 GMT", WARNING), ("Fri, 15 Jan 2027 09:00:00 GMT", PROBLEM),
            ("Fri, 15 Jan 2027 07:00:00 GMT", PROBLEM), ("nonsense", OK), ("", OK),
        ],
    )  # fmt: skip
    async def test_clocks_are_compared(self, date: str, verdict: Verdict) -> None:
        assert (await Web(headers={"date": date}).examined())["clock"].verdict is verdict

    async def test_without_public_url_only_the_named_server_is_asked(self) -> None:
        web = Web()
        findings = await web.examined(public="", url="http://10.0.0.1:8008")
        assert findings["public_url"].verdict is WARNING
        assert findings["tls"].verdict is WARNING
        assert web.asked == ["http://10.0.0.1:8008/_matrix/client/versions"]


class TestCommand:
    def test_running_server_is_looked_over(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server:
            done = run_cli(tmp_path, "doctor", "--url", server.address, "--json")
            assert done.returncode == 0, done.stderr
            findings = {one["check"]: one for one in json.loads(done.stdout)}
            assert findings["versions"]["verdict"] == "ok"
            assert findings["schema"]["verdict"] == "ok"
            assert findings["server_name"] == {
                "check": "server_name",
                "verdict": "warning",
                "told": "localhost names no server that others can find",
                "advice": findings["server_name"]["advice"],
            }
            plain = run_cli(tmp_path, "doctor", "--url", server.address)
            assert f"ok       versions: {server.address} answers\n" in plain.stdout
            assert "warning  server_name: " in plain.stdout

    def test_public_url_is_asked_for_real(self, tmp_path: Path) -> None:
        with _answering(lambda base: {"m.homeserver": {"base_url": base}, "versions": ["v1.1"]}) as base:
            done = run_cli(tmp_path, "doctor", "--json", environment={"OSTIARY_SERVER__PUBLIC_URL": base})
        findings = {one["check"]: one["verdict"] for one in json.loads(done.stdout)}
        assert (findings["versions"], findings["well-known"], findings["clock"]) == ("ok", "warning", "ok")

    def test_problem_ends_with_1(self, tmp_path: Path) -> None:
        done = run_cli(tmp_path, "doctor", "--url", "http://127.0.0.1:1")
        assert done.returncode == 1
        assert "problem  versions: http://127.0.0.1:1: no answer from the server" in done.stdout

    def test_broken_configuration_is_told_with_its_lines(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text("a = 1\n[server]\nport = 'x'\n", encoding="utf-8")
        done = run_cli(tmp_path, "doctor", "--config", "x.toml", "--json")
        assert done.returncode == 1
        assert [one["check"] for one in json.loads(done.stdout)] == ["configuration"] * 2

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        run_cli(tmp_path, "doctor")
        assert list(tmp_path.iterdir()) == []


@contextmanager
def _answering(answer: Callable[[str], Any]) -> Iterator[str]:
    """A web server that answers everything with the same JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer(base)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
