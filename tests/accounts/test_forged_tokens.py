"""Tokens that were made up out of what somebody may know: each is refused, and none does more than its maker could."""

from dataclasses import replace

import pytest

from ostiary.accounts.session_tokens import SessionToken, SessionTokenKind, parse_session_token
from tests.world import Account, World


def access_of(account: Account) -> SessionToken:
    token = parse_session_token(SessionTokenKind.ACCESS, account.access_token)
    assert token is not None
    return token


def refresh_of(account: Account) -> SessionToken:
    token = parse_session_token(SessionTokenKind.REFRESH, account.refresh_token or "")
    assert token is not None
    return token


async def refusal(world: World, token: SessionToken) -> tuple[int, str | None, bool]:
    text = token.text.reveal()
    access = token.kind is SessionTokenKind.ACCESS
    answer = await (world.whoami(text) if access else world.refresh(text))
    return answer.status, answer.errcode, answer.json.get("soft_logout", False)


UNKNOWN = (401, "M_UNKNOWN_TOKEN", False)
REPLACED = (401, "M_UNKNOWN_TOKEN", True)


@pytest.mark.parametrize("of", [access_of, refresh_of])
async def test_guessed_secret_is_refused(world: World, alice: Account, of: object) -> None:
    token = access_of(alice) if of is access_of else refresh_of(alice)
    guessed = replace(token, secret="0" * 22)
    for generation in (0, 1, 7):
        # Whoever knows the lineage had a token of the session; more is not said, and nothing is done.
        assert await refusal(world, replace(guessed, generation=generation)) == REPLACED
    assert await refusal(world, replace(guessed, lineage="0" * 14)) == UNKNOWN
    assert (await world.whoami(alice.access_token)).status == 200


async def test_token_is_good_for_its_own_session_only(world: World, alice: Account) -> None:
    bob = await world.register("bob")
    for mine, theirs in ((access_of(alice), access_of(bob)), (refresh_of(alice), refresh_of(bob))):
        assert await refusal(world, replace(mine, session_id=theirs.session_id)) == UNKNOWN
        mixed = replace(mine, session_id=theirs.session_id, lineage=theirs.lineage)
        assert await refusal(world, mixed) == REPLACED
        assert await refusal(world, replace(mine, session_id=10**9)) == UNKNOWN
    assert (await world.whoami(bob.access_token)).status == 200


async def test_secret_of_the_other_kind_is_refused(world: World, alice: Account) -> None:
    access, refresh = access_of(alice), refresh_of(alice)
    assert await refusal(world, replace(access, secret=refresh.secret)) == REPLACED
    assert await refusal(world, replace(refresh, secret=access.secret)) == REPLACED


async def test_access_token_does_not_tell_how_to_end_the_session_as_a_replayed_refresh_token_would(
    world: World, alice: Account
) -> None:
    used = await world.refresh(alice.refresh_token)
    await world.whoami(used.json["access_token"])
    world.clock.advance(120_000)
    forged = replace(access_of(alice), kind=SessionTokenKind.REFRESH)
    assert await refusal(world, forged) == UNKNOWN
    assert (await world.whoami(used.json["access_token"])).status == 200


async def test_number_of_the_pair_is_believed_only_where_it_harms_nobody_else(world: World, alice: Account) -> None:
    """A good token with another number is good; a replaced one is not made good by one."""
    token = access_of(alice)
    assert await refusal(world, replace(token, generation=9)) == (200, None, False)
    used = await world.refresh(alice.refresh_token)
    await world.whoami(used.json["access_token"])
    for generation in (0, 1, 2):
        assert await refusal(world, replace(token, generation=generation)) == REPLACED


async def test_nothing_is_left_of_a_replaced_pair(world: World, alice: Account) -> None:
    first = await world.sql("SELECT access_digest, refresh_digest FROM sessions")
    refresh_token = alice.refresh_token
    for _ in range(20):
        answer = await world.refresh(refresh_token)
        refresh_token = answer.json["refresh_token"]
        assert (await world.whoami(answer.json["access_token"])).status == 200
        world.clock.advance(1_000)
    assert await world.sql("SELECT count(*) FROM sessions") == [(1,)]
    assert await world.sql("SELECT access_digest, refresh_digest FROM sessions") != first
    assert await refusal(world, access_of(alice)) == REPLACED
