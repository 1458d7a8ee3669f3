"""requestToken for its three purposes and two media, the links and codes of messages, and submitting codes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.messages import Medium
from ostiary.accounts.model import AuditEvent, AuditKind
from ostiary.accounts.values import ProvenAddress
from ostiary.api.secret import Secret
from ostiary.config import Config, MailConfig, RateLimitsConfig, ServerConfig, SmsConfig, ThreepidsConfig
from tests.world import Account, Answer, SeededEntropy, World, open_config, open_world

ADDRESS = "alice@example.org"
NUMBER = "4930123456"
SECRET = "a.client-secret"
SUBMIT = "/_matrix/client/unstable/org.ostiary/validate/{medium}/submit_token"
PURPOSES = {"register": "register", "reset": "account/password", "add": "account/3pid"}


def sending(path: Path, **threepids: Any) -> Config:
    """A server that sends mail and text messages."""
    return open_config(
        path,
        server=ServerConfig(public_url="https://matrix.example.org"),
        mail=MailConfig(folder=str(path)),
        sms=SmsConfig(url=Secret("https://sms.example.org")),
        threepids=ThreepidsConfig(**threepids),
    )


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    rules = getattr(request, "param", {"reveal_known": True})
    async with open_world(sending(tmp_path, **rules)) as opened:
        yield opened


async def ask(
    world: World, purpose: str = "register", address: str = ADDRESS, attempt: Any = 1, secret: Any = SECRET,
    version: str = "v3", **fields: Any,
) -> Answer:  # fmt: skip
    body = {"client_secret": secret, "email": address, "send_attempt": attempt, **fields}
    return await world.call("POST", f"{version}/{PURPOSES[purpose]}/email/requestToken", body)


async def ask_by_phone(
    world: World, purpose: str = "register", number: str = "030 123456", country: str = "DE", attempt: int = 1
) -> Answer:
    body = {"client_secret": SECRET, "country": country, "phone_number": number, "send_attempt": attempt}
    return await world.call("POST", f"v3/{PURPOSES[purpose]}/msisdn/requestToken", body)


async def submit(world: World, sid: str, code: str, medium: str = "msisdn", secret: str = SECRET) -> Answer:
    return await world.call("POST", SUBMIT.format(medium=medium), {"sid": sid, "client_secret": secret, "token": code})


async def give(world: World, account: Account, address: str = ADDRESS, medium: str = "email") -> None:
    """Give an account an address, by way of the store."""
    now = world.clock.now()
    event = AuditEvent(AuditKind.ADDRESS_ADDED, world.localpart(account), now)
    proven = ProvenAddress(Medium(medium), address, now, "")
    await world.services.store.add_threepid(world.localpart(account), proven, event, None)


class TestAsking:
    @pytest.mark.parametrize("purpose", ["register", "add"])
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_sends_a_mail_with_a_link_that_is_good_for_a_while(
        self, world: World, purpose: str, version: str
    ) -> None:
        answer = await ask(world, purpose, version=version)
        assert answer.status == 200
        assert set(answer.json) == {"sid"}
        (message,) = await world.messages()
        assert message["kind"] == f"validate_to_{purpose}"
        assert message["to"] == ADDRESS
        assert message["link"].startswith("https://matrix.example.org/_matrix/client/unstable/org.ostiary/validate?")
        assert message["minutes"] == 60

    async def test_for_a_new_password_where_an_account_has_the_address(self, world: World) -> None:
        await give(world, await world.register("alice"))
        assert (await ask(world, "reset")).status == 200
        assert [one["kind"] for one in await world.messages()] == ["validate_to_reset_password"]

    async def test_the_same_attempt_sends_no_second_mail(self, world: World) -> None:
        first = await ask(world)
        assert (await ask(world)).json == first.json
        assert len(await world.messages()) == 1
        assert (await ask(world, attempt=2)).json == first.json
        assert len(await world.messages()) == 2
        assert (await ask(world, attempt=1)).json == first.json
        assert len(await world.messages()) == 2

    async def test_another_secret_or_address_is_another_validation(self, world: World) -> None:
        first = await ask(world)
        for other in (await ask(world, secret="another"), await ask(world, address="bob@example.org")):
            assert other.json["sid"] != first.json["sid"]
        assert len(await world.messages()) == 3

    async def test_links_of_every_mail_of_a_validation_work_only_the_last(self, world: World) -> None:
        await ask(world)
        await ask(world, attempt=2)
        first, second = await world.messages()
        assert not await world.follow(first["link"])
        assert await world.follow(second["link"])

    async def test_the_addresss_case_does_not_count(self, world: World) -> None:
        first = await ask(world, address="Alice@Example.ORG")
        assert (await ask(world)).json == first.json

    async def test_language_of_the_client(self, world: World) -> None:
        body = b'{"client_secret": "x", "email": "alice@example.org", "send_attempt": 1}'
        headers = (("Accept-Language", "de-AT,de;q=0.9,en;q=0.8"),)
        await world.raw("POST", "v3/register/email/requestToken", body, headers=headers)
        assert (await world.messages())[0]["language"] == "de-AT"

    @pytest.mark.parametrize(
        "address", ["", "alice", "@example.org", "alice@", "a b@example.org", "Alice <alice@example.org>", "a@b@c",
                    "alice@example.org\r\nBcc: bob@example.org", "x" * 260 + "@example.org"],
    )  # fmt: skip
    async def test_what_is_no_address(self, world: World, address: str) -> None:
        answer = await ask(world, address=address)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
        assert "email" in answer.json["error"]
        assert await world.messages() == []

    @pytest.mark.parametrize("secret", ["", "a b", "ä", "x" * 256, "a/b"])
    async def test_client_secret_has_a_grammar(self, world: World, secret: str) -> None:
        answer = await ask(world, secret=secret)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")

    @pytest.mark.parametrize("attempt", [-1, "1", 1.5, 2**60])
    async def test_send_attempt_is_a_number(self, world: World, attempt: Any) -> None:
        answer = await ask(world, attempt=attempt)
        assert answer.status == 400

    async def test_secret_and_link_are_not_stored_but_for_the_mail_itself(self, world: World) -> None:
        await ask(world)
        (message,) = await world.messages()
        await world.sql("DELETE FROM outbox")
        stored = await world.everything_stored()
        assert SECRET not in stored
        assert message["link"].rpartition("=")[2] not in stored
        assert message["code"] not in stored.replace(str(world.clock.now()), "")


class TestPhones:
    @pytest.mark.parametrize(
        ("number", "country"), [("030 123456", "DE"), ("+49 30 123456", "DE"), ("+4930123456", "US")]
    )
    async def test_numbers_as_people_write_them(self, world: World, number: str, country: str) -> None:
        answer = await ask_by_phone(world, number=number, country=country)
        assert answer.json["submit_url"] == "https://matrix.example.org" + SUBMIT.format(medium="msisdn")
        (message,) = await world.messages()
        assert (message["to"], len(message["code"])) == (NUMBER, 6)

    async def test_the_code_validates(self, world: World) -> None:
        sid = (await ask_by_phone(world)).json["sid"]
        code = (await world.messages())[0]["code"]
        for _ in range(2):
            answer = await submit(world, sid, code)
            assert (answer.status, answer.json) == (200, {"success": True})

    async def test_wrong_codes_are_counted(self, world: World) -> None:
        sid = (await ask_by_phone(world)).json["sid"]
        code = (await world.messages())[0]["code"]
        wrong = "000000" if code != "000000" else "000001"
        for _ in range(5):
            answer = await submit(world, sid, wrong)
            assert (answer.status, answer.errcode) == (400, "M_TOKEN_INCORRECT")
        answer = await submit(world, sid, code)
        assert (answer.status, answer.errcode) == (400, "M_SESSION_EXPIRED")
        await ask_by_phone(world, attempt=2)
        fresh = (await world.messages())[1]["code"]
        assert (await submit(world, sid, fresh)).status == 200

    async def test_old_codes_are_told_so(self, world: World) -> None:
        sid = (await ask_by_phone(world)).json["sid"]
        world.clock.advance(3_600_000)
        answer = await submit(world, sid, (await world.messages())[0]["code"])
        assert (answer.status, answer.errcode) == (400, "M_SESSION_EXPIRED")

    async def test_codes_of_others(self, world: World) -> None:
        sid = (await ask_by_phone(world)).json["sid"]
        code = (await world.messages())[0]["code"]
        for answer in (
            await submit(world, sid, code, secret="another"),
            await submit(world, "unknown", code),
            await submit(world, sid, code, medium="email"),
        ):
            assert (answer.status, answer.errcode) == (400, "M_TOKEN_INCORRECT")
        answer = await submit(world, sid, code, medium="pigeon")
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")

    @pytest.mark.parametrize(
        ("number", "country"), [("", "DE"), ("x", "DE"), ("1", "DE"), ("030123456", "XX"), ("030123456", "Germany")]
    )
    async def test_what_is_no_number(self, world: World, number: str, country: str) -> None:
        answer = await ask_by_phone(world, number=number, country=country)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
        assert await world.messages() == []


class TestWhoIsKnown:
    @pytest.mark.parametrize("purpose", ["register", "add"])
    async def test_told_where_it_may_be(self, world: World, purpose: str) -> None:
        await give(world, await world.register("alice"))
        answer = await ask(world, purpose)
        assert (answer.status, answer.errcode) == (400, "M_THREEPID_IN_USE")
        assert await world.messages() == []

    async def test_number_told_where_it_may_be(self, world: World) -> None:
        await give(world, await world.register("bob"), NUMBER, "msisdn")
        for purpose in ("register", "add"):
            answer = await ask_by_phone(world, purpose)
            assert (answer.status, answer.errcode) == (400, "M_THREEPID_IN_USE")

    async def test_unknown_told_where_it_may_be(self, world: World) -> None:
        for answer in (await ask(world, "reset"), await ask_by_phone(world, "reset")):
            assert (answer.status, answer.errcode) == (400, "M_THREEPID_NOT_FOUND")
        assert await world.messages() == []

    @pytest.mark.parametrize("world", [{}], indirect=True)
    @pytest.mark.parametrize("purpose", ["register", "add", "reset"])
    async def test_otherwise_only_its_owner_is(self, world: World, purpose: str) -> None:
        await give(world, await world.register("alice"))
        known, unknown = await ask(world, purpose), await ask(world, purpose, "nobody@example.org")
        assert known.status == unknown.status == 200
        assert set(known.json) == set(unknown.json) == {"sid"}
        kinds = {one["to"]: one["kind"] for one in await world.messages()}
        if purpose == "reset":
            assert kinds == {ADDRESS: "validate_to_reset_password", "nobody@example.org": "no_account"}
        else:
            assert kinds == {ADDRESS: "already_registered", "nobody@example.org": f"validate_to_{purpose}"}

    @pytest.mark.parametrize("world", [{}], indirect=True)
    @pytest.mark.parametrize("purpose", ["register", "add", "reset"])
    async def test_as_much_is_made_up_for_either(
        self, world: World, purpose: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or the time of the answer would tell them apart."""
        await give(world, await world.register("alice"))
        drawn: list[int] = []
        draw = SeededEntropy.token_bytes

        def noted(entropy: SeededEntropy, count: int) -> bytes:
            drawn.append(count)
            return draw(entropy, count)

        monkeypatch.setattr(SeededEntropy, "token_bytes", noted)
        await ask(world, purpose)
        for_known = drawn.copy()
        drawn.clear()
        await ask(world, purpose, "nobody@example.org")
        assert drawn == for_known
        assert len(drawn) > 1

    @pytest.mark.parametrize("world", [{}], indirect=True)
    async def test_no_text_message_is_wasted_on_it(self, world: World) -> None:
        await give(world, await world.register("alice"), NUMBER, "msisdn")
        answer = await ask_by_phone(world)
        assert answer.status == 200
        assert await world.messages() == []
        assert (await submit(world, answer.json["sid"], "123456")).errcode == "M_TOKEN_INCORRECT"


