"""Registering through every stage, on both faces; dialogues that are stored and gone on with."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import CaptchaInvalid, TokenIncorrect
from ostiary.client import (
    Answers,
    CodeWanted,
    Declined,
    Dialogue,
    DialoguePaused,
    Fallback,
    InteractiveAuthUnsupported,
    MemoryStore,
    Phone,
    Policy,
    Progress,
    Waiting,
)
from tests.client.faced import Faced, Faces
from tests.server.web.reader import Reader
from tests.server.web.settings import SOLVED, open_pages, pages_config
from tests.world import PASSWORD, World

DUMMY, TERMS, TOKEN = "m.login.dummy", "m.login.terms", "m.login.registration_token"
EMAIL, MSISDN, CAPTCHA = "m.login.email.identity", "m.login.msisdn", "m.login.recaptcha"
ADDRESS = "alice@example.org"
NUMBER = Phone(country="DE", number="030 123456")


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    config = pages_config(tmp_path, *getattr(request, "param", ((DUMMY,),)))
    config = replace(config, registration=replace(config.registration, guests=True))
    async with open_pages(config) as opened:
        yield opened


def flows(*ways: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [ways], indirect=True)


async def follow_last(world: World) -> None:
    assert await world.follow((await world.messages())[-1]["link"])


class Told:
    """What was told on the way."""

    def __init__(self) -> None:
        self.all: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        self.all.append(progress)

    @property
    def stages(self) -> list[tuple[str, bool]]:
        return [(one.stage, one.is_waiting) for one in self.all]


@flows((TERMS, EMAIL, DUMMY))
class TestEmail:
    async def test_one_call_from_the_mail_to_the_session(self, faces: Faces) -> None:
        told = Told()

        async def on_progress(progress: Progress) -> None:
            told(progress)
            if progress.is_waiting:
                await follow_last(faces.world)

        answers = Answers(accept_terms=True, email=ADDRESS, on_progress=faces.does(on_progress))
        session = await faces.client().register("alice", PASSWORD, stages=answers)
        assert [(one.medium, one.address) for one in await session.third_party_ids()] == [("email", ADDRESS)]
        assert told.stages == [(TERMS, False), (EMAIL, False), (EMAIL, True), (DUMMY, False)]
        assert [one.left for one in told.all] == [
            (TERMS, EMAIL, DUMMY), (EMAIL, DUMMY), (EMAIL, DUMMY), (DUMMY,),
        ]  # fmt: skip
        assert all(one.flow == (TERMS, EMAIL, DUMMY) for one in told.all)
        assert told.all[-1].dialogue.completed == (TERMS, EMAIL)
        assert faces.slept == []

    async def test_waits_ever_longer_until_the_link_is_followed(self, faces: Faces) -> None:
        client = faces.client()
        with pytest.raises(DialoguePaused) as caught:
            await client.register("alice", PASSWORD, stages=Answers(accept_terms=True, email=ADDRESS))
        assert faces.slept[:4] == [2_000, 3_000, 4_500, 6_750]
        assert faces.slept[-1] == 15_000
        assert 880_000 < sum(faces.slept) <= 900_000
        assert len(await faces.world.messages()) == 1
        assert caught.value.stage == EMAIL

    async def test_is_stored_and_gone_on_with_in_another_process(self, faces: Faces) -> None:
        answers = Answers(accept_terms=True, email=ADDRESS, waiting=Waiting(timeout_ms=0))
        with pytest.raises(DialoguePaused) as caught:
            await faces.client().register("alice", PASSWORD, device_name="Web", stages=answers)
        stored = json.dumps(caught.value.dialogue.to_json())
        assert faces.slept == []
        await follow_last(faces.world)

        dialogue = Dialogue.from_json(json.loads(stored))
        assert dialogue == caught.value.dialogue
        assert dialogue.completed == (TERMS,)
        session = await faces.client().go_on_registering(dialogue, stages=answers)
        assert session.user_id == "@alice:localhost"
        assert (await session.device(session.device_id)).display_name == "Web"
        assert len([one for one in await faces.world.messages() if "link" in one]) == 1

    async def test_what_was_begun_needs_no_address_to_go_on(self, faces: Faces) -> None:
        begun = Answers(accept_terms=True, email=ADDRESS, waiting=Waiting(timeout_ms=0))
        with pytest.raises(DialoguePaused) as caught:
            await faces.client().register("alice", PASSWORD, stages=begun)
        await follow_last(faces.world)
        session = await faces.client().go_on_registering(caught.value.dialogue)
        assert [one.address for one in await session.third_party_ids()] == [ADDRESS]
        assert len([one for one in await faces.world.messages() if "link" in one]) == 1

    async def test_another_address_gets_a_mail_of_its_own(self, faces: Faces) -> None:
        """The first was mistyped, or its link is dead by now."""
        begun = Answers(accept_terms=True, email=f"x{ADDRESS}", waiting=Waiting(timeout_ms=0))
        with pytest.raises(DialoguePaused) as caught:
            await faces.client().register("alice", PASSWORD, stages=begun)
        with pytest.raises(DialoguePaused) as again:
            await faces.client().go_on_registering(caught.value.dialogue, stages=replace(begun, email=ADDRESS))
        with pytest.raises(DialoguePaused) as anew:
            await faces.client().go_on_registering(again.value.dialogue.proving_anew(), stages=begun)
        assert [one.address for one in anew.value.dialogue.validations.values()] == [f"x{ADDRESS}"]
        assert len([one for one in await faces.world.messages() if "link" in one]) == 3
        assert caught.value.dialogue.validations != anew.value.dialogue.validations
        await follow_last(faces.world)
        session = await faces.client().go_on_registering(anew.value.dialogue)
        assert [one.address for one in await session.third_party_ids()] == [f"x{ADDRESS}"]

    async def test_guest_who_becomes_a_user_goes_on_later(self, faces: Faces) -> None:
        store = MemoryStore()
        guest = await faces.client(store).register_guest()
        begun = Answers(accept_terms=True, email=ADDRESS, waiting=Waiting(timeout_ms=0))
        with pytest.raises(DialoguePaused) as caught:
            await guest.upgrade_guest(PASSWORD, device_name="Web", stages=begun)
        assert store.list() == [guest.record]
        assert (await guest.whoami()).is_guest is True
        await follow_last(faces.world)

        dialogue = Dialogue.from_json(json.loads(json.dumps(caught.value.dialogue.to_json())))
        user = await (await faces.client(store).resume()).go_on_upgrading(dialogue)
        assert (await user.whoami()).user_id == guest.user_id
        assert (await user.whoami()).is_guest is not True
        assert (await user.device(user.device_id)).display_name == "Web"
        assert store.list() == [user.record]

    async def test_secrets_do_not_show(self, faces: Faces) -> None:
        answers = Answers(password=PASSWORD, accept_terms=True, email=ADDRESS, waiting=Waiting(timeout_ms=0))
        with pytest.raises(DialoguePaused) as caught:
            await faces.client().register("alice", PASSWORD, stages=answers)
        dialogue = caught.value.dialogue
        shown = f"{caught.value!r} {dialogue!r} {answers!r}"
        assert PASSWORD not in shown
        assert str(dialogue.session) not in shown
        assert dialogue.validations[EMAIL].client_secret.reveal() not in shown


class TestOthers:
    @flows((MSISDN,))
    async def test_code_is_asked_for_again_after_a_wrong_one(self, faces: Faces) -> None:
        wanted: list[CodeWanted] = []

        async def code(one: CodeWanted) -> str:
            wanted.append(one)
            right: str = (await faces.world.messages())[-1]["code"]
            return f" {right} " if len(wanted) == 2 else "000000"

        answers = Answers(phone=NUMBER, code=faces.does(code))
        session = await faces.client().register("alice", PASSWORD, stages=answers)
        assert [(one.medium, one.wrong) for one in wanted] == [("msisdn", 0), ("msisdn", 1)]
        assert [one.medium for one in await session.third_party_ids()] == ["msisdn"]

    @flows((MSISDN,))
    async def test_codes_that_stay_wrong_are_given_up(self, faces: Faces) -> None:
        with pytest.raises(TokenIncorrect):
            await faces.client().register(
                "alice", PASSWORD, stages=Answers(phone=NUMBER, code=lambda wanted: f"{wanted.wrong:06}")
            )

    @flows((TERMS,))
    async def test_policies_are_shown_and_may_be_declined(self, faces: Faces) -> None:
        shown: list[Policy] = []

        def accept(policies: Any) -> bool:
            shown.extend(policies)
            return len(shown) > 2

        client = faces.client()
        with pytest.raises(Declined):
            await client.register("alice", PASSWORD, stages=Answers(accept_terms=accept))
        assert [one.policy_id for one in shown] == ["terms", "privacy"]
        assert shown[0].version == "1.0"
        assert shown[0].translations["en"] == ("Terms of Use", "https://example.org/terms?a=1&b=2")
        assert (await client.register("alice", PASSWORD, stages=Answers(accept_terms=accept))).user_id

    @flows((CAPTCHA,))
    async def test_captcha(self, faces: Faces) -> None:
        keys: list[str] = []

        def solve(context: Any) -> str:
            keys.append(context.params["public_key"])
            return SOLVED

        client = faces.client()
        with pytest.raises(CaptchaInvalid):
            await client.register("alice", PASSWORD, stages=Answers(captcha=lambda _: "?"))
        await client.register("alice", PASSWORD, stages=Answers(captcha=solve))
        assert keys == ["the-site-key"]

    @flows((TOKEN,))
    async def test_registration_token(self, faces: Faces) -> None:
        client = faces.client()
        assert not await client.is_registration_token_valid("another")
        token = (await faces.world.services.invitations.create(uses_allowed=1)).token
        assert await client.is_registration_token_valid(token)
        await client.register("alice", PASSWORD, stages=Answers(registration_token=token))
        assert not await client.is_registration_token_valid(token)

    @flows((CAPTCHA, DUMMY), (TERMS, EMAIL))
    async def test_page_of_the_server_does_what_nothing_here_can(self, faces: Faces) -> None:
        opened: list[Fallback] = []

        async def complete(page: Fallback) -> None:
            opened.append(page)
            reader = Reader(faces.world)
            shown = await reader.open(page.url.removeprefix("http://localhost:8008"))
            await reader.send(shown, **{"g-recaptcha-response": SOLVED})

        told = Told()
        answers = Answers(fallback=faces.does(complete), on_progress=told)
        assert (await faces.client().register("alice", PASSWORD, stages=answers)).user_id == "@alice:localhost"
        assert [one.stage for one in opened] == [CAPTCHA]
        assert told.stages == [(CAPTCHA, False), (CAPTCHA, True), (DUMMY, False)]

    @flows((CAPTCHA,))
    async def test_page_that_nobody_completes(self, faces: Faces) -> None:
        answers = Answers(fallback=lambda _: None, waiting=Waiting(timeout_ms=10_000, poll_ms=4_000))
        with pytest.raises(DialoguePaused):
            await faces.client().register("alice", PASSWORD, stages=answers)
        assert faces.slept == [4_000, 6_000]

    @flows((CAPTCHA,))
    async def test_what_was_missing_is_added_by_going_on(self, faces: Faces) -> None:
        client: Faced = faces.client()
        with pytest.raises(InteractiveAuthUnsupported) as caught:
            await client.register("alice", PASSWORD)
        assert caught.value.missing == (CAPTCHA,)
        dialogue = caught.value.dialogue
        assert dialogue is not None
        session = await client.go_on_registering(dialogue, stages=Answers(captcha=lambda _: SOLVED))
        assert session.user_id == "@alice:localhost"

    async def test_caller_may_break_off(self, faces: Faces) -> None:
        def stop(_: Progress) -> None:
            raise RuntimeError("no more")

        with pytest.raises(RuntimeError, match="no more"):
            await faces.client().register("alice", PASSWORD, stages=Answers(on_progress=stop))
        assert await faces.client().is_available("alice")
