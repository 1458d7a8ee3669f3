"""What changes between the check of a password and the opening of the session counts."""

from typing import Any

import pytest

from tests.world import Account, World

WAYS = pytest.mark.parametrize("device_id", [None, "OLD"])


def before_the_session_is_opened(world: World, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Make a change at that moment, once."""
    store = world.services.store
    original = store.open_session

    async def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        await change()
        return await original(*arguments, **named)

    monkeypatch.setattr(store, "open_session", interrupted)


@WAYS
async def test_password_that_was_changed_opens_nothing(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch, device_id: str | None
) -> None:
    async def change() -> None:
        await world.sql("UPDATE accounts SET password_hash = 'another'")

    before_the_session_is_opened(world, monkeypatch, change)
    answer = await world.login("alice", **({"device_id": device_id} if device_id else {}))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    for table in ("sessions", "devices"):
        assert await world.sql(f"SELECT count(*) FROM {table}") == [(1,)], table
    assert await world.sql("SELECT count(*) FROM audit_events WHERE kind = 'logged_in'") == [(0,)]


@WAYS
async def test_account_that_was_locked_has_a_session_that_is(
    world: World, alice: Account, monkeypatch: pytest.MonkeyPatch, device_id: str | None
) -> None:
    async def change() -> None:
        await world.change(alice, is_locked=True)

    before_the_session_is_opened(world, monkeypatch, change)
    answer = await world.login("alice", **({"device_id": device_id} if device_id else {}))
    assert answer.status == 200
    assert (await world.whoami(answer.json["access_token"])).errcode == "M_USER_LOCKED"
    await world.change(alice, is_locked=False)
    assert (await world.whoami(answer.json["access_token"])).status == 200
