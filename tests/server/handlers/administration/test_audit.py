"""The record over the admin API, and exports."""

import pytest

from tests.server.handlers.administration.conftest import Admin
from tests.world import Account, World


async def kinds(admin: Admin, path: str, **query: str) -> list[str]:
    """What has happened, page by page."""
    found: list[str] = []
    while True:
        page = (await admin.call("GET", path, limit="2", **query)).json
        assert len(page["events"]) <= 2
        found += [event["kind"] for event in page["events"]]
        if "next_batch" not in page:
            return found
        query["start"] = page["next_batch"]


async def test_pages_lead_through_the_record_both_ways(world: World, admin: Admin, alice: Account) -> None:
    await world.relogin(alice)
    await admin.call("PUT", "accounts/alice/locked", {"locked": True})
    await admin.call("PUT", "accounts/alice/locked", {"locked": False})
    happened = ["registered", "logged_in", "locked", "unlocked"]
    assert await kinds(admin, "accounts/alice/audit", dir="f") == happened
    assert await kinds(admin, "accounts/alice/audit") == happened[::-1]
    assert await kinds(admin, "audit", dir="f") == ["registered", "made_admin", *happened]
    assert await kinds(admin, "audit") == ["registered", "made_admin", *happened][::-1]


async def test_event_says_all_there_is(world: World, admin: Admin, alice: Account) -> None:
    await admin.call("PUT", "accounts/alice/locked", {"locked": True})
    event = (await admin.call("GET", "audit", limit="1")).json["events"][0]
    assert isinstance(event.pop("event_id"), int)
    assert event == {
        "user_id": "@alice:localhost", "kind": "locked", "happened_at": world.clock.now(), "address": world.address,
        "user_agent": event["user_agent"], "detail": {"by": "root"},
    }  # fmt: skip


@pytest.mark.parametrize("start", ["x", "-1", "1.5", "9" * 30, "\u0661"])
async def test_place_that_is_none_is_refused(admin: Admin, start: str) -> None:
    answer = await admin.call("GET", "audit", start=start)
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


async def test_export_is_recorded(admin: Admin, alice: Account) -> None:
    exported = await admin.call("GET", "accounts/alice/export")
    assert exported.json["user_id"] == "@alice:localhost"
    assert exported.json["audit_events"][-1]["detail"] == {"by": "administrator"}
    await admin.did("alice", "exported")
