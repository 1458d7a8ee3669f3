"""What administrators do, asked of the domain itself: names, who is recorded, and all that is stored about a person."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.administration import COMMAND_LINE, Administrator
from ostiary.accounts.exporting import LEFT_OUT, SECTIONS
from ostiary.accounts.model import AuditEvent, AuditKind, Origin
from ostiary.accounts.records import as_owner_sees
from ostiary.accounts.values import AccountChange
from ostiary.api.errors import BadState, NotFound
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.config import MailConfig
from tests.world import PASSWORD, TABLES, Account, World, open_config, open_world, password_auth

ADMIN = Administrator()
ADDRESS = "alice@wonderland.example"


@pytest.fixture
async def mailing(tmp_path: Path) -> AsyncIterator[World]:
    """A server that sends mail."""
    mail = MailConfig(folder=str(tmp_path / "mail"), sender="a@b.example")
    async with open_world(open_config(tmp_path, mail=mail)) as world:
        yield world


async def live(world: World) -> Account:
    """An account whose owner has left something in every table that is about people."""
    services = world.services
    alice = await world.register("alice")
    await world.relogin(alice, device_id="PHONE")
    await services.administration.add_threepid("alice", "email", ADDRESS, ADMIN)
    await world.sql(
        "INSERT INTO threepid_bindings (localpart, medium, address, id_server) "
        "VALUES ('alice', 'email', :address, 'id.example')",
        address=ADDRESS,
    )
    await world.sql("INSERT INTO consents (localpart, policy, version, agreed_at) VALUES ('alice', 'terms', '1', 5)")
    token = alice.access_token
    await world.call("PUT", f"v3/profile/{alice.user_id}/displayname", {"displayname": "Alice"}, token=token)
    await world.call("POST", f"v3/user/{alice.user_id}/openid/request_token", {}, token=token)
    got = await world.call("POST", "v1/login/get_token", {"auth": password_auth(alice)}, token=token)
    assert got.status == 200
    reset = {"client_secret": "secret", "email": ADDRESS, "send_attempt": 1}
    assert (await world.call("POST", "v3/account/password/email/requestToken", reset)).status == 200
    await services.invitations.invite(ADDRESS, None, lifetime_ms=60_000)
    assert (await world.call("POST", "v3/delete_devices", {"devices": ["PHONE"]}, token=token)).status == 401
    return alice


class TestExport:
    async def test_every_table_is_in_it_or_left_out_for_a_reason(self, mailing: World) -> None:
        await live(mailing)
        exported = await mailing.services.administration.export("alice", ADMIN)
        assert set(SECTIONS) | set(LEFT_OUT) == set(TABLES)
        assert not set(SECTIONS) & set(LEFT_OUT)
        for table, section in SECTIONS.items():
            assert await mailing.sql(f"SELECT * FROM {table}"), f"{table} is not tried"
            assert exported[section], table
        assert set(exported) == {*SECTIONS.values(), "user_id", "exported_at"}

    async def test_rows_of_a_person_are_all_there(self, mailing: World) -> None:
        await live(mailing)
        await mailing.register("bob")
        exported = await mailing.services.administration.export("alice", ADMIN)
        for table in ("devices", "sessions", "audit_events", "consents", "threepid_bindings", "login_tokens"):
            rows = await mailing.sql(f"SELECT * FROM {table} WHERE localpart = 'alice'")
            assert len(exported[SECTIONS[table]]) == len(rows), table
        for table, whose in (("validations", "address"), ("outbox", "address")):
            rows = await mailing.sql(f"SELECT * FROM {table} WHERE {whose} = :address", address=ADDRESS)
            assert len(exported[SECTIONS[table]]) == len(rows), table
        assert exported["profile"]["displayname"] == "Alice"
        assert "bob" not in json.dumps(exported)

    async def test_holds_no_secret(self, mailing: World) -> None:
        alice = await live(mailing)
        text = json.dumps(await mailing.services.administration.export("alice", ADMIN))
        assert "argon2" not in text
        for secret in (alice.access_token, alice.refresh_token or "", PASSWORD):
            assert secret not in text
        digests = await mailing.sql("SELECT secret_digest FROM validations")
        assert all(bytes(digest).hex() not in text for (digest,) in digests)

    async def test_has_the_whole_record_however_long(self, world: World, alice: Account) -> None:
        for number in range(1100):
            event = AuditEvent(AuditKind.LOGGED_IN, Localpart("alice"), world.clock.now(), detail={"number": number})
            await world.services.store.record(event)
        events = (await world.services.administration.export("alice", ADMIN))["audit_events"]
        assert [event["detail"].get("number") for event in events] == [None, *range(1100), None]

    async def test_is_on_record_and_tells_nothing_of_administrators(self, world: World, alice: Account) -> None:
        admin = Administrator(Localpart("root"), Origin("198.51.100.7", "Admin/1"))
        exported = await world.services.administration.export("@alice:localhost", admin)
        assert exported["audit_events"][-1]["kind"] == "exported"
        assert "root" not in json.dumps(exported)
        assert "198.51.100.7" not in json.dumps(exported)

    async def test_profile_of_a_deactivated_account_is_still_there(self, mailing: World) -> None:
        await live(mailing)
        await mailing.services.administration.deactivate("alice", ADMIN, erase=False)
        assert (await mailing.services.administration.export("alice", ADMIN))["profile"]["displayname"] == "Alice"


class TestRecord:
    async def test_what_the_command_line_does_is_recorded_as_its(self, world: World, alice: Account) -> None:
        administration = world.services.administration
        await administration.create("bob", Secret(PASSWORD), ADMIN)
        await administration.change("alice", AccountChange(is_locked=True), ADMIN)
        await administration.add_threepid("alice", "email", ADDRESS, ADMIN)
        await administration.remove_threepid("alice", "email", ADDRESS, ADMIN)
        await administration.set_password("alice", Secret("another password"), ADMIN, logout_devices=False)
        await administration.delete_device("alice", alice.device_id, ADMIN)
        await administration.end_sessions("alice", ADMIN)
        await administration.deactivate("alice", ADMIN, erase=False)
        await administration.reactivate("alice", None, ADMIN)
        page = await administration.events(None, None, 100, newest_first=False)
        done = [one.event for one in page.items][1:]
        assert [event.kind.value for event in done] == [
            "registered", "locked", "address_added", "address_removed", "password_changed", "devices_deleted",
            "logged_out_everywhere", "deactivated", "reactivated",
        ]  # fmt: skip
        assert {event.detail["by"] for event in done} == {COMMAND_LINE}
        assert {event.origin for event in done} == {Origin()}

    async def test_address_is_removed_only_once(self, world: World, alice: Account) -> None:
        await world.services.administration.add_threepid("alice", "email", ADDRESS, ADMIN)
        assert await world.services.administration.remove_threepid("alice", "email", ADDRESS, ADMIN)
        with pytest.raises(NotFound):
            await world.services.administration.remove_threepid("alice", "email", ADDRESS, ADMIN)

    @pytest.mark.parametrize(
        ("kind", "detail", "hidden"),
        [
            (AuditKind.LOGGED_IN, {"by": "password"}, False),
            (AuditKind.DEACTIVATED, {"by": "owner"}, False),
            (AuditKind.LOCKED, {"by": "alice"}, False),
            (AuditKind.REGISTERED, {"kind": "user"}, False),
            (AuditKind.LOCKED, {"by": "root"}, True),
            (AuditKind.REGISTERED, {"kind": "user", "by": COMMAND_LINE}, True),
        ],
    )
    def test_owner_sees_where_they_were_and_not_where_administrators_were(
        self, kind: AuditKind, detail: dict[str, Any], hidden: bool
    ) -> None:
        event = AuditEvent(kind, Localpart("alice"), 1, Origin("192.0.2.1", "Nemo/1"), detail)
        seen = as_owner_sees(event)
        assert (seen == event) is not hidden
        assert (seen.origin == Origin()) is hidden
        assert seen.detail.keys() == detail.keys()

    async def test_rejected_account_has_a_record_still(self, world: World, alice: Account) -> None:
        await world.sql("UPDATE accounts SET awaits_approval = 1")
        await world.services.administration.reject("alice", ADMIN)
        page = await world.services.administration.events("alice", None, 10, newest_first=True)
        assert page.items[0].event.kind is AuditKind.REJECTED
        with pytest.raises(NotFound):
            await world.services.administration.events("nobody", None, 10, newest_first=True)


async def test_names_of_before_are_found_as_they_stand(world: World, alice: Account) -> None:
    administration = world.services.administration
    await administration.create("bob", None, ADMIN)
    await world.sql("UPDATE accounts SET localpart = 'Bob' WHERE localpart = 'bob'")
    assert (await administration.get("Bob")).localpart == "Bob"
    assert (await administration.get("ALICE")).localpart == "alice"
    with pytest.raises(NotFound):
        await administration.get("bob")


async def test_two_administrators_reject_only_once(world: World, alice: Account) -> None:
    await world.sql("UPDATE accounts SET awaits_approval = 1")
    await world.services.administration.reject("alice", ADMIN)
    with pytest.raises(NotFound):
        await world.services.administration.reject("alice", ADMIN)


async def test_specs_own_calls_go_the_same_way_and_are_recorded(world: World, alice: Account) -> None:
    root = await world.register("root")
    path = "v1/admin/lock/@alice:localhost"
    assert (await world.call("PUT", path, {"locked": True}, token=root.access_token)).status == 403
    await world.services.administration.change("root", AccountChange(is_admin=True), ADMIN)
    assert (await world.call("PUT", path, {"locked": True}, token=root.access_token)).json == {"locked": True}
    assert (await world.whoami(alice.access_token)).errcode == "M_USER_LOCKED"
    own = await world.call("PUT", "v1/admin/lock/@root:localhost", {"locked": True}, token=root.access_token)
    assert own.status == 403
    page = await world.services.administration.events("alice", None, 1, newest_first=True)
    assert (page.items[0].event.kind, page.items[0].event.detail) == (AuditKind.LOCKED, {"by": "root"})


async def test_owner_who_erases_leaves_no_trace(world: World, alice: Account) -> None:
    body = {"erase": True, "auth": password_auth(alice)}
    assert (await world.call("POST", "v3/account/deactivate", body, token=alice.access_token)).status == 200
    assert world.address not in await world.everything_stored()


async def test_erased_at_once_leaves_no_trace_of_where_it_was_used(world: World, alice: Account) -> None:
    await world.services.administration.deactivate("alice", ADMIN, erase=True)
    assert world.address not in await world.everything_stored()
    with pytest.raises(BadState):
        await world.services.administration.deactivate("alice", ADMIN, erase=False)
