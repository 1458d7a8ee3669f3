"""Sessions that log in again by themselves: on the same device, once, however many calls wait."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import NotMatrix, UnknownToken
from ostiary.api.http import HttpRequest
from ostiary.api.login import TOKEN_LOGIN, Login
from ostiary.api.secret import Secret
from ostiary.client import (
    AsyncClient,
    Client,
    FileStore,
    MemoryStore,
    NotLoggedIn,
    RetryPolicy,
    Session,
    SessionRecord,
)
from ostiary.config import Config, SessionsConfig
from tests.client.faced import AnyFaces
from tests.client.homeservers import OSTIARY, STRICT_SYNAPSE, on
from tests.client.scripted import BASE, Reply, Script, body, header, refusal, reply
from tests.world import PASSWORD, Account, open_config

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("access-0"))
HOUR_MS = 3_600_000
LOGIN = "/_matrix/client/v3/login"


class Forgetful:
    """A server that knows the tokens of the last login alone, and softly logs out all others."""

    def __init__(self) -> None:
        self.script = Script(by=self._answer)
        self.logins: list[dict[str, Any]] = []
        self.user_id = "@a:b"
        self.is_hard = False
        self._lock = threading.Lock()

    def _answer(self, request: HttpRequest) -> Reply:
        with self._lock:
            if request.path == LOGIN:
                self.logins.append(dict(body(request)))
                if body(request).get("password") not in (None, "secret"):
                    return refusal(403, "M_FORBIDDEN")
                token = f"access-{len(self.logins)}"
                return reply(200, {"user_id": self.user_id, "device_id": "D", "access_token": token})
            if len(self.logins) and header(request, "Authorization") == f"Bearer access-{len(self.logins)}":
                return reply(200, {"user_id": "@a:b", "device_id": "D"})
            return refusal(401, "M_UNKNOWN_TOKEN", soft_logout=not self.is_hard)

    def session(self, way: Any, store: Any = None) -> Session:
        store = store or MemoryStore()
        store.save(RECORD)
        return Client(BASE, world=self.script.world(store), on_soft_logout=way).restore(RECORD)


@on(OSTIARY, STRICT_SYNAPSE)
class TestAgainstTheServer:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return open_config(tmp_path, sessions=SessionsConfig(unrefreshable_access_token_lifetime_ms=HOUR_MS))

    @pytest.mark.parametrize("way", ["stored secret", "function"])
    async def test_session_goes_on_with_its_device(self, faces: AnyFaces, alice: Account, way: str) -> None:
        asked: list[SessionRecord] = []

        async def password(record: SessionRecord) -> str:
            asked.append(record)
            return PASSWORD

        given = Secret(PASSWORD) if way == "stored secret" else faces.does(password)
        store = MemoryStore()
        client = faces.client(store, on_soft_logout=given)
        session = await client.login(alice.localpart, PASSWORD, refreshes=False, device_name="Phone")
        before = session.record
        faces.world.clock.advance(2 * HOUR_MS)
        assert (await session.whoami()).device_id == before.device_id
        assert (await session.device(before.device_id)).display_name == "Phone"
        assert session.record.access_token != before.access_token
        assert store.list() == [session.record]
        assert asked == ([before] if way == "function" else [])

    async def test_without_a_way_it_is_told(self, faces: AnyFaces, alice: Account) -> None:
        store = MemoryStore()
        session = await faces.client(store).login(alice.localpart, PASSWORD, refreshes=False)
        faces.world.clock.advance(2 * HOUR_MS)
        with pytest.raises(UnknownToken) as caught:
            await session.whoami()
        assert caught.value.soft_logout
        assert store.list() == [session.record]
        await session.login_again(PASSWORD)
        assert (await session.whoami()).device_id == session.device_id

    async def test_hard_one_is_told_apart(self, faces: AnyFaces, alice: Account) -> None:
        store = MemoryStore()
        client = faces.client(store, on_soft_logout=Secret(PASSWORD))
        session = await client.login(alice.localpart, PASSWORD, refreshes=False)
        other = await faces.client().login(alice.localpart, PASSWORD)
        await other.delete_device(session.device_id, password=PASSWORD)
        with pytest.raises(UnknownToken) as caught:
            await session.whoami()
        assert not caught.value.soft_logout
        assert store.list() == []
        with pytest.raises(NotLoggedIn):
            await session.whoami()


class TestOnce:
    def test_request_is_of_the_same_device(self) -> None:
        server = Forgetful()
        session = server.session(Secret("secret"))
        assert session.whoami().user_id == "@a:b"
        assert server.logins == [
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": "@a:b"},
                "password": "secret",
                "device_id": "D",
                "refresh_token": True,
            }
        ]

    def test_twenty_threads(self) -> None:
        server = Forgetful()
        session = server.session(Secret("secret"))
        start = threading.Barrier(20)
        answers: list[str] = []

        def call() -> None:
            start.wait()
            answers.append(session.whoami().user_id)

        threads = [threading.Thread(target=call) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert answers == ["@a:b"] * 20
        assert len(server.logins) == 1

    async def test_twenty_tasks_and_one_question(self) -> None:
        server = Forgetful()
        asked: list[str] = []
        go_on = asyncio.Event()

        async def password(record: SessionRecord) -> str:
            asked.append(record.user_id)
            await go_on.wait()
            return "secret"

        client = AsyncClient(BASE, world=server.script.async_world(), on_soft_logout=password)
        session = client.restore(RECORD)
        calls = [asyncio.ensure_future(session.whoami()) for _ in range(20)]
        await asyncio.wait(calls, timeout=0.01)
        go_on.set()
        assert {answer.user_id for answer in await asyncio.gather(*calls)} == {"@a:b"}
        assert (asked, len(server.logins)) == (["@a:b"], 1)

    def test_two_processes_that_share_a_file(self, tmp_path: Any) -> None:
        server = Forgetful()
        one = server.session(Secret("secret"), FileStore(tmp_path / "sessions.json"))
        other = Client(
            BASE, world=server.script.world(FileStore(tmp_path / "sessions.json")), on_soft_logout=Secret("secret")
        ).restore(RECORD)
        assert one.whoami().user_id == other.whoami().user_id == "@a:b"
        assert len(server.logins) == 1


class TestOtherWays:
    def test_by_another_login(self) -> None:
        server = Forgetful()
        request = Login(type=TOKEN_LOGIN, token=Secret("token"), device_id="another")
        assert server.session(lambda _: request).whoami().user_id == "@a:b"
        assert server.logins == [{"type": "m.login.token", "token": "token", "device_id": "D"}]

    @pytest.mark.parametrize(("way", "logins"), [(lambda _: None, 0), (Secret("wrong"), 1)])
    def test_that_lead_nowhere_are_not_tried_again(self, way: Any, logins: int) -> None:
        server, store = Forgetful(), MemoryStore()
        session = server.session(way, store)
        for _ in range(3):
            with pytest.raises(UnknownToken):
                session.whoami()
        assert len(server.logins) == logins
        assert store.list() == [RECORD]

    def test_of_somebody_else_is_not_taken(self) -> None:
        server, store = Forgetful(), MemoryStore()
        server.user_id = "@mallory:b"
        with pytest.raises(NotLoggedIn, match="@mallory:b"):
            server.session(Secret("secret"), store).whoami()
        assert store.list() == [RECORD]

    def test_hard_logout_ends_the_session(self) -> None:
        server, store = Forgetful(), MemoryStore()
        server.is_hard = True
        with pytest.raises(UnknownToken):
            server.session(Secret("secret"), store).whoami()
        assert (server.logins, store.list()) == ([], [])

    def test_server_that_fails_is_tried_again_with_the_next_call(self) -> None:
        server = Forgetful()
        session = server.session(Secret("secret"))
        answer, server.script.by = (
            server.script.by,
            lambda request: (
                reply(500, b"<html>") if request.path == LOGIN else refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
            ),
        )
        with pytest.raises(NotMatrix):
            session.whoami()
        server.script.by = answer
        assert session.whoami().user_id == "@a:b"

    def test_token_that_was_known_to_be_dead(self) -> None:
        server = Forgetful()
        record = replace(RECORD, refresh_token=Secret("dead"), expires_at=server.script.clock.now() - 1)
        store = MemoryStore()
        store.save(record)
        client = Client(BASE, world=server.script.world(store), on_soft_logout=Secret("secret"))
        assert client.restore(record).whoami().user_id == "@a:b"
        assert server.script.paths == [
            "POST /_matrix/client/v3/refresh", f"POST {LOGIN}", "GET /_matrix/client/v3/account/whoami",
        ]  # fmt: skip

    def test_nobody_is_asked_only_to_log_out(self) -> None:
        server, store = Forgetful(), MemoryStore()
        server.session(Secret("secret"), store).logout()
        assert (server.logins, store.list()) == ([], [])
        session = server.session(Secret("secret"), store)
        session.logout_all()
        assert (len(server.logins), store.list()) == (1, [])

    def test_session_has_a_way_of_its_own(self) -> None:
        server = Forgetful()
        client = Client(BASE, world=server.script.world(), retries=RetryPolicy(attempts=1))
        expired = replace(RECORD, refresh_token=Secret("dead"))
        assert client.restore(expired, on_soft_logout=Secret("secret")).whoami().user_id == "@a:b"
