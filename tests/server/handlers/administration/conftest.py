"""An administrator, and a way to call the admin API."""

from collections.abc import Mapping
from typing import Any

import pytest

from ostiary.accounts.administration import Administrator
from ostiary.accounts.values import AccountChange
from tests.world import Account, Answer, World


class Admin:
    """An administrator with a session."""

    def __init__(self, world: World, account: Account) -> None:
        self.world = world
        self.account = account

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Call below the admin API's prefix. ``query``: fields by name, ``start`` for ``from``."""
        named: Mapping[str, str] = {"from" if name == "start" else name: text for name, text in query.items()}
        return await self.world.call(
            method, f"/_ostiary/admin/v1/{path}", body, token=self.account.access_token, query=named
        )

    async def did(self, name: str, kind: str) -> dict[str, Any]:
        """The last event of an account, which is of this kind and by this administrator; its detail."""
        events = (await self.call("GET", f"accounts/{name}/audit", limit="1")).json["events"]
        assert events[0]["kind"] == kind
        assert events[0]["detail"]["by"] == self.account.localpart
        assert events[0]["address"] == self.world.address
        detail: dict[str, Any] = events[0]["detail"]
        return detail


async def make_admin(world: World, name: str = "root") -> Admin:
    account = await world.register(name)
    await world.services.administration.change(name, AccountChange(is_admin=True), Administrator())
    return Admin(world, account)


@pytest.fixture
async def admin(world: World) -> Admin:
    return await make_admin(world)
