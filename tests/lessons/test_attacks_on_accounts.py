"""Ways into an account, or to learn of one, that a review of this server has tried."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ostiary.config import FlowsConfig, Rate, RateConfig, RateLimitsConfig
from tests.server.handlers.test_validation import ADDRESS, NUMBER, SECRET, ask, ask_by_phone, give, sending, submit
from tests.world import PASSWORD, Account, World, open_world, password_auth

EMAIL = "m.login.email.identity"
MSISDN = "m.login.msisdn"
NEW_PASSWORD = "quite another passphrase"
DUMMY = {"type": "m.login.dummy"}
MINUTE_MS = 60_000


def credentials(kind: str, sid: str, session: str) -> Mapping[str, Any]:
    """The stage of an address, answered with its validation."""
    return {"type": kind, "session": session, "threepid_creds": {"sid": sid, "client_secret": SECRET}}


class TestStagesProvedTwoAccounts:
    """Of a flow with two stages, one was answered for the victim's account and the other for one's own."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        flows = FlowsConfig(reset_password=((EMAIL, MSISDN), ("m.login.password", EMAIL)))
        async with open_world(replace(sending(tmp_path), flows=flows)) as opened:
            yield opened

    @pytest.fixture
    async def victim(self, world: World) -> Account:
        """Whose mail the attacker reads, and no more."""
        alice = await world.register("alice")
        await give(world, alice)
        return alice

    async def _mail(self, world: World) -> str:
        sid: str = (await ask(world, "reset")).json["sid"]
        assert await world.follow((await world.messages())[-1]["link"])
        return sid

    async def _reset(self, world: World, auth: Any = None) -> Any:
        body = {"new_password": NEW_PASSWORD} | ({} if auth is None else {"auth": auth})
        return await world.call("POST", "v3/account/password", body)

    async def test_number_of_another_account(self, world: World, victim: Account) -> None:
        mallory = await world.register("mallory")
        await give(world, mallory, NUMBER, "msisdn")
        session = (await self._reset(world)).json["session"]
        first = await self._reset(world, credentials(EMAIL, await self._mail(world), session))
        assert first.json["completed"] == [EMAIL]
        sid = (await ask_by_phone(world, "reset")).json["sid"]
        assert (await submit(world, sid, (await world.messages())[-1]["code"])).status == 200
        answer = await self._reset(world, credentials(MSISDN, sid, session))
        assert (answer.status, answer.json["errcode"], answer.json["completed"]) == (401, "M_FORBIDDEN", [EMAIL])
        assert (await world.login("alice", PASSWORD)).status == 200

    async def test_password_of_another_account(self, world: World, victim: Account) -> None:
        mallory = await world.register("mallory")
        session = (await self._reset(world, password_auth(mallory))).json["session"]
        answer = await self._reset(world, credentials(EMAIL, await self._mail(world), session))
        assert (answer.status, answer.json["errcode"]) == (401, "M_FORBIDDEN")
        for name in ("alice", "mallory"):
            assert (await world.login(name, PASSWORD)).status == 200

    async def test_both_of_one_account_are_taken(self, world: World, victim: Account) -> None:
        session = (await self._reset(world, password_auth(victim))).json["session"]
        assert (await self._reset(world, credentials(EMAIL, await self._mail(world), session))).status == 200
        assert (await world.login("alice", NEW_PASSWORD)).status == 200


class TestLimitTellsWhoIsHere:
    """All who are not here had one limit together: once that was used up, 429 meant unknown and 403 known."""

    NAMED: ClassVar = {
        "email": ({"type": "m.id.thirdparty", "medium": "email", "address": ADDRESS},
                  {"type": "m.id.thirdparty", "medium": "email", "address": "nobody{}@example.org"}),
        "msisdn": ({"type": "m.id.thirdparty", "medium": "msisdn", "address": NUMBER},
                   {"type": "m.id.thirdparty", "medium": "msisdn", "address": "493012340{}"}),
        "phone": ({"type": "m.id.phone", "country": "DE", "phone": "030 123456"},
                  {"type": "m.id.phone", "country": "DE", "phone": "030 12340{}"}),
    }  # fmt: skip

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        wide, narrow = Rate(1000, 1000.0), Rate(3, 6.0)
        limits = RateLimitsConfig(login=RateConfig(wide, narrow), register=RateConfig(wide, wide))
        async with open_world(replace(sending(tmp_path), rate_limits=limits)) as opened:
            alice = await opened.register("alice")
            await give(opened, alice)
            await give(opened, alice, NUMBER, "msisdn")
            yield opened

    async def _try(self, world: World, identifier: Mapping[str, str]) -> int:
        body = {"type": "m.login.password", "identifier": identifier, "password": "wrong"}
        return (await world.call("POST", "v3/login", body)).status

    @pytest.mark.parametrize("way", sorted(NAMED))
    async def test_using_up_the_limit_of_others(self, world: World, way: str) -> None:
        known, unknown = self.NAMED[way]
        for number in range(10, 16):
            named = {name: text.format(number) for name, text in unknown.items()}
            assert await self._try(world, named) == 403
        assert await self._try(world, known) == 403

    @pytest.mark.parametrize("way", sorted(NAMED))
    async def test_each_has_the_limit_that_an_account_has(self, world: World, way: str) -> None:
        for identifier in self.NAMED[way]:
            named = {name: text.format(10) for name, text in identifier.items()}
            assert [await self._try(world, named) for _ in range(4)] == [403, 403, 403, 429]

    async def test_an_address_counts_for_its_account(self, world: World) -> None:
        """Or whoever knows an account's addresses could guess as often for each."""
        for identifier in (self.NAMED["email"][0], self.NAMED["phone"][0], self.NAMED["msisdn"][0]):
            assert await self._try(world, identifier) == 403
        assert await self._try(world, {"type": "m.id.user", "user": "alice"}) == 429


