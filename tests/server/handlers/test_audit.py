"""GET /org.ostiary/audit: what has happened to one's own account."""

import pytest

from ostiary.accounts.administration import Administrator
from ostiary.accounts.model import Origin
from ostiary.accounts.values import AccountChange
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from tests.world import Account, World

AUDIT = "unstable/org.ostiary/audit"
ROOT = Administrator(Localpart("root"), Origin("198.51.100.7", "Admin/1"))


async def test_pages_lead_through_ones_own_events_both_ways(world: World, alice: Account) -> None:
    await world.register("bob")
    for _ in range(3):
        await world.relogin(alice)
    happened = ["registered", *["logged_in"] * 3]
    for direction, wanted in (("f", happened), ("b", happened[::-1]), ("", happened[::-1])):
        found: list[str] = []
        query = {"limit": "3"} | ({"dir": direction} if direction else {})
        while True:
            answer = await world.call("GET", AUDIT, token=alice.access_token, query=query)
            assert answer.status == 200
            found += [event["kind"] for event in answer.json["events"]]
            if "next_batch" not in answer.json:
                break
            query["from"] = answer.json["next_batch"]
        assert found == wanted


async def test_event_says_when_and_from_where(world: World, alice: Account) -> None:
    event = (await world.call("GET", AUDIT, token=alice.access_token)).json["events"][0]
    assert event.keys() == {"event_id", "kind", "happened_at", "address", "user_agent", "detail"}
    assert (event["happened_at"], event["address"]) == (world.clock.now(), world.address)


async def test_administrators_are_not_told_of(world: World, alice: Account) -> None:
    administration = world.services.administration
    await administration.change("alice", AccountChange(is_suspended=True), ROOT)
    await administration.change("alice", AccountChange(is_suspended=False), ROOT)
    await administration.add_threepid("alice", "email", "alice@example.org", ROOT)
    await administration.set_password("alice", Secret("another password"), ROOT, logout_devices=False)
    events = (await world.call("GET", AUDIT, token=alice.access_token)).json["events"]
    assert len(events) == 5
    for event in events[:4]:
        assert (event["address"], event["user_agent"], event["detail"]["by"]) == ("", "", "administrator")


async def test_account_of_an_earlier_owner_of_the_name_is_not_told_of(world: World) -> None:
    world.address = "203.0.113.9"
    await world.register("bob")
    await world.sql("UPDATE accounts SET awaits_approval = 1 WHERE localpart = 'bob'")
    await world.services.administration.reject("bob", ROOT)
    world.clock.advance(1000)
    world.address = "192.0.2.1"
    bob = await world.register("bob")
    events = (await world.call("GET", AUDIT, token=bob.access_token)).json["events"]
    assert [(event["kind"], event["address"]) for event in events] == [("registered", "192.0.2.1")]


@pytest.mark.parametrize("query", [{"from": "x"}, {"limit": "0"}, {"dir": "x"}])
async def test_query_that_cannot_be_is_refused(world: World, alice: Account, query: dict[str, str]) -> None:
    answer = await world.call("GET", AUDIT, token=alice.access_token, query=query)
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


async def test_guests_and_strangers_are_refused(world: World) -> None:
    guest = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
    answer = await world.call("GET", AUDIT, token=guest.json["access_token"])
    assert answer.errcode == "M_GUEST_ACCESS_FORBIDDEN"
    assert (await world.call("GET", AUDIT)).errcode == "M_MISSING_TOKEN"