class TestRules:
    @pytest.mark.parametrize("world", [{"allowed": ("*@example.org",)}], indirect=True)
    async def test_allowed(self, world: World) -> None:
        assert (await ask(world)).status == 200
        for purpose in PURPOSES:
            answer = await ask(world, purpose, "alice@elsewhere.example")
            assert (answer.status, answer.errcode) == (403, "M_THREEPID_DENIED")
        for purpose in PURPOSES:
            assert (await ask_by_phone(world, purpose)).errcode == "M_THREEPID_DENIED"

    @pytest.mark.parametrize("world", [{"denied": ("*@spam.example", "4930*")}], indirect=True)
    async def test_denied(self, world: World) -> None:
        assert (await ask(world)).status == 200
        assert (await ask(world, address="x@spam.example")).errcode == "M_THREEPID_DENIED"
        for purpose in PURPOSES:
            assert (await ask_by_phone(world, purpose)).errcode == "M_THREEPID_DENIED"
        assert (await ask_by_phone(world, number="089 123456")).status == 200

    @pytest.mark.parametrize("world", [{"changes": False}], indirect=True)
    async def test_changes_can_be_forbidden(self, world: World) -> None:
        for answer in (await ask(world, "add"), await ask_by_phone(world, "add")):
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert (await ask(world, "register")).status == 200

    @pytest.mark.parametrize("world", [{"validation_lifetime_ms": 60_000}], indirect=True)
    async def test_links_expire(self, world: World) -> None:
        await ask(world)
        world.clock.advance(60_000)
        assert not await world.follow((await world.messages())[0]["link"])

    async def test_without_means_to_send(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path)) as world:
            for purpose in PURPOSES:
                for answer in (await ask(world, purpose), await ask_by_phone(world, purpose)):
                    assert (answer.status, answer.errcode) == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")

    @pytest.mark.parametrize("world", [{"next_link_hosts": ("app.example.org",)}], indirect=True)
    @pytest.mark.parametrize(
        ("link", "followed"),
        [
            ("https://app.example.org/done?x=1", True),
            ("https://app.example.org.evil.example/", False),
            ("https://evil.example/?app.example.org", False),
            ("https://app.example.org@evil.example/", False),
            ("https://evil.example\\@app.example.org/", False),
            ("https://app.example.org\\.evil.example/", False),
            ("https://app.example.org:x@evil.example/", False),
            ("https:/\\app.example.org", False),
            ("https:app.example.org", False),
            ("javascript://app.example.org/%0aalert(1)", False),
            ("javascript:alert(1)//app.example.org", False),
            ("//app.example.org/", False),
            ("https://app.example.org/\r\nSet-Cookie: x", False),
            ("http://[", False),
        ],
    )
    async def test_next_link_leads_to_listed_hosts_only(self, world: World, link: str, followed: bool) -> None:
        answer = await ask(world, next_link=link)
        assert answer.status == 200
        found = await world.services.validations.find_by_link((await world.messages())[0]["link"].rpartition("=")[2])
        assert found is not None
        assert found.next_link == (link if followed else None)

    async def test_messages_are_limited_by_their_address(self, tmp_path: Path) -> None:
        config = replace(sending(tmp_path), rate_limits=RateLimitsConfig())
        async with open_world(config) as world:
            answers = []
            for number in range(6):
                world.address = f"192.0.2.{number}"
                answers.append(await ask(world, attempt=number))
            assert answers[-1].errcode == "M_LIMIT_EXCEEDED"
            assert answers[-1].json["retry_after_ms"] > 0
            assert len(await world.messages()) == 3
