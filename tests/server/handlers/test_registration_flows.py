"""Registering by every stage: mail, phone, captcha, policies; approval and expiry of accounts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.accounts.model import AuditEvent, AuditKind
from ostiary.accounts.ports_outside import CaptchaUnavailable
from ostiary.accounts.values import AccountChange, Swept
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.config import CaptchaConfig, PolicyConfig, RegistrationConfig, TermsConfig
from tests.server.handlers.test_validation import ADDRESS, NUMBER, SECRET, ask, ask_by_phone, give, sending, submit
from tests.world import PASSWORD, Account, Answer, World, open_config, open_world

EMAIL, MSISDN, CAPTCHA, TERMS = "m.login.email.identity", "m.login.msisdn", "m.login.recaptcha", "m.login.terms"

POLICIES = (
    PolicyConfig(
        "privacy", "1.2", {"en": ("Privacy", "https://example.org/en"), "de": ("Schutz", "https://example.org/de")}
    ),
    PolicyConfig("terms", "7", {"en": ("Terms", "https://example.org/terms")}),
)


class JudgingCaptcha:
    """A captcha service that takes one answer for good."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.is_down = False

    async def verify(self, response: Secret, address: str) -> bool:
        if self.is_down:
            raise CaptchaUnavailable
        self.asked.append((response.reveal(), address))
        return response.reveal() == "solved"


@pytest.fixture
def captcha() -> JudgingCaptcha:
    return JudgingCaptcha()


