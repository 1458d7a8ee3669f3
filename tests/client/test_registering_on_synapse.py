"""Registering at a Synapse that asks for a registration token, agreement and a mail address at once."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from ostiary.api.errors import Unauthorized
from ostiary.client import (
    Answers,
    Dialogue,
    DialoguePaused,
    Fallback,
    InteractiveAuthUnsupported,
    Policy,
    Progress,
    Waiting,
)
from tests.client.faced import AnyFaces
from tests.client.homeservers import STRICT_SYNAPSE, SynapseWorld, on
from tests.client.test_registering import EMAIL, TERMS, TOKEN, Told
from tests.peers.synapse import POLICY_VERSION
from tests.world import PASSWORD

pytestmark = on(STRICT_SYNAPSE)


@pytest.fixture
def address(world: SynapseWorld) -> str:
    return f"{world.name('dora')}@example.org"


async def test_one_call_through_all_stages(faces: AnyFaces, world: SynapseWorld, address: str) -> None:
    told, shown = Told(), list[Policy]()

    async def on_progress(progress: Progress) -> None:
        told(progress)
        if progress.is_waiting:
            assert await world.follow((await world.messages())[-1]["link"])

    def accept(policies: Any) -> bool:
        shown.extend(policies)
        return True

    client, name = faces.client(), world.name("dora")
    token = await world.registration_token(uses=1)
    assert await client.is_registration_token_valid(token)
    answers = Answers(registration_token=token, accept_terms=accept, email=address, on_progress=faces.does(on_progress))
    session = await client.register(name, PASSWORD, device_name="Web", stages=answers)
    assert (await session.whoami()).user_id == f"@{name}:localhost"
    assert (await session.device(session.device_id)).display_name == "Web"
    assert [(one.medium, one.address) for one in await session.third_party_ids()] == [("email", address)]
    assert told.stages == [(TOKEN, False), (TERMS, False), (EMAIL, False), (EMAIL, True)]
    assert [(one.policy_id, one.version) for one in shown] == [("privacy_policy", POLICY_VERSION)]
    assert shown[0].translations["en"][0] == "Privacy Policy"
    assert not await client.is_registration_token_valid(token)
    assert faces.slept == []


async def test_is_stored_and_gone_on_with_in_another_process(
    faces: AnyFaces, world: SynapseWorld, address: str
) -> None:
    name, token = world.name("dora"), await world.registration_token(uses=1)
    answers = Answers(registration_token=token, accept_terms=True, email=address, waiting=Waiting(timeout_ms=0))
    with pytest.raises(DialoguePaused) as caught:
        await faces.client().register(name, PASSWORD, stages=answers)
    dialogue = Dialogue.from_json(json.loads(json.dumps(caught.value.dialogue.to_json())))
    assert set(dialogue.completed) == {TOKEN, TERMS}
    assert await world.follow((await world.messages())[-1]["link"])
    session = await faces.client().go_on_registering(dialogue, stages=answers)
    assert session.user_id == f"@{name}:localhost"
    assert len(await world.messages()) == 1


async def test_wrong_token_is_refused(faces: AnyFaces, world: SynapseWorld, address: str) -> None:
    answers = Answers(registration_token="guessed", accept_terms=True, email=address)
    with pytest.raises(Unauthorized):
        await faces.client().register(world.name("dora"), PASSWORD, stages=answers)
    assert not await faces.client().is_registration_token_valid("guessed")


async def test_what_was_missing_is_added_by_going_on(faces: AnyFaces, world: SynapseWorld, address: str) -> None:
    client, name = faces.client(), world.name("dora")
    with pytest.raises(InteractiveAuthUnsupported) as caught:
        await client.register(name, PASSWORD, stages=Answers(accept_terms=True))
    assert set(caught.value.missing) == {TOKEN, EMAIL}
    dialogue = caught.value.dialogue
    assert dialogue is not None

    async def on_progress(progress: Progress) -> None:
        if progress.is_waiting:
            assert await world.follow((await world.messages())[-1]["link"])

    token = await world.registration_token(uses=1)
    answers = Answers(registration_token=token, accept_terms=True, email=address, on_progress=faces.does(on_progress))
    session = await client.go_on_registering(dialogue, stages=answers)
    assert session.user_id == f"@{name}:localhost"


@pytest.mark.parametrize("agrees", [True, False])
async def test_page_of_the_server_for_agreement(
    faces: AnyFaces, world: SynapseWorld, address: str, agrees: bool
) -> None:
    opened: list[Fallback] = []

    async def complete(page: Fallback) -> None:
        opened.append(page)
        parts = urlsplit(page.url)
        shown = await world.call("GET", f"{parts.path}?{parts.query}")
        assert 'value="Agree"' in shown.json
        if agrees:
            assert (await world.call("POST", f"{parts.path}?{parts.query}")).status == 200

    token = await world.registration_token(uses=1)
    answers = Answers(
        registration_token=token, fallback=faces.does(complete), email=address, waiting=Waiting(timeout_ms=0)
    )
    with pytest.raises(DialoguePaused) as caught:
        await faces.client().register(world.name("dora"), PASSWORD, stages=answers)
    assert [one.stage for one in opened] == [TERMS]
    assert caught.value.stage == (EMAIL if agrees else TERMS)
