"""Messages that wait, over the admin API; and the API's own OpenAPI document."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.server.housekeeping import Housekeeping, HouseRules
from tests.delivery.opened import marks
from tests.server.handlers.administration.conftest import Admin, make_admin
from tests.server.handlers.test_validation import ADDRESS, ask, sending
from tests.server.test_sending import LOG
from tests.world import World, open_world

DAY_MS = 86_400_000


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(sending(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def admin(world: World) -> Admin:
    return await make_admin(world)


async def waiting(world: World, count: int) -> list[int]:
    for number in range(count):
        await ask(world, address=f"n{number}@example.org")
    entries = await world.services.store.list_outbox(None, 100, stuck_only=False)
    return [entry.id for entry in entries]


class TestList:
    async def test_tells_what_is_stuck_and_why_but_not_what_it_says(self, world: World, admin: Admin) -> None:
        first, second = await waiting(world, 2)
        secret = (await world.messages())[0]["link"]
        await world.services.store.failed(first, "mail.example.org is not there", world.clock.now() + 1000)
        (stuck,) = (await admin.call("GET", "messages", stuck="true")).json["messages"]
        assert stuck == {
            "message_id": str(first), "kind": "validate_to_register", "medium": "email", "address": "n0@example.org",
            "created_at": world.clock.now(), "attempts": 0, "next_attempt_at": world.clock.now() + 1000,
            "last_error": "mail.example.org is not there",
        }  # fmt: skip
        everything = await admin.call("GET", "messages")
        assert [one["message_id"] for one in everything.json["messages"]] == [str(first), str(second)]
        assert secret.rpartition("=")[2] not in str(everything.json)

    async def test_pages_both_ways(self, world: World, admin: Admin) -> None:
        ids = [str(one) for one in await waiting(world, 5)]
        for direction, wanted in (("f", ids), ("b", ids[::-1])):
            found: list[str] = []
            query = {"limit": "2", "dir": direction}
            while True:
                page = (await admin.call("GET", "messages", **query)).json
                found += [one["message_id"] for one in page["messages"]]
                if "next_batch" not in page:
                    break
                query["start"] = page["next_batch"]
            assert found == wanted

    @pytest.mark.parametrize("query", [{"start": "x"}, {"start": "9" * 30}, {"stuck": "maybe"}, {"dir": "up"}])
    async def test_what_cannot_be_asked(self, admin: Admin, query: dict[str, str]) -> None:
        answer = await admin.call("GET", "messages", **query)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


class TestChanging:
    async def test_one_that_was_given_up_is_tried_again(self, world: World, admin: Admin) -> None:
        (one,) = await waiting(world, 1)
        await world.services.store.give_up(one, "nobody there", world.clock.now())
        assert (await admin.call("POST", f"messages/{one}/retry")).json == {}
        assert [entry.id for entry in await world.services.store.lease(world.clock.now(), 1000, marks(10))] == [one]

    async def test_dropped(self, world: World, admin: Admin) -> None:
        (one,) = await waiting(world, 1)
        assert (await admin.call("DELETE", f"messages/{one}")).json == {}
        assert await world.messages() == []

    @pytest.mark.parametrize(("method", "path"), [("POST", "messages/{}/retry"), ("DELETE", "messages/{}")])
    async def test_of_none(self, admin: Admin, method: str, path: str) -> None:
        for message_id, wanted in (("4711", (404, "M_NOT_FOUND")), ("x", (400, "M_INVALID_PARAM"))):
            answer = await admin.call(method, path.format(message_id))
            assert (answer.status, answer.errcode) == wanted


async def test_what_was_given_up_long_ago_is_forgotten(world: World) -> None:
    first, second = await waiting(world, 2)
    await world.services.store.give_up(first, "nobody there", world.clock.now())
    world.clock.advance(31 * DAY_MS)
    await world.services.store.give_up(second, "nobody there", world.clock.now())
    rules = HouseRules(dead_token_memory_ms=30 * DAY_MS, idle_lifetime_ms=None)
    await Housekeeping(world.services, LOG, rules).forget_dead()
    left = await world.services.store.list_outbox(None, 10, stuck_only=True)
    assert [entry.id for entry in left] == [second]
    assert ADDRESS not in str(left)


async def test_the_api_describes_itself(admin: Admin) -> None:
    answer = await admin.call("GET", "openapi.json")
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    described = {(path, method.upper()) for path, calls in answer.json["paths"].items() for method in calls}
    for endpoint in ADMIN_ENDPOINTS:
        assert (endpoint.meta.path, endpoint.meta.method) in described
    assert all(path.startswith("/_ostiary/admin/v1/") for path, _ in described)
