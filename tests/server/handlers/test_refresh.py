"""POST /refresh, and /tokenrefresh of old."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import Account, World, open_config, open_world

HOUR_MS = 3_600_000


async def events(world: World) -> list[str]:
    """What has been audited, in its order."""
    return [kind for (kind,) in await world.sql("SELECT kind FROM audit_events ORDER BY event_id")]


class TestRefresh:
    @pytest.mark.parametrize("path", ["v3/refresh", "r0/tokenrefresh", "v2_alpha/tokenrefresh"])
    async def test_gives_a_new_pair(self, world: World, alice: Account, path: str) -> None:
        answer = await world.call("POST", path, {"refresh_token": alice.refresh_token})
        assert answer.status == 200
        assert answer.json.keys() == {"access_token", "refresh_token", "expires_in_ms"}
        assert answer.json["access_token"] != alice.access_token
        assert answer.json["refresh_token"] != alice.refresh_token
        assert answer.json["expires_in_ms"] == 300_000
        assert (await world.whoami(answer.json["access_token"])).json["device_id"] == alice.device_id

    async def test_dead_bearer_header_is_not_looked_at(self, world: World, alice: Account) -> None:
        answer = await world.call("POST", "v3/refresh", {"refresh_token": alice.refresh_token}, token="dead")
        assert answer.status == 200

    async def test_old_pair_lives_until_the_new_access_token_is_used(self, world: World, alice: Account) -> None:
        new = await world.refresh(alice.refresh_token)
        assert (await world.whoami(alice.access_token)).status == 200
        assert (await world.refresh(alice.refresh_token)).status == 200
        assert (await world.whoami(new.json["access_token"])).status == 200
        for dead in (await world.whoami(alice.access_token), await world.refresh(alice.refresh_token)):
            assert (dead.status, dead.errcode, dead.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)

    async def test_old_pair_lives_until_the_new_refresh_token_is_used(self, world: World, alice: Account) -> None:
        first = await world.refresh(alice.refresh_token)
        second = await world.refresh(first.json["refresh_token"])
        assert second.status == 200
        assert (await world.whoami(alice.access_token)).status == 401
        assert (await world.refresh(alice.refresh_token)).status == 401
        # The pair between lives on, since nobody has used the newest yet.
        assert (await world.whoami(first.json["access_token"])).status == 200
        assert (await world.whoami(second.json["access_token"])).status == 200
        assert (await world.whoami(first.json["access_token"])).status == 401

    async def test_repeat_after_a_lost_answer_gets_the_same_pair(self, world: World, alice: Account) -> None:
        lost = await world.refresh(alice.refresh_token)
        world.clock.advance(10_000)
        again = await world.refresh(alice.refresh_token)
        assert again.json == {**lost.json, "expires_in_ms": lost.json["expires_in_ms"] - 10_000}
        assert (await world.whoami(lost.json["access_token"])).status == 200

    async def test_repeat_after_the_offered_token_expired_gets_another_pair(self, world: World, alice: Account) -> None:
        lost = await world.refresh(alice.refresh_token)
        world.clock.advance(HOUR_MS)
        again = await world.refresh(alice.refresh_token)
        assert again.json["access_token"] != lost.json["access_token"]
        assert (await world.whoami(again.json["access_token"])).status == 200
        superseded = await world.refresh(lost.json["refresh_token"])
        assert (superseded.status, superseded.json["soft_logout"]) == (401, True)

    async def test_of_many_refreshing_at_once_nobody_is_logged_out(self, world: World, alice: Account) -> None:
        answers = await asyncio.gather(*(world.refresh(alice.refresh_token) for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        for answer in answers:  # whichever of them a client keeps
            assert (await world.whoami(answer.json["access_token"])).status == 200
        assert (await world.refresh(answers[0].json["refresh_token"])).status == 200

    async def test_expired_access_token_is_refreshable(self, world: World, alice: Account) -> None:
        world.clock.advance(300_000)
        expired = await world.whoami(alice.access_token)
        assert (expired.status, expired.errcode, expired.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)
        new = await world.refresh(alice.refresh_token)
        assert (await world.whoami(new.json["access_token"])).status == 200

    async def test_cached_token_expires_too(self, world: World, alice: Account) -> None:
        world.clock.advance(299_999)
        assert (await world.whoami(alice.access_token)).status == 200
        world.clock.advance(1)
        assert (await world.whoami(alice.access_token)).status == 401

    async def test_dead_token_within_the_grace_is_only_refused(self, world: World, alice: Account) -> None:
        new = await world.refresh(alice.refresh_token)
        await world.whoami(new.json["access_token"])
        world.clock.advance(60_000)
        refused = await world.refresh(alice.refresh_token)
        assert (refused.status, refused.errcode, refused.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)
        assert (await world.whoami(new.json["access_token"])).status == 200

    async def test_dead_token_after_the_grace_ends_the_session_and_is_audited(
        self, world: World, alice: Account
    ) -> None:
        new = await world.refresh(alice.refresh_token)
        await world.whoami(new.json["access_token"])
        world.clock.advance(60_001)
        refused = await world.refresh(alice.refresh_token)
        assert (refused.status, refused.errcode, refused.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)
        for answer in (await world.whoami(new.json["access_token"]), await world.refresh(new.json["refresh_token"])):
            assert (answer.status, answer.json["soft_logout"]) == (401, False)
        assert await events(world) == ["registered", "token_replayed"]

    @pytest.mark.parametrize("token", ["", "x", "ostr_" + "a" * 27 + "_000000", "osta_x", "é", "\ud83d\ude00" * 300])
    async def test_unknown_token_is_refused(self, world: World, token: str) -> None:
        answer = await world.refresh(token)
        assert (answer.status, answer.errcode, answer.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)

    async def test_access_token_does_not_refresh(self, world: World, alice: Account) -> None:
        assert (await world.refresh(alice.access_token)).status == 401

    async def test_missing_token_is_named(self, world: World) -> None:
        answer = await world.call("POST", "v3/refresh", {})
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")
        assert "refresh_token" in answer.json["error"]

    async def test_ended_session_does_not_refresh(self, world: World, alice: Account) -> None:
        await world.call("POST", "v3/logout", {}, token=alice.access_token)
        answer = await world.refresh(alice.refresh_token)
        assert (answer.status, answer.json["soft_logout"]) == (401, False)


class TestLifetimes:
    @pytest.fixture
    async def strict(self, tmp_path: Path) -> AsyncIterator[World]:
        config = open_config(tmp_path)
        sessions = replace(
            config.sessions, unrefreshable_access_token_lifetime_ms=HOUR_MS, refresh_token_lifetime_ms=24 * HOUR_MS
        )
        async with open_world(replace(config, sessions=sessions)) as world:
            yield world

    async def test_token_of_a_client_that_cannot_refresh_may_expire_softly(self, strict: World) -> None:
        account = await strict.register("alice", refresh_token=False)
        strict.clock.advance(HOUR_MS)
        expired = await strict.whoami(account.access_token)
        assert (expired.status, expired.json["soft_logout"]) == (401, True)

    async def test_unused_refresh_token_expires_softly(self, strict: World) -> None:
        account = await strict.register("alice")
        strict.clock.advance(24 * HOUR_MS)
        expired = await strict.refresh(account.refresh_token)
        assert (expired.status, expired.json["soft_logout"]) == (401, True)

    async def test_refreshing_renews_the_refresh_token(self, strict: World) -> None:
        token = (await strict.register("alice")).refresh_token
        for _ in range(5):
            strict.clock.advance(23 * HOUR_MS)
            answer = await strict.refresh(token)
            assert answer.status == 200
            token = answer.json["refresh_token"]
