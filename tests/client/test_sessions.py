"""Sessions: refreshing, ending, going on."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import (
    Forbidden,
    InvalidParam,
    LimitExceeded,
    MatrixError,
    NotMatrix,
    UnknownToken,
    Unrecognized,
    UserDeactivated,
    UserLocked,
)
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.secret import Secret
from ostiary.client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    FileStore,
    MemoryStore,
    NotLoggedIn,
    Session,
    SessionRecord,
)
from ostiary.client.drivers import AsyncWorld
from ostiary.client.limits import Timeouts
from tests.client.scripted import BASE, Reply, Script, body, header, refusal, reply

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"))
WHOAMI = {"user_id": "@a:b", "device_id": "D"}
HOUR_MS = 3_600_000


class TokenServer:
    """Knows one living access token; each refresh makes the next pair. ``script`` sees all requests."""

    def __init__(self, *, lifetime_ms: int | None = None) -> None:
        self.script = Script(by=self._answer)
        self.generation = 0
        self.refreshes = 0
        self.lifetime_ms = lifetime_ms
        self.instead: Callable[[HttpRequest], Reply | None] = lambda _: None
        self._lock = threading.Lock()

    def _answer(self, request: HttpRequest) -> Reply:
        with self._lock:
            if (other := self.instead(request)) is not None:
                return other
            if request.path.endswith("refresh"):
                return self._refresh(request)
            if header(request, "Authorization") != f"Bearer access-{self.generation}":
                return refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
            return reply(200, WHOAMI if request.path.endswith("whoami") else {})

    def _refresh(self, request: HttpRequest) -> Reply:
        assert header(request, "Authorization") is None
        if body(request)["refresh_token"] != f"refresh-{self.generation}":
            return refusal(401, "M_UNKNOWN_TOKEN")
        self.refreshes += 1
        self.generation += 1
        answer = {"access_token": f"access-{self.generation}", "refresh_token": f"refresh-{self.generation}"}
        return reply(200, answer | ({} if self.lifetime_ms is None else {"expires_in_ms": self.lifetime_ms}))

    def expire(self) -> None:
        """The access token that the client has is dead; its refresh token is not."""
        self.instead = _once(self, lambda: refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True))


def _once(server: TokenServer, make: Callable[[], Reply]) -> Callable[[HttpRequest], Reply | None]:
    def answer(request: HttpRequest) -> Reply | None:
        if request.path.endswith("refresh") or header(request, "Authorization") != "Bearer access-0":
            return None
        return make()

    return answer


class SlowServer:
    """A token server that answers a refresh when it is told to."""

    def __init__(self) -> None:
        self.server = TokenServer()
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()
        self.closed = False

    def world(self, store: Any) -> AsyncWorld:
        world = self.server.script.async_world(store)
        world.transport = self
        return world

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        if request.path.endswith("refresh"):
            self.arrived.set()
            await self.go_on.wait()
        if self.closed:
            raise ConnectionFailed("closed", sent=True)
        return self.server.script.answer(request, base_url)

    async def close(self) -> None:
        self.closed = True


def each_refreshes_once(request: HttpRequest) -> Reply:
    """Many sessions, each with a refresh token that is good once."""
    if request.path.endswith("refresh"):
        token = body(request)["refresh_token"]
        if token.startswith("next"):
            return refusal(401, "M_UNKNOWN_TOKEN")
        return reply(200, {"access_token": f"of {token}", "refresh_token": f"next {token}"})
    if str(header(request, "Authorization")).startswith("Bearer of "):
        return reply(200, WHOAMI)
    return refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)


def session_of(server: TokenServer, record: SessionRecord = RECORD, store: Any = None) -> Session:
    store = store or MemoryStore()
    store.save(record)
    return Client(BASE, world=server.script.world(store)).restore(record)


class TestRefreshing:
    def test_dead_token_is_refreshed_and_the_call_made_again(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        server.expire()
        assert session.whoami().user_id == "@a:b"
        assert session.record.access_token == Secret("access-1")
        assert store.load(RECORD) == session.record

    def test_token_is_refreshed_shortly_before_it_expires(self) -> None:
        server = TokenServer(lifetime_ms=HOUR_MS)
        record = replace(RECORD, expires_at=server.script.clock.now() + HOUR_MS)
        session = session_of(server, record)
        session.whoami()
        assert server.refreshes == 0
        server.script.clock.advance(HOUR_MS - 20_000)
        session.whoami()
        session.whoami()
        assert server.refreshes == 1

    def test_short_lived_token_is_not_refreshed_on_every_call(self) -> None:
        server = TokenServer(lifetime_ms=10_000)
        session = session_of(server, replace(RECORD, expires_at=server.script.clock.now()))
        for _ in range(5):
            session.whoami()
        assert server.refreshes == 1

    def test_without_refresh_token_a_soft_logout_is_raised_and_the_session_kept(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, refresh_token=None), store)
        server.expire()
        with pytest.raises(UnknownToken) as caught:
            session.whoami()
        assert caught.value.soft_logout
        assert store.load(RECORD) is not None

    def test_hard_logout_forgets_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, refresh_token=None), store)
        server.instead = lambda _: refusal(401, "M_UNKNOWN_TOKEN")
        with pytest.raises(UnknownToken):
            session.whoami()
        assert store.load(RECORD) is None
        with pytest.raises(NotLoggedIn):
            session.whoami()

    def test_refused_refresh_ends_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, refresh_token=Secret("stale")), store)
        server.expire()
        with pytest.raises(UnknownToken):
            session.whoami()
        assert store.load(RECORD) is None

    @pytest.mark.parametrize("expires_at", [None, 0])
    def test_refresh_token_that_is_forbidden_is_told_as_the_end_of_the_session(self, expires_at: int | None) -> None:
        """As Synapse says it. Nobody who asks whose a session is expects to be told that it may not."""
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, expires_at=expires_at), store)
        server.expire()
        dead = server.instead
        server.instead = lambda request: (
            refusal(403, "M_FORBIDDEN") if request.path.endswith("refresh") else dead(request)
        )
        with pytest.raises(UnknownToken) as caught:
            session.whoami()
        assert not caught.value.soft_logout
        assert isinstance(caught.value.__cause__, Forbidden)
        assert store.load(RECORD) is None

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=9_999_999), LimitExceeded),
            (ConnectionFailed("lost", sent=True), ConnectionFailed),
            (refusal(401, "M_USER_LOCKED", soft_logout=True), UserLocked),
            (refusal(401, "M_USER_LOCKED"), UserLocked),
            (refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True), UnknownToken),
            (refusal(400, "M_UNRECOGNIZED"), Unrecognized),
            (refusal(400, "M_INVALID_PARAM"), InvalidParam),
            (refusal(403, "ORG.EXAMPLE_NOT_FROM_HERE"), MatrixError),
        ],
    )
    def test_refresh_that_may_work_later_keeps_the_session(self, answer: Reply, error: type[Exception]) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        dead = refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
        server.instead = lambda request: answer if request.path.endswith("refresh") else dead
        with pytest.raises(error):
            session.whoami()
        assert store.load(RECORD) == RECORD
        server.instead = lambda _: None
        assert session.whoami().user_id == "@a:b"

    def test_refresh_for_an_account_that_is_gone_ends_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        server.instead = lambda _: refusal(403, "M_USER_DEACTIVATED")
        with pytest.raises(UserDeactivated):
            session.refresh()
        assert store.load(RECORD) is None

    @pytest.mark.parametrize("soft_logout", [True, False])
    def test_refusal_of_the_old_call_says_less_than_that_of_the_access_token(self, *, soft_logout: bool) -> None:
        """It is the same for a token that is dead and on a server that has the call no longer."""
        server, store = TokenServer(), MemoryStore()
        session = Client(BASE, world=server.script.world(store)).restore(RECORD, legacy_refresh=True)
        store.save(RECORD)
        server.instead = lambda request: (
            refusal(403, "M_FORBIDDEN") if request.path.endswith("tokenrefresh") else None
        )  # fmt: skip
        with pytest.raises(UnknownToken):
            session.refresh()
        assert session.whoami().user_id == "@a:b"
        server.instead = lambda request: (
            refusal(403, "M_FORBIDDEN")
            if request.path.endswith("tokenrefresh")
            else refusal(401, "M_UNKNOWN_TOKEN", soft_logout=soft_logout)
        )
        with pytest.raises(UnknownToken) as caught:
            session.whoami()
        assert caught.value.soft_logout is soft_logout
        assert (store.load(RECORD) == RECORD) is soft_logout

    def test_answer_without_refresh_token_keeps_the_old_one(self) -> None:
        server = TokenServer()
        session = session_of(server)
        server.instead = lambda request: (
            reply(200, {"access_token": "access-0b"}) if request.path.endswith("refresh") else None
        )
        assert session.refresh().refresh_token == Secret("refresh-0")

    def test_given_token_is_refreshed_instead_of_the_kept_one(self) -> None:
        server = TokenServer()
        session = session_of(server, replace(RECORD, refresh_token=None))
        assert session.refresh("refresh-0").refresh_token == Secret("refresh-1")

    def test_given_token_that_is_refused_leaves_the_session_alone(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        with pytest.raises(UnknownToken):
            session.refresh("of something else")
        assert session.whoami().user_id == "@a:b"
        assert store.load(RECORD) == session.record == RECORD

    def test_session_that_was_ended_elsewhere_is_forgotten_and_not_refreshed_for_ever(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        server.instead = lambda request: None if request.path.endswith("refresh") else refusal(401, "M_UNKNOWN_TOKEN")
        with pytest.raises(UnknownToken):
            session.whoami()
        assert store.load(RECORD) is None
        with pytest.raises(NotLoggedIn):
            session.whoami()
        assert server.refreshes == 1

    def test_session_that_another_process_refreshed_meanwhile_is_not_forgotten(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        newer = replace(RECORD, access_token=Secret("of another process"), refresh_token=Secret("newer"))

        def answer(request: HttpRequest) -> Reply | None:
            if request.path.endswith("refresh"):
                return None
            if header(request, "Authorization") == "Bearer access-1":
                store.save(newer)
            return refusal(401, "M_UNKNOWN_TOKEN")

        server.instead = answer
        with pytest.raises(UnknownToken):
            session.whoami()
        assert store.load(RECORD) == session.record == newer

    @pytest.mark.parametrize(
        "answer",
        [
            reply(503, b"<html>"),
            ConnectionFailed("lost", sent=True),
            refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=9_999_999),
            refusal(404, "M_UNRECOGNIZED"),
            refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True),
        ],
    )
    def test_token_that_still_lives_is_used_where_refreshing_ahead_fails(self, answer: Reply) -> None:
        server = TokenServer()
        session = session_of(server, replace(RECORD, expires_at=server.script.clock.now() + 20_000))
        server.instead = lambda request: answer if request.path.endswith("refresh") else None
        assert session.whoami().user_id == "@a:b"
        server.script.clock.advance(20_000)
        with pytest.raises((ConnectionFailed, NotMatrix, MatrixError)):
            session.whoami()

    def test_access_token_that_is_no_refresh_token_stays_good(self) -> None:
        server = TokenServer()
        client = Client(BASE, world=server.script.world())
        session = client.restore(replace(RECORD, refresh_token=None), legacy_refresh=True)
        with pytest.raises(UnknownToken):
            session.refresh()
        assert session.whoami().user_id == "@a:b"
        server.instead = lambda _: refusal(401, "M_UNKNOWN_TOKEN")
        with pytest.raises(UnknownToken):
            session.whoami()
        with pytest.raises(NotLoggedIn):
            session.whoami()

    def test_call_is_made_again_only_once(self) -> None:
        server = TokenServer()
        session = session_of(server)
        dead = refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
        server.instead = lambda request: None if request.path.endswith("refresh") else dead
        with pytest.raises(UnknownToken):
            session.whoami()
        assert server.refreshes == 1

    def test_legacy_refresh_takes_the_old_path_and_falls_back_to_the_access_token(self) -> None:
        server = TokenServer()
        client = Client(BASE, world=server.script.world())
        session = client.restore(replace(RECORD, refresh_token=None), legacy_refresh=True)
        server.instead = lambda _: reply(200, {"access_token": "new", "refresh_token": "newer"})
        session.refresh()
        assert server.script.paths == ["POST /_matrix/client/r0/tokenrefresh"]
        assert body(server.script.asked[0]) == {"refresh_token": "access-0"}

    def test_new_tokens_are_stored_before_anybody_uses_them(self) -> None:
        server = TokenServer()

        class FailingStore(MemoryStore):
            def save(self, record: SessionRecord) -> None:
                if record.access_token != RECORD.access_token:
                    raise OSError("disk full")
                super().save(record)

        session = session_of(server, store=FailingStore())
        with pytest.raises(OSError, match="disk full"):
            session.refresh()
        assert session.record == RECORD
        assert "Bearer access-1" not in [header(request, "Authorization") for request in server.script.asked]


class TestManyAtOnce:
    def test_twenty_threads_refresh_once(self) -> None:
        server = TokenServer()
        session = session_of(server)
        server.expire()
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
        assert server.refreshes == 1

    async def test_twenty_tasks_refresh_once(self) -> None:
        server = TokenServer()
        client = AsyncClient(BASE, world=server.script.async_world())
        session = client.restore(RECORD)
        server.expire()
        answers = await asyncio.gather(*(session.whoami() for _ in range(20)))
        assert {answer.user_id for answer in answers} == {"@a:b"}
        assert server.refreshes == 1

    def test_two_processes_that_share_a_file_refresh_once(self, tmp_path: Path) -> None:
        server, store = TokenServer(), FileStore(tmp_path / "sessions.json")
        one, other = session_of(server, store=store), session_of(server, store=FileStore(store.path))
        server.expire()
        assert one.whoami().user_id == other.whoami().user_id == "@a:b"
        assert server.refreshes == 1
        assert one.record == other.record == store.load(RECORD)

    @pytest.mark.parametrize("make_store", [MemoryStore, lambda: None])
    async def test_many_sessions_in_one_store_refresh_at_once(self, tmp_path: Path, make_store: Any) -> None:
        """More than a pool of threads has: none may wait for a lock where another needs a thread to let go of it."""
        store = make_store() or FileStore(tmp_path / "sessions.json")
        client = AsyncClient(BASE, world=Script(by=each_refreshes_once).async_world(store))
        records = [replace(RECORD, user_id=f"@{n}:b", refresh_token=Secret(f"refresh-{n}")) for n in range(50)]
        sessions = [client.restore(record) for record in records for _ in range(2)]
        async with asyncio.timeout(20):
            await asyncio.gather(*(session.whoami() for session in sessions))
        assert {record.access_token.reveal() for record in store.list()} == {f"of refresh-{n}" for n in range(50)}

    async def test_session_does_not_wait_for_the_refresh_of_another(self) -> None:
        server, store = SlowServer(), MemoryStore()
        client = AsyncClient(BASE, world=server.world(store))
        slow, quick = client.restore(RECORD), client.restore(replace(RECORD, user_id="@c:b"))
        refreshing = asyncio.create_task(slow.refresh())
        await server.arrived.wait()
        async with asyncio.timeout(5):
            await quick.logout()
        server.go_on.set()
        await refreshing

    async def test_client_that_is_closed_brings_a_refresh_to_its_end_first(self) -> None:
        server, store = SlowServer(), MemoryStore()
        store.save(RECORD)

        async def work() -> None:
            async with AsyncClient(BASE, world=server.world(store)) as client:
                await client.restore(RECORD).refresh()

        working = asyncio.create_task(work())
        await server.arrived.wait()
        working.cancel()
        await asyncio.sleep(0)
        server.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await working
        stored = store.load(RECORD)
        assert stored is not None
        assert stored.access_token == Secret("access-1")
        assert server.closed

    async def test_client_that_is_closed_waits_only_so_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ostiary.client.drivers.CLOSING_S", 0.01)
        server, store = SlowServer(), MemoryStore()
        client = AsyncClient(BASE, world=server.world(store))
        refreshing = asyncio.create_task(client.restore(RECORD).refresh())
        await server.arrived.wait()
        async with asyncio.timeout(5):
            await client.close()
        with pytest.raises(asyncio.CancelledError):
            await refreshing

    async def test_cancelled_call_does_not_lose_the_new_tokens(self) -> None:
        slow, store = SlowServer(), MemoryStore()
        server = slow.server
        store.save(RECORD)
        session = AsyncClient(BASE, world=slow.world(store)).restore(RECORD)
        server.expire()
        call = asyncio.create_task(session.whoami())
        await slow.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        slow.go_on.set()
        assert (await session.whoami()).user_id == "@a:b"
        assert server.refreshes == 1
        assert store.load(RECORD) == session.record

    def test_interrupt_lets_go_of_the_lock(self) -> None:
        server = TokenServer()
        session = session_of(server)

        def interrupt(request: HttpRequest) -> Reply | None:
            raise KeyboardInterrupt

        server.instead = interrupt
        with pytest.raises(KeyboardInterrupt):
            session.refresh()
        server.instead = lambda _: None
        assert session.refresh().access_token == Secret("access-1")


class TestEnding:
    def test_logout_forgets_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        session.logout()
        assert server.script.paths == ["POST /_matrix/client/v3/logout"]
        assert store.load(RECORD) is None
        for attempt in (session.whoami, session.logout, lambda: session.record):
            with pytest.raises(NotLoggedIn):
                attempt()

    def test_logout_of_a_dead_session_is_well(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, refresh_token=None), store)
        server.instead = lambda _: refusal(401, "M_UNKNOWN_TOKEN")
        session.logout()
        assert store.load(RECORD) is None

    def test_logout_that_does_not_arrive_keeps_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        server.instead = lambda _: ConnectionFailed("no network", sent=False)
        with pytest.raises(ConnectionFailed):
            session.logout()
        assert store.load(RECORD) == RECORD

    def test_logging_in_again_keeps_the_device(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, replace(RECORD, refresh_token=None), store)
        answer = {"user_id": "@a:b", "device_id": "D", "access_token": "again", "refresh_token": "r"}
        server.instead = lambda _: reply(200, answer)
        session.login_again("password")
        assert body(server.script.asked[0])["device_id"] == "D"
        assert session.record.access_token == Secret("again")
        assert store.load(RECORD) == session.record


class TestAdopting:
    def test_login_is_adopted_whole(self) -> None:
        answer = {
            "user_id": "@a:b", "device_id": "D", "access_token": "t", "refresh_token": "r", "expires_in_ms": 60_000,
        }  # fmt: skip
        script, store = Script([reply(200, answer)]), MemoryStore()
        session = Client(BASE, world=script.world(store)).login("a", "p")
        expected = SessionRecord(BASE, "@a:b", "D", Secret("t"), Secret("r"), script.clock.now() + 60_000)
        assert session.record == store.load(expected) == expected

    @pytest.mark.parametrize("missing", ["user_id", "device_id", "access_token"])
    def test_answer_that_lacks_something_is_not_adopted_at_all(self, missing: str) -> None:
        answer = {"user_id": "@a:b", "device_id": "D", "access_token": "t"}
        del answer[missing]
        script, store = Script([reply(200, answer)]), MemoryStore()
        with pytest.raises(Exception, match=missing):
            Client(BASE, world=script.world(store)).login("a", "p")
        assert store._records == {}

    def test_account_that_comes_without_a_session_is_told(self) -> None:
        script = Script([reply(200, {"user_id": "@a:b"})])
        with pytest.raises(NotLoggedIn, match="@a:b"):
            Client(BASE, world=script.world()).register("a", "p")

    def test_store_that_fails_fails_the_login(self, tmp_path: Path) -> None:
        (tmp_path / "sessions.json").mkdir()
        script = Script([reply(200, {"user_id": "@a:b", "device_id": "D", "access_token": "t"})])
        with pytest.raises(Exception, match="sessions"):
            Client(BASE, world=script.world(FileStore(tmp_path / "sessions.json"))).login("a", "p")


class TestResuming:
    def test_session_begun_last_at_this_server_is_resumed(self) -> None:
        server, store = TokenServer(), MemoryStore()
        other_user, elsewhere = replace(RECORD, user_id="@c:b"), replace(RECORD, homeserver="https://elsewhere.example")
        client = Client(BASE, world=server.script.world(store))
        assert client.resume() is None
        for record in (other_user, RECORD, elsewhere, other_user):
            store.save(record)
        resumed = client.resume()
        assert resumed is not None
        assert resumed.record == RECORD
        of_user = client.resume("@c:b")
        assert of_user is not None
        assert of_user.record == other_user
        assert client.resume("@nobody:b") is None

    @pytest.mark.parametrize("kind", ["memory", "file"])
    def test_refresh_does_not_change_which_one_that_is(self, kind: str, tmp_path: Path) -> None:
        server, store = TokenServer(), MemoryStore() if kind == "memory" else FileStore(tmp_path / "s.json")
        later = replace(RECORD, user_id="@c:b", device_id="E")
        for record in (RECORD, later):
            store.save(record)
        client = Client(BASE, world=server.script.world(store))
        client.restore(RECORD).refresh()
        resumed = client.resume()
        assert resumed is not None
        assert resumed.record == later

    @pytest.mark.parametrize("kind", ["memory", "file"])
    def test_login_on_a_device_that_is_known_does(self, kind: str, tmp_path: Path) -> None:
        store = MemoryStore() if kind == "memory" else FileStore(tmp_path / "s.json")
        for record in (RECORD, replace(RECORD, user_id="@c:b", device_id="E")):
            store.save(record)
        script = Script([reply(200, {**WHOAMI, "access_token": "access-9"})])
        client = Client(BASE, world=script.world(store))
        client.login("a", "p", device_id="D")
        resumed = client.resume()
        assert resumed is not None
        assert (resumed.user_id, resumed.record.access_token) == ("@a:b", Secret("access-9"))
        assert len(store.list()) == 2

    async def test_asynchronously_from_a_file(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "sessions.json")
        store.save(RECORD)
        resumed = await AsyncClient(BASE, world=TokenServer().script.async_world(store)).resume()
        assert resumed is not None
        assert (await resumed.whoami()).user_id == "@a:b"


def test_wrong_password_is_forbidden() -> None:
    script = Script([refusal(403, "M_FORBIDDEN")])
    with pytest.raises(Forbidden):
        Client(BASE, world=script.world()).login("a", "p")
