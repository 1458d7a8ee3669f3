"""The figures for Prometheus: what is counted, under which labels, and that it is told on a listener of its own."""

import http.client
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.errors import BY_CODE
from ostiary.config import MetricsConfig
from ostiary.server.metrics import CONTENT_TYPE, PATH
from ostiary.server.metrics_app import MetricsApp
from tests.process import serving
from tests.world import PASSWORD, World, open_config, open_world, password_auth


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(replace(open_config(tmp_path), metrics=MetricsConfig(enabled=True))) as opened:
        yield opened


async def told(world: World) -> dict[str, float]:
    """Every figure by its name and labels."""
    assert world.metrics is not None
    await world.metrics.refresh()
    return figures(world.metrics.text().decode())


def figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_requests_are_counted_by_endpoint_and_class_of_status(world: World) -> None:
    alice = await world.register("alice")
    for _ in range(3):
        await world.whoami(alice.access_token)
    await world.whoami("nonsense")
    await world.raw("GET", "/nowhere")
    await world.raw("GET", "/_ostiary/health")
    found = await told(world)
    assert found['ostiary_requests_total{endpoint="WhoAmI",status="2xx"}'] == 3
    assert found['ostiary_requests_total{endpoint="WhoAmI",status="4xx"}'] == 1
    assert found['ostiary_requests_total{endpoint="none",status="4xx"}'] == 1
    assert found['ostiary_requests_total{endpoint="health",status="2xx"}'] == 1
    assert found['ostiary_request_duration_seconds_count{endpoint="WhoAmI",status="2xx"}'] == 3
    assert 0 < found['ostiary_request_duration_seconds_sum{endpoint="WhoAmI",status="2xx"}'] < 10
    assert found['ostiary_errors_total{errcode="M_UNKNOWN_TOKEN"}'] == 1


async def test_error_within_a_dialogue_is_counted(world: World) -> None:
    alice = await world.register("alice")
    for auth in ({}, password_auth(alice, password="wrong")):
        body = {"new_password": "another one", **({"auth": auth} if auth else {})}
        assert (await world.call("POST", "v3/account/password", body, token=alice.access_token)).status == 401
    assert (await told(world))['ostiary_errors_total{errcode="M_FORBIDDEN"}'] == 1


async def test_logins_are_counted_by_way_and_result(world: World) -> None:
    await world.register("alice")
    await world.login("alice")
    await world.login("alice", "wrong")
    await world.login("nobody", "wrong")
    await world.call("POST", "v3/login", {"type": "m.login.token", "token": "nonsense"})
    found = await told(world)
    assert found['ostiary_logins_total{result="ok",way="password"}'] == 1
    assert found['ostiary_logins_total{result="M_FORBIDDEN",way="password"}'] == 2
    assert found['ostiary_logins_total{result="M_FORBIDDEN",way="token"}'] == 1


async def test_registrations_are_counted_by_kind(world: World) -> None:
    await world.register()
    await world.register()
    await world.call("POST", "v3/register", {}, query={"kind": "guest"})
    await world.call("POST", "v3/register", {"username": "asked"})
    found = await told(world)
    assert found['ostiary_registrations_total{kind="user"}'] == 2
    assert found['ostiary_registrations_total{kind="guest"}'] == 1


async def test_parts_tell_how_they_are_doing(world: World) -> None:
    alice = await world.register("alice")
    for _ in range(5):
        await world.whoami(alice.access_token)
    found = await told(world)
    assert found["ostiary_token_cache_entries"] == 1
    assert found["ostiary_token_cache_hits_total"] == 4
    assert found["ostiary_token_cache_misses_total"] == 1
    assert found["ostiary_hashes_busy"] == found["ostiary_hashes_waiting"] == found["ostiary_database_waiting"] == 0
    assert found["ostiary_outbox_waiting"] == found["ostiary_outbox_stuck"] == 0
    assert found["ostiary_uptime_seconds"] > 0
    assert any(name.startswith("ostiary_info{version=") for name in found)


async def test_outbox_is_counted(world: World) -> None:
    for given_up in (None, None, 5):
        await world.sql(
            "INSERT INTO outbox (kind, medium, address, language, content, created_at, next_attempt_at, attempts,"
            " given_up_at) VALUES ('x', 'email', 'a@b', '', '{}', 1, 1, 0, :given_up)",
            given_up=given_up,
        )
    found = await told(world)
    assert (found["ostiary_outbox_waiting"], found["ostiary_outbox_stuck"]) == (2, 1)


async def test_labels_have_only_words_of_the_code(world: World) -> None:
    alice = await world.register("alice")
    await world.raw("GET", f"v3/devices/{alice.device_id}", token=alice.access_token)
    await world.raw("GET", f"/{alice.user_id}/{alice.device_id}")
    await world.raw("GET", f"v3/profile/{alice.user_id}")
    await world.call("POST", "v3/login", {"type": alice.user_id, "token": alice.access_token})
    allowed = {
        "endpoint": {*(kind.__name__ for kind in ENDPOINTS), "none", "health"},
        "status": {"2xx", "4xx", "5xx"},
        "errcode": {*BY_CODE, "other"},
        "way": {"password", "token", "appservice", "jwt", "other"},
        "result": {"ok", *BY_CODE, "other"},
        "kind": {"user", "guest", "appservice"},
    }
    for name in await told(world):
        for label, value in re.findall(r'(\w+)="([^"]*)"', name):
            assert label in ("le", "version") or value in allowed[label], name


async def test_application_tells_only_metrics(world: World) -> None:
    assert world.metrics is not None
    app = MetricsApp(world.metrics, PATH, CONTENT_TYPE)

    async def ask(method: str, path: str) -> tuple[int, str]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            raise AssertionError

        await app({"type": "http", "method": method, "path": path}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"])[b"content-type"].decode()

    assert await ask("GET", "/metrics") == (200, CONTENT_TYPE)
    assert (await ask("POST", "/metrics"))[0] == 404
    assert (await ask("GET", "/"))[0] == 404


async def test_without_it_nothing_is_counted(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path)) as world:
        assert world.metrics is None
        assert world.services.vitals.tally is None
        assert world.services.vitals.cache is None


class TestProcess:
    def test_metrics_are_told_on_their_own_listener(self, tmp_path: Path) -> None:
        settings = {"OSTIARY_METRICS__ENABLED": "true", "OSTIARY_METRICS__PORT": "0"}
        with serving(tmp_path, "--dev", environment=settings) as server:
            address = next(line["address"] for line in server.log if line["event"] == "telling metrics")
            body = {"username": "alice", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
            assert server.call("POST", "v3/register", body)[0] == 200
            parts = urlsplit(address)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            for _ in range(2):  # over one connection
                connection.request("GET", parts.path)
                response = connection.getresponse()
                text = response.read().decode()
                assert response.status == 200
                assert figures(text)['ostiary_registrations_total{kind="user"}'] == 1
            own = server.connect()
            own.request("GET", "/metrics")
            assert own.getresponse().status == 404
            own.close()
            assert server.stop() == 0  # though the connection is still open
            connection.close()
        with sqlite3.connect(tmp_path / "ostiary.db") as database:
            assert database.execute("SELECT count(*) FROM accounts").fetchone() == (1,)
        database.close()

    def test_library_is_loaded_only_where_it_is_enabled(self, tmp_path: Path) -> None:
        with serving(tmp_path, environment={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
            loaded = {line["event"].rpartition("|")[2].strip() for line in server.log}
        assert "ostiary.server.app" in loaded
        assert not {name for name in loaded if name.startswith("prometheus_client")}
