"""The devices, sessions and addresses of accounts over the admin API."""

from typing import Any

import pytest

from tests.server.handlers.administration.conftest import Admin
from tests.world import Account, World


class TestDevices:
    async def test_are_listed_with_when_they_were_seen(self, world: World, admin: Admin, alice: Account) -> None:
        phone = await world.relogin(alice, device_id="PHONE", initial_device_display_name="phone")
        await world.raw("GET", "v3/account/whoami", token=phone.access_token, headers=(("User-Agent", "Nemo/1"),))
        listed = (await admin.call("GET", "accounts/alice/devices")).json["devices"]
        assert {"device_id": alice.device_id} in listed
        assert {
            "device_id": "PHONE", "display_name": "phone", "last_seen_ip": world.address,
            "last_seen_at": world.clock.now(), "last_seen_user_agent": "Nemo/1",
        } in listed  # fmt: skip

    async def test_one_is_logged_out(self, world: World, admin: Admin, alice: Account) -> None:
        phone = await world.relogin(alice, device_id="PH/NE")
        assert (await admin.call("DELETE", "accounts/alice/devices/PH%2FNE")).json == {}
        assert await admin.did("alice", "devices_deleted") == {"by": "root", "device_ids": ["PH/NE"]}
        assert (await world.whoami(phone.access_token)).status == 401
        assert (await world.whoami(alice.access_token)).status == 200
        again = await admin.call("DELETE", "accounts/alice/devices/PH%2FNE")
        assert (again.status, again.errcode) == (404, "M_NOT_FOUND")


class TestSessions:
    async def test_open_ones_are_listed_and_ended(self, world: World, admin: Admin, alice: Account) -> None:
        phone = await world.relogin(alice, device_id="PHONE", initial_device_display_name="phone")
        await world.whoami(phone.access_token)
        gone = await world.relogin(alice)
        await world.call("POST", "v3/logout", {}, token=gone.access_token)
        first, second = (await admin.call("GET", "accounts/alice/sessions")).json["sessions"]
        assert first["device_id"] == alice.device_id
        assert first.keys() == {"session_id", "device_id", "created_at"}
        assert (second["device_id"], second["device_name"], second["last_seen_at"]) == (
            "PHONE", "phone", world.clock.now(),
        )  # fmt: skip
        assert (await admin.call("DELETE", "accounts/alice/sessions")).json == {"ended": 2}
        assert await admin.did("alice", "logged_out_everywhere") == {"by": "root"}
        for token in (alice.access_token, phone.access_token):
            assert (await world.whoami(token)).errcode == "M_UNKNOWN_TOKEN"
        assert (await admin.call("GET", "accounts/alice/sessions")).json == {"sessions": []}
        assert (await world.login("alice")).status == 200


class TestThreepids:
    async def test_are_added_listed_and_removed(self, world: World, admin: Admin, alice: Account) -> None:
        path, now = "accounts/alice/threepids", world.clock.now()
        added = await admin.call("POST", path, {"medium": "email", "address": "Alice@Example.org"})
        mail = {"medium": "email", "address": "alice@example.org", "validated_at": now, "added_at": now}
        assert added.json == mail
        assert await admin.did("alice", "address_added") == {"medium": "email", "by": "root"}
        phone = {"medium": "msisdn", "address": "+447700900001"}
        assert (await admin.call("POST", path, phone)).json["address"] == "447700900001"
        assert (await admin.call("GET", path)).json["threepids"][0] == mail
        removed = await admin.call("DELETE", f"{path}/email/ALICE@example.org")
        assert removed.json == {"id_server_unbind_result": "success"}
        assert await admin.did("alice", "address_removed") == {"medium": "email", "by": "root"}
        left = (await admin.call("GET", path)).json["threepids"]
        assert [one["medium"] for one in left] == ["msisdn"]
        assert (await admin.call("DELETE", f"{path}/email/alice@example.org")).errcode == "M_NOT_FOUND"

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({"medium": "email"}, "M_MISSING_PARAM"),
            ({"medium": "fax", "address": "1"}, "M_INVALID_PARAM"),
            ({"medium": "email", "address": "nobody"}, "M_INVALID_PARAM"),
            ({"medium": "msisdn", "address": "07700 900001"}, "M_INVALID_PARAM"),
            ({"medium": "email", "address": "bob@example.org"}, "M_THREEPID_IN_USE"),
        ],
    )
    async def test_what_is_no_address_or_anothers_is_refused(
        self, world: World, admin: Admin, alice: Account, body: dict[str, Any], errcode: str
    ) -> None:
        await world.register("bob")
        taken = {"medium": "email", "address": "bob@example.org"}
        assert (await admin.call("POST", "accounts/bob/threepids", taken)).status == 200
        answer = await admin.call("POST", "accounts/alice/threepids", body)
        assert (answer.status, answer.errcode) == (400, errcode)

    async def test_deactivated_account_gets_none(self, admin: Admin, alice: Account) -> None:
        await admin.call("POST", "accounts/alice/deactivate", {})
        body = {"medium": "email", "address": "alice@example.org"}
        assert (await admin.call("POST", "accounts/alice/threepids", body)).errcode == "M_BAD_STATE"

    async def test_other_medium_is_none(self, admin: Admin, alice: Account) -> None:
        assert (await admin.call("DELETE", "accounts/alice/threepids/fax/1")).errcode == "M_INVALID_PARAM"
