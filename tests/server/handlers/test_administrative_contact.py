"""GET and POST /account/3pid, and its add, bind, delete and unbind."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.messages import Medium
from tests.server.handlers.test_validation import ADDRESS, NUMBER, SECRET, ask, ask_by_phone, give, sending, submit
from tests.world import Account, Answer, World, open_world, password_auth

LIST = "v3/account/3pid"


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    rules = getattr(request, "param", {"reveal_known": True})
    async with open_world(sending(tmp_path, **rules)) as opened:
        yield opened


async def listed(world: World, account: Account, version: str = "v3") -> list[tuple[str, str]]:
    answer = await world.call("GET", f"{version}/account/3pid", token=account.access_token)
    assert answer.status == 200
    return [(one["medium"], one["address"]) for one in answer.json["threepids"]]


async def validated(world: World, purpose: str = "add", address: str = ADDRESS) -> str:
    """A validation of a mail address; its sid."""
    sid: str = (await ask(world, purpose, address)).json["sid"]
    assert await world.follow((await world.messages())[-1]["link"])
    return sid


async def add(world: World, account: Account, sid: str, auth: Any = None, secret: str = SECRET) -> Answer:
    body = {"sid": sid, "client_secret": secret, "auth": password_auth(account) if auth is None else auth}
    return await world.call("POST", f"{LIST}/add", body, token=account.access_token)


class TestAdding:
    async def test_what_was_validated(self, world: World, alice: Account) -> None:
        assert await listed(world, alice) == []
        assert (await add(world, alice, await validated(world))).json == {}
        for version in ("v2_alpha", "r0", "v3"):
            assert await listed(world, alice, version) == [("email", ADDRESS)]

    async def test_is_told_to_the_addresses_that_were_there_before(self, world: World, alice: Account) -> None:
        await give(world, alice, "old@example.org")
        await add(world, alice, await validated(world))
        told = (await world.messages())[-1]
        assert (told["kind"], told["to"], told["added"]) == ("address_added", "old@example.org", ADDRESS)

    async def test_a_phone_number(self, world: World, alice: Account) -> None:
        sid = (await ask_by_phone(world, "add")).json["sid"]
        await submit(world, sid, (await world.messages())[-1]["code"])
        assert (await add(world, alice, sid)).status == 200
        assert await listed(world, alice) == [("msisdn", NUMBER)]

    async def test_asks_for_the_password(self, world: World, alice: Account) -> None:
        sid = await validated(world)
        body = {"sid": sid, "client_secret": SECRET}
        asked = await world.call("POST", f"{LIST}/add", body, token=alice.access_token)
        assert (asked.status, asked.json["flows"]) == (401, [{"stages": ["m.login.password"]}])
        assert await listed(world, alice) == []
        auth = password_auth(alice, asked.json["session"])
        assert (await add(world, alice, sid, auth)).status == 200

    async def test_before_the_link_was_followed(self, world: World, alice: Account) -> None:
        sid = (await ask(world, "add")).json["sid"]
        answer = await add(world, alice, sid)
        assert (answer.status, answer.errcode) == (403, "M_THREEPID_AUTH_FAILED")

    async def test_with_anothers_secret_or_sid(self, world: World, alice: Account) -> None:
        sid = await validated(world)
        for answer in (await add(world, alice, sid, secret="another"), await add(world, alice, "unknown")):
            assert (answer.status, answer.errcode) == (403, "M_THREEPID_AUTH_FAILED")

    async def test_a_validation_for_something_else(self, world: World, alice: Account) -> None:
        sid = await validated(world, "register")
        assert (await add(world, alice, sid)).errcode == "M_THREEPID_AUTH_FAILED"

    async def test_once(self, world: World, alice: Account) -> None:
        sid = await validated(world)
        await add(world, alice, sid)
        await world.call("POST", f"{LIST}/delete", {"medium": "email", "address": ADDRESS}, token=alice.access_token)
        assert (await add(world, alice, sid)).errcode == "M_THREEPID_AUTH_FAILED"

    async def test_an_address_has_one_account(self, world: World, alice: Account) -> None:
        sid = await validated(world)
        await give(world, await world.register("bob"))
        answer = await add(world, alice, sid)
        assert (answer.status, answer.errcode) == (400, "M_THREEPID_IN_USE")
        assert await listed(world, alice) == []

    @pytest.mark.parametrize("key", ["three_pid_creds", "threePidCreds"])
    @pytest.mark.parametrize("version", ["v2_alpha", "r0", "v3"])
    async def test_as_older_clients_do(self, world: World, alice: Account, key: str, version: str) -> None:
        creds = {"sid": await validated(world), "client_secret": SECRET}
        answer = await world.call("POST", f"{version}/account/3pid", {key: creds}, token=alice.access_token)
        assert (answer.status, answer.json) == (200, {})
        assert await listed(world, alice) == [("email", ADDRESS)]

    async def test_older_clients_are_refused_alike(self, world: World, alice: Account) -> None:
        creds = {"sid": (await ask(world, "add")).json["sid"], "client_secret": SECRET}
        early = await world.call("POST", LIST, {"three_pid_creds": creds}, token=alice.access_token)
        assert (early.status, early.errcode) == (403, "M_THREEPID_AUTH_FAILED")
        assert await world.follow((await world.messages())[-1]["link"])
        await give(world, await world.register("bob"))
        taken = await world.call("POST", LIST, {"three_pid_creds": creds}, token=alice.access_token)
        assert (taken.status, taken.errcode) == (400, "M_THREEPID_IN_USE")

    async def test_older_clients_may_not_name_any_server(self, world: World, alice: Account) -> None:
        creds = {"sid": "x", "client_secret": SECRET, "id_server": "evil.example", "id_access_token": "t"}
        answer = await world.call("POST", LIST, {"three_pid_creds": creds}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_SERVER_NOT_TRUSTED")

    @pytest.mark.parametrize("world", [{"add_without_password": False}], indirect=True)
    async def test_older_call_can_be_closed(self, world: World, alice: Account) -> None:
        """Or whoever has stolen a token adds an address, and sets a password by it."""
        sid = await validated(world)
        creds = {"sid": sid, "client_secret": SECRET}
        for version in ("v2_alpha", "r0", "v3"):
            body = {"three_pid_creds": creds}
            answer = await world.call("POST", f"{version}/account/3pid", body, token=alice.access_token)
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert await listed(world, alice) == []
        assert (await add(world, alice, sid)).status == 200

    @pytest.mark.parametrize("world", [{"changes": False}], indirect=True)
    async def test_can_be_forbidden(self, world: World, alice: Account) -> None:
        creds = {"sid": "x", "client_secret": SECRET}
        for answer in (
            await add(world, alice, "x"),
            await world.call("POST", LIST, {"three_pid_creds": creds}, token=alice.access_token),
            await world.call(
                "POST", f"{LIST}/delete", {"medium": "email", "address": ADDRESS}, token=alice.access_token
            ),
        ):
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        told = await world.call("GET", "v3/capabilities", token=alice.access_token)
        assert told.json["capabilities"]["m.3pid_changes"] == {"enabled": False}


class TestRemoving:
    @pytest.mark.parametrize("address", [ADDRESS, "ALICE@example.org"])
    async def test_takes_it_away_and_tells_its_owner(self, world: World, alice: Account, address: str) -> None:
        await give(world, alice)
        body = {"medium": "email", "address": address}
        answer = await world.call("POST", f"{LIST}/delete", body, token=alice.access_token)
        assert (answer.status, answer.json) == (200, {"id_server_unbind_result": "success"})
        assert await listed(world, alice) == []
        told = (await world.messages())[-1]
        assert (told["kind"], told["to"], told["removed"]) == ("address_removed", ADDRESS, ADDRESS)

    async def test_what_is_not_there(self, world: World, alice: Account) -> None:
        await give(world, await world.register("bob"))
        body = {"medium": "email", "address": ADDRESS}
        answer = await world.call("POST", f"{LIST}/delete", body, token=alice.access_token)
        assert answer.status == 200
        assert await world.services.store.find_owner(Medium.EMAIL, ADDRESS) == "bob"
        assert await world.messages() == []

    async def test_of_an_unknown_medium(self, world: World, alice: Account) -> None:
        for call in ("delete", "unbind"):
            body = {"medium": "pigeon", "address": ADDRESS}
            answer = await world.call("POST", f"{LIST}/{call}", body, token=alice.access_token)
            assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")

    async def test_suspended_accounts_may_not(self, world: World, alice: Account) -> None:
        await world.change(alice, is_suspended=True)
        for call in ("delete", "unbind"):
            body = {"medium": "email", "address": ADDRESS}
            answer = await world.call("POST", f"{LIST}/{call}", body, token=alice.access_token)
            assert (answer.status, answer.errcode) == (403, "M_USER_SUSPENDED")


class TestBinding:
    async def test_only_at_trusted_servers(self, world: World, alice: Account) -> None:
        body = {"sid": "x", "client_secret": SECRET, "id_server": "evil.example", "id_access_token": "t"}
        answer = await world.call("POST", f"{LIST}/bind", body, token=alice.access_token)
        assert (answer.status, answer.errcode) == (400, "M_SERVER_NOT_TRUSTED")

    async def test_unbinding_what_is_bound_nowhere(self, world: World, alice: Account) -> None:
        body = {"medium": "email", "address": ADDRESS}
        answer = await world.call("POST", f"{LIST}/unbind", body, token=alice.access_token)
        assert (answer.status, answer.json) == (200, {"id_server_unbind_result": "no-support"})


class TestLoggingIn:
    async def test_by_any_spelling_of_the_address(self, world: World, alice: Account) -> None:
        await give(world, alice)
        await give(world, alice, NUMBER, "msisdn")
        identifiers: list[dict[str, Any]] = [
            {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "Alice@Example.org"}},
            {"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": NUMBER}},
            {"identifier": {"type": "m.id.phone", "country": "DE", "phone": "030 123456"}},
            {"identifier": {"type": "m.id.phone", "country": "DE", "number": "030 123456"}},
            {"medium": "email", "address": ADDRESS},
        ]
        for identifier in identifiers:
            body = {"type": "m.login.password", "password": alice.password, **identifier}
            answer = await world.call("POST", "v3/login", body)
            assert (answer.status, answer.json.get("user_id")) == (200, alice.user_id), identifier

    async def test_strangers_learn_nothing(self, world: World, alice: Account) -> None:
        await give(world, alice)
        told = set()
        for address in (ADDRESS, "nobody@example.org", "nonsense"):
            identifier = {"type": "m.id.thirdparty", "medium": "email", "address": address}
            body = {"type": "m.login.password", "password": "wrong", "identifier": identifier}
            answer = await world.call("POST", "v3/login", body)
            told.add((answer.status, str(answer.json)))
        assert len(told) == 1

    async def test_signing_in_on_a_new_device_is_told(self, world: World, alice: Account) -> None:
        await give(world, alice)
        await world.relogin(alice, device_id=alice.device_id)
        assert await world.messages() == []
        await world.relogin(alice, initial_device_display_name="Phone")
        (told,) = await world.messages()
        assert (told["kind"], told["to"], told["device"]) == ("signed_in", ADDRESS, "Phone")


class TestResetting:
    NEW = "a quite different passphrase"

    async def reset(self, world: World, sid: str, **fields: Any) -> Answer:
        creds = {"sid": sid, "client_secret": SECRET}
        auth = {"type": "m.login.email.identity", "threepid_creds": creds}
        return await world.call("POST", "v3/account/password", {"new_password": self.NEW, "auth": auth, **fields})

    async def test_by_mail(self, world: World, alice: Account) -> None:
        await give(world, alice)
        sid = await validated(world, "reset")
        assert (await self.reset(world, sid)).json == {}
        assert (await world.login("alice")).errcode == "M_FORBIDDEN"
        assert (await world.login("alice", self.NEW)).status == 200
        assert (await world.whoami(alice.access_token)).errcode == "M_UNKNOWN_TOKEN"
        assert (await world.messages())[-1]["kind"] in ("password_changed", "signed_in")
        assert "password_changed" in [one["kind"] for one in await world.messages()]
        again = await self.reset(world, sid)
        assert again.status == 401

    async def test_by_phone(self, world: World, alice: Account) -> None:
        await give(world, alice, NUMBER, "msisdn")
        sid = (await ask_by_phone(world, "reset")).json["sid"]
        await submit(world, sid, (await world.messages())[-1]["code"])
        auth = {"type": "m.login.msisdn", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
        body = {"new_password": self.NEW, "auth": auth, "logout_devices": False}
        assert (await world.call("POST", "v3/account/password", body)).status == 200
        assert (await world.whoami(alice.access_token)).status == 200

    async def test_while_the_person_has_not_clicked(self, world: World, alice: Account) -> None:
        await give(world, alice)
        sid = (await ask(world, "reset")).json["sid"]
        answer = await self.reset(world, sid)
        assert (answer.status, answer.errcode) == (401, "M_THREEPID_AUTH_FAILED")
        assert answer.json["flows"] == [
            {"stages": ["m.login.password"]},
            {"stages": ["m.login.email.identity"]},
            {"stages": ["m.login.msisdn"]},
        ]
        assert await world.follow((await world.messages())[-1]["link"])
        creds = {"sid": sid, "client_secret": SECRET}
        auth = {"type": "m.login.email.identity", "threepid_creds": creds, "session": answer.json["session"]}
        assert (await self.reset(world, sid, auth=auth)).status == 200

    async def test_older_spelling_of_the_credentials(self, world: World, alice: Account) -> None:
        await give(world, alice)
        creds = {"sid": await validated(world, "reset"), "client_secret": SECRET, "id_server": "localhost"}
        auth = {"type": "m.login.email.identity", "threepidCreds": creds}
        body = {"new_password": self.NEW, "auth": auth}
        assert (await world.call("POST", "r0/account/password", body)).status == 200

    async def test_a_validation_to_register_or_add_resets_nothing(self, world: World, alice: Account) -> None:
        for purpose in ("register", "add"):
            sid = await validated(world, purpose, f"{purpose}@example.org")
            assert (await self.reset(world, sid)).errcode == "M_THREEPID_AUTH_FAILED"

    async def test_an_address_taken_away_meanwhile(self, world: World, alice: Account) -> None:
        await give(world, alice)
        sid = await validated(world, "reset")
        body = {"medium": "email", "address": ADDRESS}
        await world.call("POST", f"{LIST}/delete", body, token=alice.access_token)
        assert (await self.reset(world, sid)).errcode == "M_THREEPID_AUTH_FAILED"

    async def test_locked_accounts_stay_locked(self, world: World, alice: Account) -> None:
        await give(world, alice)
        sid = await validated(world, "reset")
        await world.change(alice, is_locked=True)
        await self.reset(world, sid)
        assert (await world.login("alice", self.NEW)).errcode == "M_USER_LOCKED"

    async def test_a_weak_password_uses_nothing_up(self, world: World, alice: Account) -> None:
        await give(world, alice)
        sid = await validated(world, "reset")
        weak = await self.reset(world, sid, new_password="short")
        assert (weak.status, weak.errcode) == (400, "M_WEAK_PASSWORD")
        assert (await self.reset(world, sid)).status == 200