class TestAddressSpelledOtherwise:
    """Mail to another spelling of a host goes to the same mailbox, and got past the patterns of the denied."""

    SPELLINGS: ClassVar = (
        "alice@\uff45xample.org", "alice@example\u3002org", "alice@exa\u00admple.org", "alice@exa\u200bmple.org",
        "ALICE@EXAMPLE.ORG", "\u2003alice@example.org ", "alice@\u24d4xample.org",
    )  # fmt: skip

    @pytest.mark.parametrize("pattern", ["*@example.org", "*@EXAMPLE.org"])
    async def test_denied_host(self, tmp_path: Path, pattern: str) -> None:
        async with open_world(sending(tmp_path, denied=(pattern,))) as world:
            for address in self.SPELLINGS:
                answer = await ask(world, address=address)
                assert (answer.status, answer.errcode) == (403, "M_THREEPID_DENIED"), address
            assert await world.messages() == []

    async def test_second_account_of_a_mailbox(self, tmp_path: Path) -> None:
        async with open_world(sending(tmp_path, reveal_known=True)) as world:
            await give(world, await world.register("alice"))
            for address in self.SPELLINGS:
                answer = await ask(world, address=address)
                assert (answer.status, answer.errcode) == (400, "M_THREEPID_IN_USE"), address

    async def test_the_same_host_in_the_form_for_computers(self, tmp_path: Path) -> None:
        async with open_world(sending(tmp_path)) as world:
            first = await ask(world, address="alice@bücher.example")
            assert (await ask(world, address="alice@xn--bcher-kva.example")).json == first.json

    @pytest.mark.parametrize(
        "address", ["x@a\uff0e\uff0eb", "x@\u3002", "x@" + "\uff41" * 64 + ".org", "x@" + "ß" * 200]
    )
    async def test_host_that_there_cannot_be(self, tmp_path: Path, address: str) -> None:
        async with open_world(sending(tmp_path)) as world:
            assert (await ask(world, address=address)).errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize(
    ("address", "statuses"),
    [("4930\0", (400, 400)), ("x" * 60_000, (400, 400)), ("", (400, 400)), ("٤٩٣٠", (403, 401)), ("++1", (403, 401))],
)
async def test_older_fields_for_an_address_had_no_bounds(world: World, address: str, statuses: tuple[int, int]) -> None:
    auth = {"type": "m.login.password", "medium": "msisdn", "address": address, "password": "wrong"}
    answers = (
        await world.call("POST", "v3/login", auth),
        await world.call("POST", "v3/account/password", {"new_password": NEW_PASSWORD, "auth": auth}),
    )
    assert tuple(answer.status for answer in answers) == statuses


class TestDialogueOpenedTheAccountLater:
    """The ID of a registration's dialogue, which is in the addresses of pages, was good for a session for a day."""

    @pytest.fixture
    async def done(self, world: World) -> dict[str, Any]:
        """A registration that has been completed: the request that did so."""
        body = {"username": "bob", "password": PASSWORD}
        session = (await world.call("POST", "v3/register", body)).json["session"]
        request = {**body, "auth": {**DUMMY, "session": session}}
        assert (await world.call("POST", "v3/register", request)).status == 200
        return request

    async def _only_with_the_session(self, world: World, done: dict[str, Any]) -> Any:
        return await world.call("POST", "v3/register", {"auth": {"session": done["auth"]["session"]}})

    async def test_when_the_answer_cannot_be_on_its_way_any_longer(self, world: World, done: dict[str, Any]) -> None:
        world.clock.advance(11 * MINUTE_MS)
        answer = await self._only_with_the_session(world, done)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await world.call("POST", "v3/register", done)).status == 403

    async def test_when_the_owner_has_changed_the_password(self, world: World, done: dict[str, Any]) -> None:
        bob = Account("@bob:localhost", "", "", None)
        body = {"new_password": NEW_PASSWORD, "auth": password_auth(bob), "logout_devices": False}
        assert (await world.call("POST", "v3/account/password", body)).status == 200
        assert (await self._only_with_the_session(world, done)).status == 403

    async def test_when_the_owner_has_logged_out(self, world: World, done: dict[str, Any]) -> None:
        session = (await world.login("bob")).json["access_token"]
        assert (await world.call("POST", "v3/logout/all", {}, token=session)).status == 200
        assert (await self._only_with_the_session(world, done)).status == 403

    async def test_a_lost_answer_is_still_given_again(self, world: World, done: dict[str, Any]) -> None:
        world.clock.advance(9 * MINUTE_MS)
        answer = await world.call("POST", "v3/register", done)
        assert answer.status == 200
        assert (await world.whoami(answer.json["access_token"])).status == 200


class TestLockedGuestBecameAUser:
    async def test_is_refused(self, world: World) -> None:
        made = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
        guest = Account(made.json["user_id"], made.json["access_token"], made.json["device_id"], None)
        await world.change(guest, is_locked=True)
        body = {"guest_access_token": guest.access_token, "password": PASSWORD, "auth": DUMMY}
        answer = await world.call("POST", "v3/register", body)
        assert (answer.status, answer.errcode) == (401, "M_USER_LOCKED")
