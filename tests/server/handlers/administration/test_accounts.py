"""Accounts over the admin API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import AppservicesConfig, MailConfig, RegistrationConfig
from tests.server.handlers.administration.conftest import Admin, make_admin
from tests.server.handlers.test_every_refusal import REGISTRATION
from tests.world import PASSWORD, Account, World, open_config, open_world

CHANGES = [
    ("admin", "admin", "made_admin", "no_longer_admin"),
    ("locked", "locked", "locked", "unlocked"),
    ("suspended", "suspended", "suspended", "unsuspended"),
]


class TestList:
    async def test_pages_lead_through_all_accounts_both_ways(self, world: World, admin: Admin) -> None:
        for name in ("alice", "bob", "carol", "dave"):
            await world.register(name)
        everybody = [f"@{name}:localhost" for name in ("alice", "bob", "carol", "dave", "root")]
        for direction, wanted in (("f", everybody), ("b", everybody[::-1])):
            found: list[str] = []
            query = {"limit": "2", "dir": direction}
            while True:
                answer = await admin.call("GET", "accounts", **query)
                assert len(answer.json["accounts"]) <= 2
                found += [account["user_id"] for account in answer.json["accounts"]]
                if "next_batch" not in answer.json:
                    break
                query["start"] = answer.json["next_batch"]
            assert found == wanted

    async def test_page_that_ends_with_the_last_account_has_no_next(self, world: World, admin: Admin) -> None:
        await world.register("alice")
        assert "next_batch" not in (await admin.call("GET", "accounts", limit="2")).json
        assert (await admin.call("GET", "accounts", limit="1")).json["next_batch"] == "alice"

    @pytest.mark.parametrize(
        "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"dir": "up"}, {"waiting": "x"}, {"start": "\0"}]
    )
    async def test_query_that_cannot_be_is_refused(self, admin: Admin, query: dict[str, str]) -> None:
        answer = await admin.call("GET", "accounts", **query)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
        name = next(iter(query)).replace("start", "from")
        assert f"'{name}'" in answer.json["error"]


class TestOne:
    @pytest.mark.parametrize("name", ["alice", "ALICE", "@alice:localhost", "%40alice%3Alocalhost"])
    async def test_is_found_by_localpart_and_by_user_id(self, admin: Admin, alice: Account, name: str) -> None:
        assert (await admin.call("GET", f"accounts/{name}")).json == {
            "user_id": "@alice:localhost", "kind": "user", "state": "active", "admin": False, "locked": False,
            "suspended": False, "expired": False, "awaits_approval": False, "erased": False, "has_password": True,
            "created_at": admin.world.clock.now(),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "status", "errcode"),
        [
            ("nobody", 404, "M_NOT_FOUND"), ("@nobody:localhost", 404, "M_NOT_FOUND"),
            ("@alice:elsewhere.example", 400, "M_INVALID_PARAM"), ("@alice", 400, "M_INVALID_PARAM"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("method", "more", "body"),
        [
            ("GET", "", None), ("PUT", "/locked", {"locked": True}), ("PUT", "/admin", {"admin": True}),
            ("PUT", "/suspended", {"suspended": True}), ("PUT", "/expiry", {}), ("POST", "/approve", None),
            ("POST", "/reject", None), ("POST", "/deactivate", {}), ("POST", "/reactivate", {}),
            ("PUT", "/password", {"password": PASSWORD}), ("GET", "/export", None), ("GET", "/devices", None),
            ("DELETE", "/devices/X", None), ("GET", "/sessions", None), ("DELETE", "/sessions", None),
            ("GET", "/threepids", None), ("POST", "/threepids", {"medium": "email", "address": "a@b.c"}),
            ("DELETE", "/threepids/email/a@b.c", None), ("GET", "/audit", None),
        ],
    )  # fmt: skip
    async def test_one_that_is_not_there_is_told_so(
        self, admin: Admin, name: str, status: int, errcode: str, method: str, more: str, body: Any
    ) -> None:
        answer = await admin.call(method, f"accounts/{name}{more}", body)
        assert (answer.status, answer.errcode) == (status, errcode)


class TestCreate:
    async def test_makes_an_account_to_log_in_to(self, world: World, admin: Admin) -> None:
        answer = await admin.call("POST", "accounts", {"username": "Bob", "password": PASSWORD, "admin": True})
        assert answer.status == 200
        assert (answer.json["user_id"], answer.json["admin"]) == ("@bob:localhost", True)
        assert await admin.did("bob", "registered") == {"kind": "user", "by": "root"}
        assert (await world.login("bob")).status == 200

    async def test_names_of_an_application_service_are_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "bridge.yaml").write_text(REGISTRATION, encoding="utf-8")
        config = open_config(tmp_path, appservices=AppservicesConfig(files=(str(tmp_path / "bridge.yaml"),)))
        async with open_world(config) as world:
            answer = await (await make_admin(world)).call("POST", "accounts", {"username": "bridge"})
            assert (answer.status, answer.errcode) == (400, "M_EXCLUSIVE")

    async def test_needs_no_password(self, world: World, admin: Admin) -> None:
        assert (await admin.call("POST", "accounts", {"username": "bot"})).json["has_password"] is False
        assert (await world.login("bot")).status == 403

    @pytest.mark.parametrize(
        ("body", "errcode"),
        [
            ({}, "M_MISSING_PARAM"),
            ({"username": 1}, "M_BAD_JSON"),
            ({"username": "a b"}, "M_INVALID_USERNAME"),
            ({"username": "root"}, "M_USER_IN_USE"),
            ({"username": "bob", "password": "short"}, "M_WEAK_PASSWORD"),
        ],
    )
    async def test_what_cannot_be_is_refused(self, admin: Admin, body: dict[str, Any], errcode: str) -> None:
        answer = await admin.call("POST", "accounts", body)
        assert (answer.status, answer.errcode) == (400, errcode)


class TestChange:
    @pytest.mark.parametrize(("path", "field", "done", "undone"), CHANGES)
    async def test_is_made_taken_back_and_recorded(
        self, admin: Admin, alice: Account, path: str, field: str, done: str, undone: str
    ) -> None:
        for value, kind in ((True, done), (False, undone)):
            answer = await admin.call("PUT", f"accounts/alice/{path}", {field: value})
            assert answer.status == 200
            assert answer.json[field] is value
            await admin.did("alice", kind)

    async def test_lock_and_expiry_rest_sessions_at_once(self, world: World, admin: Admin, alice: Account) -> None:
        assert (await world.whoami(alice.access_token)).status == 200
        await admin.call("PUT", "accounts/alice/locked", {"locked": True})
        assert (await world.whoami(alice.access_token)).errcode == "M_USER_LOCKED"
        await admin.call("PUT", "accounts/alice/locked", {"locked": False})
        assert (await world.whoami(alice.access_token)).status == 200
        answer = await admin.call("PUT", "accounts/alice/expiry", {"expires_at": world.clock.now()})
        assert (answer.json["expired"], answer.json["state"]) == (True, "expired")
        assert (await world.whoami(alice.access_token)).errcode == "M_USER_LOCKED"
        assert await admin.did("alice", "expiry_set") == {"by": "root", "expires_at": world.clock.now()}
        answer = await admin.call("PUT", "accounts/alice/expiry", {})
        assert "expires_at" not in answer.json
        assert await admin.did("alice", "expiry_set") == {"by": "root", "expires_at": None}
        assert (await world.whoami(alice.access_token)).status == 200

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "locked", {"locked": True}), ("PUT", "suspended", {"suspended": True}),
            ("PUT", "admin", {"admin": False}), ("PUT", "expiry", {"expires_at": 1}), ("POST", "deactivate", {}),
        ],
    )  # fmt: skip
    async def test_nobody_shuts_themselves_out(self, admin: Admin, method: str, path: str, body: Any) -> None:
        answer = await admin.call(method, f"accounts/root/{path}", body)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await admin.call("GET", "accounts/root")).json["state"] == "active"


class TestEnd:
    async def test_deactivated_account_can_be_had_back(self, world: World, admin: Admin, alice: Account) -> None:
        ended = await admin.call("POST", "accounts/alice/deactivate", {})
        assert (ended.json["state"], ended.json["deactivated_at"]) == ("deactivated", world.clock.now())
        assert await admin.did("alice", "deactivated") == {"by": "root", "erase": False}
        assert (await world.whoami(alice.access_token)).errcode == "M_UNKNOWN_TOKEN"
        assert (await admin.call("POST", "accounts/alice/deactivate", {})).errcode == "M_BAD_STATE"
        weak = await admin.call("POST", "accounts/alice/reactivate", {"password": "short"})
        assert weak.errcode == "M_WEAK_PASSWORD"
        again = await admin.call("POST", "accounts/alice/reactivate", {"password": "another password"})
        assert again.json["state"] == "active"
        await admin.did("alice", "reactivated")
        assert (await world.login("alice", "another password")).status == 200
        assert (await admin.call("POST", "accounts/alice/reactivate", {})).errcode == "M_BAD_STATE"

    async def test_ended_account_can_be_erased_later(self, world: World, admin: Admin, alice: Account) -> None:
        name = {"displayname": "Alice Liddell"}
        await world.call("PUT", f"v3/profile/{alice.user_id}/displayname", name, token=alice.access_token)
        await admin.call("POST", "accounts/alice/deactivate", {})
        assert "Alice Liddell" in await world.everything_stored()
        assert (await admin.call("POST", "accounts/alice/deactivate", {"erase": True})).json["erased"] is True
        assert "Alice Liddell" not in await world.everything_stored()
        assert (await admin.call("POST", "accounts/alice/deactivate", {"erase": True})).errcode == "M_BAD_STATE"


class TestPassword:
    async def test_is_set_and_sessions_end_unless_they_are_kept(
        self, world: World, admin: Admin, alice: Account
    ) -> None:
        body: dict[str, Any] = {"password": "another password", "logout_devices": False}
        assert (await admin.call("PUT", "accounts/alice/password", body)).json == {}
        assert (await world.whoami(alice.access_token)).status == 200
        assert (await world.login("alice", "another password")).status == 200
        assert (await admin.call("PUT", "accounts/alice/password", {"password": "a third password"})).json == {}
        assert (await world.whoami(alice.access_token)).status == 401
        assert (await admin.did("alice", "password_changed"))["logout_devices"] is True
        assert "third" not in await world.everything_stored()

    async def test_is_refused_where_it_is_weak_or_nobody_could_use_it(self, admin: Admin, alice: Account) -> None:
        assert (await admin.call("PUT", "accounts/alice/password", {"password": "short"})).errcode == "M_WEAK_PASSWORD"
        await admin.call("POST", "accounts/alice/deactivate", {})
        answer = await admin.call("PUT", "accounts/alice/password", {"password": PASSWORD})
        assert answer.errcode == "M_BAD_STATE"


class TestApproval:
    @pytest.fixture
    async def waiting(self, tmp_path: Path) -> AsyncIterator[Admin]:
        """A server where bob waits for approval, and has a mail address."""
        config = open_config(tmp_path, mail=MailConfig(folder=str(tmp_path), sender="a@b.example", notices=()))
        async with open_world(config) as world:
            admin = await make_admin(world)
            await world.register("carol")
            yield admin

    async def wait(self, admin: Admin, name: str) -> None:
        """Have an account that waits, as a registration makes it where accounts need approval."""
        answer = await admin.call("POST", "accounts", {"username": name, "password": PASSWORD})
        assert answer.status == 200
        address = {"medium": "email", "address": f"{name}@example.org"}
        assert (await admin.call("POST", f"accounts/{name}/threepids", address)).status == 200
        await admin.world.sql(
            "UPDATE accounts SET awaits_approval = 1, state = 'awaiting_approval' WHERE localpart = :name", name=name
        )

    async def test_those_who_wait_are_listed_both_ways(self, waiting: Admin) -> None:
        for name in ("bob", "dave", "erin"):
            await self.wait(waiting, name)
        for direction, wanted in (("f", "bob dave erin"), ("b", "erin dave bob")):
            answer = await waiting.call("GET", "accounts", waiting="true", dir=direction)
            assert [one["user_id"][1:].partition(":")[0] for one in answer.json["accounts"]] == wanted.split()
        answer = await waiting.call("GET", "accounts", waiting="true", limit="1", start="bob")
        assert (answer.json["accounts"][0]["user_id"], answer.json["next_batch"]) == ("@dave:localhost", "dave")

    async def test_approved_account_is_used_and_its_owner_told(self, waiting: Admin) -> None:
        await self.wait(waiting, "bob")
        assert (await waiting.world.login("bob")).status == 403
        assert (await waiting.call("POST", "accounts/bob/approve")).json["state"] == "active"
        await waiting.did("bob", "approved")
        assert (await waiting.world.login("bob")).status == 200
        assert await waiting.world.sql("SELECT kind, address FROM outbox") == [("approved", "bob@example.org")]

    async def test_rejected_account_is_gone_and_its_owner_told(self, waiting: Admin) -> None:
        await self.wait(waiting, "bob")
        assert (await waiting.call("POST", "accounts/bob/reject")).json == {}
        assert (await waiting.call("GET", "accounts/bob")).status == 404
        await waiting.did("bob", "rejected")
        assert await waiting.world.sql("SELECT kind, address FROM outbox") == [("rejected", "bob@example.org")]
        await waiting.world.register("bob")

    @pytest.mark.parametrize("path", ["approve", "reject"])
    async def test_who_does_not_wait_is_neither(self, waiting: Admin, path: str) -> None:
        answer = await waiting.call("POST", f"accounts/carol/{path}")
        assert (answer.status, answer.errcode) == (400, "M_BAD_STATE")

    async def test_registration_that_has_to_be_approved_waits(self, tmp_path: Path) -> None:
        config = open_config(tmp_path, registration=RegistrationConfig(enabled=True, approval=True))
        async with open_world(config) as world:
            body = {"username": "bob", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
            assert (await world.call("POST", "v3/register", body)).status == 403
            page = await world.services.administration.list(None, 10, waiting=True)
            assert [account.localpart for account in page.items] == ["bob"]