@pytest.fixture
async def world(tmp_path: Path, captcha: JudgingCaptcha, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    config = replace(
        sending(tmp_path, reveal_known=True),
        registration=RegistrationConfig(enabled=True, flows=request.param),
        captcha=CaptchaConfig(site_key="site-key", secret=Secret("secret")),
        terms=TermsConfig(policies=POLICIES),
    )
    async with open_world(config, captcha=captcha) as opened:
        yield opened


def flows(*ways: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [ways], indirect=True)


async def register(world: World, auth: dict[str, Any] | None = None, **fields: Any) -> Answer:
    body = {"username": "alice", "password": PASSWORD, **fields}
    return await world.call("POST", "v3/register", body if auth is None else {**body, "auth": auth})


def creds(sid: str) -> dict[str, str]:
    return {"sid": sid, "client_secret": SECRET}


@flows((EMAIL,), (MSISDN,))
class TestAddresses:
    async def test_by_mail_the_account_gets_the_address(self, world: World) -> None:
        session = (await register(world)).json["session"]
        sid = (await ask(world)).json["sid"]
        auth = {"type": EMAIL, "threepid_creds": creds(sid), "session": session}
        waiting = await register(world, auth)
        assert (waiting.status, waiting.errcode) == (401, "M_THREEPID_AUTH_FAILED")
        assert waiting.json["completed"] == []
        assert await world.follow((await world.messages())[-1]["link"])
        answer = await register(world, auth)
        assert answer.status == 200
        listed = await world.call("GET", "v3/account/3pid", token=answer.json["access_token"])
        (one,) = listed.json["threepids"]
        assert one == {
            "medium": "email", "address": ADDRESS,
            "validated_at": world.clock.now(), "added_at": world.clock.now(),
        }  # fmt: skip

    async def test_by_phone(self, world: World) -> None:
        sid = (await ask_by_phone(world)).json["sid"]
        await submit(world, sid, (await world.messages())[-1]["code"])
        answer = await register(world, {"type": MSISDN, "threepid_creds": creds(sid)})
        assert answer.status == 200
        assert await world.services.store.list_threepids(Localpart("alice"))

    async def test_a_mail_does_not_prove_a_phone(self, world: World) -> None:
        sid = (await ask(world)).json["sid"]
        await world.follow((await world.messages())[-1]["link"])
        answer = await register(world, {"type": MSISDN, "threepid_creds": creds(sid)})
        assert (answer.status, answer.errcode) == (401, "M_THREEPID_AUTH_FAILED")

    async def test_an_address_taken_meanwhile(self, world: World) -> None:
        sid = (await ask(world)).json["sid"]
        await world.follow((await world.messages())[-1]["link"])
        await world.services.registrations.create("bob", None)
        await give(world, Account("@bob:localhost", "", "", None))
        answer = await register(world, {"type": EMAIL, "threepid_creds": creds(sid)})
        assert (answer.status, answer.errcode) == (400, "M_THREEPID_IN_USE")
        assert (await register(world)).status == 401, "the name is not taken"

    async def test_a_validation_makes_one_account(self, world: World) -> None:
        sid = (await ask(world)).json["sid"]
        await world.follow((await world.messages())[-1]["link"])
        auth = {"type": EMAIL, "threepid_creds": creds(sid)}
        assert (await register(world, auth)).status == 200
        again = await register(world, auth, username="bob")
        assert (again.status, again.errcode) == (401, "M_THREEPID_AUTH_FAILED")

    async def test_a_number_of_an_account_is_in_use(self, world: World) -> None:
        await world.services.registrations.create("bob", None)
        await give(world, Account("@bob:localhost", "", "", None), NUMBER, "msisdn")
        assert (await ask_by_phone(world)).errcode == "M_THREEPID_IN_USE"


class TestCaptcha:
    @flows((CAPTCHA,))
    async def test_solved_or_not(self, world: World, captcha: JudgingCaptcha) -> None:
        asked = await register(world)
        assert asked.json["params"] == {CAPTCHA: {"public_key": "site-key"}}
        wrong = await register(world, {"type": CAPTCHA, "response": "?", "session": asked.json["session"]})
        assert (wrong.status, wrong.errcode) == (401, "M_CAPTCHA_INVALID")
        right = await register(world, {"type": CAPTCHA, "response": "solved", "session": asked.json["session"]})
        assert right.status == 200
        assert captcha.asked == [("?", world.address), ("solved", world.address)]

    @flows((CAPTCHA,))
    async def test_service_that_is_down(self, world: World, captcha: JudgingCaptcha) -> None:
        captcha.is_down = True
        answer = await register(world, {"type": CAPTCHA, "response": "solved"})
        assert (answer.status, answer.errcode) == (503, "M_UNKNOWN")

    @flows((CAPTCHA,))
    async def test_without_an_answer(self, world: World) -> None:
        answer = await register(world, {"type": CAPTCHA})
        assert (answer.status, answer.errcode) == (400, "M_MISSING_PARAM")

    @flows((CAPTCHA, EMAIL))
    async def test_no_mail_leaves_before(self, world: World) -> None:
        session = (await register(world)).json["session"]
        sid = (await ask(world)).json["sid"]
        assert await world.messages() == []
        mail = {"type": EMAIL, "threepid_creds": creds(sid), "session": session}
        early = await register(world, mail)
        assert (early.status, early.errcode) == (401, "M_FORBIDDEN")
        assert await world.messages() == []
        await register(world, {"type": CAPTCHA, "response": "solved", "session": session})
        for _ in range(2):
            assert (await register(world, mail)).errcode == "M_THREEPID_AUTH_FAILED"
        (message,) = await world.messages()
        assert await world.follow(message["link"])
        assert (await register(world, mail)).status == 200

    @flows((CAPTCHA, EMAIL))
    async def test_mails_that_are_not_for_registration_leave_at_once(self, world: World) -> None:
        await world.services.registrations.create("bob", None)
        await give(world, Account("@bob:localhost", "", "", None))
        assert (await ask(world, "reset")).status == 200
        assert len(await world.messages()) == 1


@flows((TERMS,))
class TestTerms:
    async def test_policies_by_language_and_consent_by_version(self, world: World) -> None:
        asked = await register(world)
        assert asked.json["params"][TERMS]["policies"] == {
            "privacy": {
                "version": "1.2",
                "en": {"name": "Privacy", "url": "https://example.org/en"},
                "de": {"name": "Schutz", "url": "https://example.org/de"},
            },
            "terms": {"version": "7", "en": {"name": "Terms", "url": "https://example.org/terms"}},
        }
        answer = await register(world, {"type": TERMS, "session": asked.json["session"]})
        assert answer.status == 200
        consents = await world.services.store.list_consents(Localpart("alice"))
        assert {(one.policy, one.version) for one in consents} == {("privacy", "1.2"), ("terms", "7")}
        assert {one.agreed_at for one in consents} == {world.clock.now()}


class TestApproval:
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        config = open_config(tmp_path, registration=RegistrationConfig(enabled=True, approval=True))
        async with open_world(config) as opened:
            yield opened

    async def approve(self, world: World) -> None:
        event = AuditEvent(AuditKind.APPROVED, Localpart("alice"), world.clock.now())
        await world.services.store.change_account(Localpart("alice"), AccountChange(awaits_approval=False), event)

    async def test_an_account_waits(self, world: World) -> None:
        answer = await register(world, {"type": "m.login.dummy"})
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert "approval" in answer.json["error"]
        assert (await world.login("alice")).errcode == "M_FORBIDDEN"
        assert "approval" in (await world.login("alice")).json["error"]
        assert "approval" not in (await world.login("alice", "wrong")).json["error"]
        taken = await world.call("GET", "v3/register/available", query={"username": "alice"})
        assert taken.errcode == "M_USER_IN_USE"
        await self.approve(world)
        assert (await world.login("alice")).status == 200

    async def test_without_a_session_it_is_made_and_waits(self, world: World) -> None:
        answer = await register(world, {"type": "m.login.dummy"}, inhibit_login=True)
        assert (answer.status, answer.json["user_id"]) == (200, "@alice:localhost")
        assert (await world.login("alice")).errcode == "M_FORBIDDEN"

    async def test_asking_again_after_a_lost_answer(self, world: World) -> None:
        session = (await register(world)).json["session"]
        auth = {"type": "m.login.dummy", "session": session}
        for _ in range(2):
            assert (await register(world, auth)).errcode == "M_FORBIDDEN"
        await self.approve(world)
        assert (await register(world, auth)).status == 200


class TestExpiry:
    async def test_an_account_expires(self, tmp_path: Path) -> None:
        config = open_config(tmp_path, registration=RegistrationConfig(enabled=True, account_lifetime_ms=86_400_000))
        async with open_world(config) as world:
            alice = await world.register("alice")
            world.clock.advance(86_400_000 - 1)
            assert await world.services.store.expire_accounts(world.clock.now(), 100) == Swept(0, [])
            assert (await world.whoami(alice.access_token)).errcode == "M_UNKNOWN_TOKEN", "it is soft logout by age"
            fresh = await world.relogin(alice)
            world.clock.advance(1)
            swept = await world.services.store.expire_accounts(world.clock.now(), 100)
            world.services.sessions.forget(swept.session_ids)
            answer = await world.whoami(fresh.access_token)
            assert (answer.status, answer.errcode) == (401, "M_USER_LOCKED")
            assert (await world.login("alice")).errcode == "M_USER_LOCKED"
            await world.change(fresh, expires_at=0)
            assert (await world.login("alice")).status == 200
