"""Rate limits for everybody, and clocks that jump: nothing is hammered, nothing is lost."""

import json
from dataclasses import replace

import pytest

from ostiary.api.errors import LimitExceeded, NotMatrix
from ostiary.api.http import HttpRequest
from ostiary.api.secret import Secret
from ostiary.client import Client, ConnectionFailed, MemoryStore, RetryPolicy, SessionRecord
from ostiary.client.drivers import World
from ostiary.testing import serve
from tests.client.scripted import BASE, Reply, Script, refusal, reply
from tests.client.test_sessions import TokenServer, session_of
from tests.world import PASSWORD

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"))
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
WHOAMI = {"user_id": "@a:b", "device_id": "D"}
LIMITED = refusal(429, "M_LIMIT_EXCEEDED")


class TestStorms:
    def test_many_clients_spread_over_the_whole_time(self) -> None:
        """Full jitter: were half of the delay fixed, they would all come back at once."""
        waits: list[int] = []
        for _ in range(400):
            script = Script([LIMITED, reply(200, WHOAMI)])
            Client(BASE, world=script.world(), retries=RetryPolicy(first_delay_ms=1000)).restore(RECORD).whoami()
            waits += script.slept
        assert 0 <= min(waits) < 100
        assert 900 < max(waits) <= 1000
        assert 400 < sum(waits) / len(waits) < 600

    def test_delays_do_not_grow_over_their_bound(self) -> None:
        script = Script(by=lambda _: LIMITED)
        policy = RetryPolicy(attempts=40, max_delay_ms=2000, max_wait_ms=10**9)
        with pytest.raises(LimitExceeded):
            Client(BASE, world=script.world(), retries=policy).restore(RECORD).whoami()
        assert len(script.slept) == 39
        assert max(script.slept) <= 2000

    @pytest.mark.parametrize("status", [429, 503])
    def test_proxy_that_limits_is_obeyed(self, status: int) -> None:
        limited = reply(status, b"<html>slow down", retry_after="7")
        script = Script([limited, reply(200, WHOAMI)])
        Client(BASE, world=script.world()).restore(RECORD).whoami()
        assert script.slept == [7000]

    def test_login_is_repeated_after_a_limit_but_not_after_an_outage(self) -> None:
        answer = reply(200, {**WHOAMI, "access_token": "t"})
        script = Script([reply(429, b"<html>", retry_after="1"), answer])
        Client(BASE, world=script.world()).login("a", "p")
        assert len(script.asked) == 2
        script = Script([reply(503, b"<html>", retry_after="1"), answer])
        with pytest.raises(NotMatrix):
            Client(BASE, world=script.world()).login("a", "p")
        assert len(script.asked) == 1

    def test_storm_over_refreshes_does_not_end_the_session(self) -> None:
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        dead = refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
        server.instead = lambda request: LIMITED if request.path.endswith("refresh") else dead
        for _ in range(5):
            with pytest.raises(LimitExceeded):
                session.whoami()
        server.instead = lambda _: None
        assert session.refresh().access_token == Secret("access-1")


class TestClocks:
    def test_forward_by_a_year_costs_one_refresh(self) -> None:
        server = TokenServer(lifetime_ms=HOUR_MS)
        session = session_of(server, replace(RECORD, expires_at=server.script.clock.now() + HOUR_MS))
        session.whoami()
        server.script.clock.advance(YEAR_MS)
        for _ in range(3):
            session.whoami()
        assert server.refreshes == 1

    def test_back_by_a_year_the_server_has_the_last_word(self) -> None:
        """The token is dead; the client believes that it lives for another year."""
        server = TokenServer(lifetime_ms=HOUR_MS)
        session = session_of(server, replace(RECORD, expires_at=server.script.clock.now() + HOUR_MS))
        server.script.clock.advance(-YEAR_MS)
        server.expire()
        for _ in range(3):
            session.whoami()
        assert server.refreshes == 1

    def test_there_and_back_again(self) -> None:
        server = TokenServer(lifetime_ms=HOUR_MS)
        session = session_of(server, replace(RECORD, expires_at=server.script.clock.now() + HOUR_MS))
        for jump in (YEAR_MS, -YEAR_MS, -YEAR_MS, 2 * YEAR_MS):
            server.script.clock.advance(jump)
            session.whoami()
        assert server.refreshes <= 3
        assert session.record.access_token == Secret(f"access-{server.generation}")

    def test_date_to_wait_for_does_not_hang_on_our_clock(self) -> None:
        limited = reply(
            429, {"errcode": "M_LIMIT_EXCEEDED"}, date="Fri, 15 Jan 2027 08:00:00 GMT",
            retry_after="Fri, 15 Jan 2027 08:00:03 GMT",
        )  # fmt: skip
        for jump in (-YEAR_MS, 0, YEAR_MS):
            script = Script([limited, reply(200, WHOAMI)])
            script.clock.advance(jump)
            Client(BASE, world=script.world()).restore(RECORD).whoami()
            assert script.slept == [3000]

    def test_offline_with_a_clock_that_is_wrong_keeps_the_session(self) -> None:
        server, store = TokenServer(lifetime_ms=HOUR_MS), MemoryStore()
        record = replace(RECORD, expires_at=server.script.clock.now() + HOUR_MS)
        session = session_of(server, record, store)
        server.script.clock.advance(YEAR_MS)

        def offline(_: HttpRequest) -> Reply | None:
            return ConnectionFailed("no network", sent=False)

        server.instead = offline
        with pytest.raises(ConnectionFailed):
            session.whoami()
        assert store.list() == [record]
        server.instead = lambda _: None
        session.whoami()


class TestClocksAtARealServer:
    """The client's clock is set between login and calls; the server's goes on, and its tokens expire by that."""

    @pytest.mark.parametrize("jumps", [(5,), (-5,), (5, -5), (-5, 5), (5, 5, -20, 1)], ids=str)
    def test_session_lives_on_with_a_refresh_for_each_jump_and_each_lifetime(self, jumps: tuple[int, ...]) -> None:
        with serve(socket=False) as server:
            server.account("alice", password=PASSWORD)
            ahead_ms = 0
            world = World(server.transport(), MemoryStore(), now=lambda: server.clock.now() + ahead_ms)
            session = Client(server.url, world=world).login("alice", PASSWORD)
            for jump in jumps:
                before = len(server.requests("/refresh"))
                ahead_ms += jump * HOUR_MS
                for _ in range(20):
                    session.whoami()
                assert len(server.requests("/refresh")) - before <= 1
                server.clock.advance(server.config.sessions.access_token_lifetime_ms)  # all tokens are dead now
                for _ in range(20):
                    session.whoami()
                assert len(server.requests("/refresh")) - before <= 2
            assert {one.status for one in server.requests("/refresh")} == {200}
            assert len(server.requests("/login")) == 1


class TestBrokenAnswers:
    def test_refresh_whose_answer_ends_anywhere_without_a_word_keeps_the_session(self) -> None:
        """Of an answer that has no length, nothing but its JSON tells that it was cut."""
        pair = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in_ms": 3_600_000}
        whole = json.dumps(pair).encode()
        server, store = TokenServer(), MemoryStore()
        session = session_of(server, store=store)
        count = 0
        server.instead = lambda request: reply(200, whole[:count]) if request.path.endswith("refresh") else None
        for count in range(len(whole)):
            with pytest.raises(NotMatrix):
                session.refresh()
            assert store.list() == [RECORD], count
        server.instead = lambda _: None
        assert session.refresh().access_token == Secret("access-1")
