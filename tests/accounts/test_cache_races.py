"""A token that ends while it is being looked up must not live on in the cache."""

import asyncio
from typing import Any

import pytest

from ostiary.accounts.model import Origin
from tests.world import Account, World


@pytest.mark.parametrize("visit", ["find_session", "use_offered_pair"])
async def test_logout_in_the_middle_of_a_look_up(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch, visit: str
) -> None:
    caller = await world.services.sessions.authenticate(alice.access_token)
    token = (await world.refresh(alice.refresh_token)).json["access_token"]
    store = world.services.store
    original = getattr(store, visit)
    log_out_next = True

    async def interrupted(*arguments: Any) -> Any:
        nonlocal log_out_next
        result = await original(*arguments)
        if log_out_next:
            log_out_next = False
            await world.services.sessions.end(caller, Origin())
        return result

    monkeypatch.setattr(store, visit, interrupted)
    await world.whoami(token)  # found to be good just before it ended
    assert (await world.whoami(token)).status == 401


async def test_logout_that_nobody_waits_for_any_longer(world: World, alice: Account) -> None:
    caller = await world.services.sessions.authenticate(alice.access_token)
    ending = asyncio.ensure_future(world.services.sessions.end(caller, Origin()))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    for _ in range(200):
        if (await world.whoami(alice.access_token)).status == 401:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the token is dead, and remembered as alive")


async def test_replaced_session_in_the_middle_of_a_look_up(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, original = world.services.store, world.services.store.find_session

    async def interrupted(session_id: int) -> Any:
        found = await original(session_id)
        monkeypatch.undo()
        await world.relogin(alice, device_id=alice.device_id)
        return found

    monkeypatch.setattr(store, "find_session", interrupted)
    await world.whoami(alice.access_token)
    assert (await world.whoami(alice.access_token)).status == 401
