"""What whoever runs a server sees of it: IDs of requests, the access log, health, whose address is whose."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import Config, LoggingConfig, RateLimitsConfig, ServerConfig
from ostiary.server.addresses import UNIX_PEER, ClientAddresses, address_of
from ostiary.server.health import Health
from ostiary.server.logs import Log
from ostiary.storage.work import Row, Work, ask
from tests.databases import ON_POSTGRES
from tests.logged import Logged, logging_as
from tests.world import World, open_config, open_world, password_auth

ID = "X-Request-Id"
HEALTH = "/_ostiary/health"
TRUSTING = ServerConfig(trusted_proxies=("192.0.2.1/32",))


@pytest.fixture
def log() -> Iterator[Logged]:
    with logging_as(LoggingConfig(level="debug", format="json")) as logged:
        yield logged


@pytest.fixture
async def behind_proxy(tmp_path: Path) -> AsyncIterator[World]:
    """A server whose tests' address is that of a trusted proxy, and which tells every ID."""
    server = replace(TRUSTING, request_id_header=True)
    async with open_world(replace(open_config(tmp_path), server=server)) as world:
        yield world


class TestRequestIds:
    async def test_error_tells_its_id_and_success_does_not(self, world: World) -> None:
        assert "x-request-id" not in (await world.raw("GET", "versions")).headers
        refused = await world.raw("GET", "v3/account/whoami")
        assert re.fullmatch(r"[0-9a-f]{8}-\d+", refused.headers["x-request-id"])
        assert "x-request-id" in (await world.raw("POST", "v3/register", b"{}")).headers  # asks for authentication

    async def test_every_answer_tells_it_where_the_configuration_says_so(self, behind_proxy: World) -> None:
        told = [(await behind_proxy.raw("GET", "versions")).headers["x-request-id"] for _ in range(5)]
        assert len(set(told)) == 5

    @pytest.mark.parametrize("given", ["a", "A-1_b.2", "x" * 64])
    async def test_id_of_a_trusted_proxy_is_taken_over(self, behind_proxy: World, given: str) -> None:
        answer = await behind_proxy.raw("GET", "versions", headers=((ID, given),))
        assert answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a;b", "é", 'a"b', "a\tb"])
    async def test_odd_id_is_replaced(self, behind_proxy: World, given: str) -> None:
        answer = await behind_proxy.raw("GET", "versions", headers=((ID, given),))
        assert re.fullmatch(r"[0-9a-f]{8}-\d+", answer.headers["x-request-id"])

    async def test_id_of_anybody_else_is_not_believed(self, behind_proxy: World) -> None:
        behind_proxy.address = "192.0.2.2"
        answer = await behind_proxy.raw("GET", "versions", headers=((ID, "mine"),))
        assert answer.headers["x-request-id"] != "mine"

    async def test_refusal_is_logged_under_the_id_that_was_told(self, world: World, log: Logged) -> None:
        headers = (("Authorization", "Bearer nonsense"),)
        answer = await world.raw("GET", "v3/account/whoami", headers=headers)
        (line,) = log.lines()
        assert (line["event"], line["reason"]) == ("refused", "malformed_token")
        assert line["request_id"] == answer.headers["x-request-id"]

    async def test_wrong_password_in_a_dialogue_is_logged_like_one_at_a_login(self, world: World, log: Logged) -> None:
        alice = await world.register("alice")
        body = {"new_password": "another one", "auth": password_auth(alice, password="wrong")}
        assert (await world.call("POST", "v3/account/password", body, token=alice.access_token)).status == 401
        assert (await world.login("alice", "wrong")).status == 403
        assert [line["reason"] for line in log.lines()] == ["wrong_password", "wrong_password"]

    async def test_line_between_requests_has_none(self, world: World, log: Logged) -> None:
        await world.raw("GET", "v3/account/whoami")
        Log(logging.getLogger("ostiary.server")).info("housekeeping")
        assert "request_id" not in log.lines()[-1]

    async def test_requests_at_once_have_their_own(self, world: World, log: Logged) -> None:
        headers = (("Authorization", "Bearer nonsense"),)
        answers = await asyncio.gather(*(world.raw("GET", "v3/account/whoami", headers=headers) for _ in range(10)))
        told = {answer.headers["x-request-id"] for answer in answers}
        assert {line["request_id"] for line in log.lines()} == told
        assert len(told) == 10

    async def test_bug_is_told_under_the_id_too(
        self, world: World, log: Logged, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(world.services), "user_id", None)
        answer = await world.raw(
            "POST", "v3/register", b'{"password": "long enough", "auth": {"type": "m.login.dummy"}}'
        )
        request_id = answer.headers["x-request-id"]
        assert json.loads(answer.body)["error"].endswith(request_id)
        assert log.lines()[-1]["request_id"] == request_id


class TestAccessLog:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return replace(open_config(tmp_path), logging=LoggingConfig(requests=True))

    async def test_each_request_is_a_line(self, world: World, log: Logged) -> None:
        await world.raw("GET", "versions")
        (line,) = log.lines()
        assert isinstance(line.pop("ms"), float)
        assert line.pop("request_id")
        del line["at"]
        assert line == {
            "level": "info", "event": "request", "method": "GET", "path": "/_matrix/client/versions", "status": 200,
        }  # fmt: skip

    async def test_paths_are_patterns(self, world: World, log: Logged) -> None:
        alice = await world.register("alice")
        await world.raw("GET", f"v3/devices/{alice.device_id}", token=alice.access_token)
        await world.raw("GET", "v3/devices/SOMEBODYS", token=alice.access_token)
        await world.raw("GET", "/somebody/@alice:example.org")
        await world.raw("PUT", f"v3/devices/{alice.device_id}/nope")
        await world.raw("GET", HEALTH)
        await world.raw("OPTIONS", f"v3/devices/{alice.device_id}")
        lines = log.lines()[1:]
        device = "/_matrix/client/v3/devices/{deviceId}"
        assert [(line["path"], line["status"]) for line in lines] == [
            (device, 200), (device, 404), ("-", 404), ("-", 404), (HEALTH, 200), ("-", 200),
        ]  # fmt: skip
        assert alice.device_id not in log.text
        assert "@alice" not in log.text

    async def test_client_that_goes_away_is_noted(self, world: World, log: Logged) -> None:
        scope = {
            "type": "http", "method": "POST", "path": "", "raw_path": b"/_matrix/client/v3/login",
            "query_string": b"", "headers": [(b"host", b"x")], "client": ("192.0.2.1", 1), "http_version": "1.1",
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        await world.app(scope, receive, send)
        assert log.lines()[0]["status"] == 499

    async def test_without_it_nothing_is_logged_of_a_success(self, tmp_path: Path, log: Logged) -> None:
        async with open_world(open_config(tmp_path)) as world:
            await world.raw("GET", "versions")
        assert log.lines() == []


class TestHealth:
    async def test_all_is_well(self, world: World) -> None:
        for method in ("GET", "HEAD"):
            answer = await world.raw(method, HEALTH)
            assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
            assert answer.headers["cache-control"] == "no-store"

    async def test_other_methods_and_paths_are_not_there(self, world: World) -> None:
        assert (await world.raw("POST", HEALTH, b"{}")).status == 405
        assert (await world.raw("GET", HEALTH + "/")).status == 404
        assert (await world.raw("GET", "/_ostiary/")).status == 404

    async def test_is_not_limited(self, tmp_path: Path) -> None:
        async with open_world(replace(open_config(tmp_path), rate_limits=RateLimitsConfig())) as world:
            assert {(await world.raw("GET", HEALTH)).status for _ in range(500)} == {200}

    @pytest.mark.skipif(ON_POSTGRES, reason="breaks a database of its own")
    async def test_what_fails_is_said_and_nothing_of_why(self, world: World, log: Logged) -> None:
        await world.sql("ALTER TABLE schema_migrations RENAME TO elsewhere")
        answer = await world.raw("GET", HEALTH)
        assert answer.status == 503
        assert json.loads(answer.body) == {"status": "failing", "checks": {"database": "failing"}}
        (line,) = log.lines()
        assert (line["level"], line["event"]) == ("error", "the database cannot be read")
        assert "schema_migrations" in line["traceback"]
        await world.sql("ALTER TABLE elsewhere RENAME TO schema_migrations")
        assert (await world.raw("GET", HEALTH)).status == 503  # still the answer of this second
        world.clock.advance(1_000)
        assert (await world.raw("GET", HEALTH)).status == 200
        assert [line["event"] for line in log.lines()] == ["the database answers again"]

    @pytest.mark.skipif(ON_POSTGRES, reason="holds SQLite's reader")
    async def test_database_that_hangs_is_asked_once_and_not_waited_for(self, world: World, log: Logged) -> None:
        engine = world.services.vitals.engine
        held = threading.Event()

        def hold() -> Work[list[Row]]:
            held.wait(30)
            return list((yield ask("SELECT 1")))

        health = Health(engine, world.clock, Log(logging.getLogger("ostiary.server")), timeout_ms=10)
        holding = asyncio.ensure_future(engine.read(hold()))
        try:
            statuses = []
            for _ in range(3):
                statuses.append((await health.answer())[0])
                world.clock.advance(1_000)
            assert statuses == [503] * 3
            assert engine.waiting() <= 1
        finally:
            held.set()
        await holding
        patient = Health(engine, world.clock, Log(logging.getLogger("ostiary.server")))
        assert (await patient.answer())[0] == 200
        assert [line["event"] for line in log.lines()] == ["the database did not answer in time"]

    async def test_many_at_once_share_one_read(self, world: World) -> None:
        answers = await asyncio.gather(*(world.raw("GET", HEALTH) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}


class TestAddresses:
    @pytest.mark.parametrize(
        ("peer", "address"),
        [
            (("192.0.2.1", 1), "192.0.2.1"),
            (("::ffff:192.0.2.1", 1), "192.0.2.1"),
            (("2001:db8::1", 1), "2001:db8::1"),
            (("::ffff:nonsense", 1), "::ffff:nonsense"),
            (None, UNIX_PEER),
        ],
    )
    def test_address_of_a_peer(self, peer: tuple[str, int] | None, address: str) -> None:
        assert address_of(peer) == address

    def test_mapped_peer_is_trusted_as_what_it_is(self) -> None:
        addresses = ClientAddresses(["127.0.0.0/8"])
        assert addresses.trusts(("::ffff:127.0.0.1", 1))
        assert not addresses.trusts(("::ffff:10.0.0.1", 1))
        assert addresses.of("127.0.0.1", b"::ffff:198.51.100.1") == "198.51.100.1"
        assert addresses.of("127.0.0.1", b"198.51.100.1, ::ffff:127.0.0.2") == "198.51.100.1"

    def test_unix_peer_is_trusted_where_the_server_listens_on_a_socket(self) -> None:
        assert not ClientAddresses(["0.0.0.0/0", "::/0"]).trusts(None)
        behind = ClientAddresses([], by_socket=True)
        assert behind.trusts(None)
        assert behind.of(UNIX_PEER, b"203.0.113.9, 198.51.100.1") == "198.51.100.1"
        assert behind.of(UNIX_PEER, b"unix, nonsense") == UNIX_PEER
        assert behind.of("192.0.2.1", b"198.51.100.1") == "192.0.2.1"

    @pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"])
    async def test_no_other_header_is_believed(self, tmp_path: Path, header: str) -> None:
        async with open_world(replace(open_config(tmp_path), server=TRUSTING)) as world:
            alice = await world.register("alice")
            value = "for=198.51.100.1" if header == "Forwarded" else "198.51.100.1"
            told = {}
            for name, said in ((header, value), ("X-Forwarded-For", "198.51.100.2")):
                await world.raw("GET", "v3/account/whoami", token=alice.access_token, headers=((name, said),))
                device = await world.call("GET", f"v3/devices/{alice.device_id}", token=alice.access_token)
                told[name] = device.json.get("last_seen_ip")
            assert "198.51.100.1" not in told.values()

    async def test_clients_of_ipv4_are_counted_one_by_one_on_a_listener_for_ipv6(self, tmp_path: Path) -> None:
        async with open_world(replace(open_config(tmp_path), rate_limits=RateLimitsConfig())) as world:
            statuses = set()
            for number in range(40):
                world.address = f"::ffff:192.0.2.{number}"
                statuses.add((await world.login(f"user{number}", "wrong")).status)
            assert statuses == {403}

    async def test_peers_without_address_count_as_one(self, tmp_path: Path) -> None:
        config = replace(open_config(tmp_path), rate_limits=RateLimitsConfig(), server=ServerConfig(socket="x"))
        async with open_world(config) as world:
            statuses = [await _login_by_socket(world, number) for number in range(12)]
            assert statuses == [403] * 10 + [429] * 2
            assert await _login_by_socket(world, 13, (b"x-forwarded-for", b"198.51.100.1")) == 403


async def _login_by_socket(world: World, number: int, *headers: tuple[bytes, bytes]) -> int:
    sent: list[Any] = []
    body = {"type": "m.login.password", "user": f"user{number}", "password": "wrong"}
    scope = {
        "type": "http", "method": "POST", "path": "", "raw_path": b"/_matrix/client/v3/login", "query_string": b"",
        "headers": [(b"host", b"x"), *headers], "client": None, "http_version": "1.1",
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    await world.app(scope, receive, send)
    status: int = sent[0]["status"]
    return status
