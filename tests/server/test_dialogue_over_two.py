"""One dialogue whose requests come to two servers in turn: each goes on where the other was."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.secret import Secret
from ostiary.config import CaptchaConfig, RegistrationConfig, TermsConfig
from tests.server.handlers.test_registration_flows import (
    CAPTCHA,
    EMAIL,
    MSISDN,
    POLICIES,
    TERMS,
    JudgingCaptcha,
    creds,
    register,
)
from tests.server.handlers.test_registration_tokens import STAGE as TOKEN
from tests.server.handlers.test_validation import ADDRESS, ask, ask_by_phone, sending, submit
from tests.world import PASSWORD, Answer, World, open_world

DUMMY = "m.login.dummy"


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
    config = replace(
        sending(tmp_path, reveal_known=True),
        registration=RegistrationConfig(enabled=True, flows=((TOKEN, CAPTCHA, TERMS, EMAIL, MSISDN), (TOKEN, DUMMY))),
        captcha=CaptchaConfig(site_key="site-key", secret=Secret("secret")),
        terms=TermsConfig(policies=POLICIES),
    )
    captcha = JudgingCaptcha()
    async with (
        open_world(config, captcha=captcha) as one,
        open_world(config, clock=one.clock, seed="other", captcha=captcha) as other,
    ):
        yield one, other


async def newest(world: World, field: str) -> str:
    return str((await world.messages())[-1][field])


async def test_registration_of_many_stages(servers: tuple[World, World]) -> None:
    """Its mail and text message, its link and code too: each step is at the other server than the one before."""
    turn = cycle(servers)
    token = (await next(turn).services.invitations.create(uses_allowed=1)).token
    session = (await register(next(turn))).json["session"]
    done: list[str] = []

    async def step(stage: str, **fields: Any) -> Answer:
        answer = await register(next(turn), {"type": stage, "session": session, **fields})
        done.append(stage)
        return answer

    async def expect_more(stage: str, **fields: Any) -> None:
        answer = await step(stage, **fields)
        assert answer.status == 401
        assert answer.json["completed"] == done, answer.json

    await expect_more(TOKEN, token=token)
    await expect_more(CAPTCHA, response="solved")
    await expect_more(TERMS)

    by_mail = (await ask(next(turn))).json["sid"]
    assert (await ask(next(turn))).json["sid"] == by_mail, "asked again, it is the same"
    assert await servers[0].messages() == [], "held until it is its turn"
    for _ in servers:
        waiting = await register(next(turn), {"type": EMAIL, "session": session, "threepid_creds": creds(by_mail)})
        assert waiting.errcode == "M_THREEPID_AUTH_FAILED"
    assert [one["to"] for one in await servers[0].messages()] == [ADDRESS]
    assert await next(turn).follow(await newest(servers[0], "link"))
    await expect_more(EMAIL, threepid_creds=creds(by_mail))

    by_phone = (await ask_by_phone(next(turn))).json["sid"]
    await register(next(turn), {"type": MSISDN, "session": session, "threepid_creds": creds(by_phone)})
    code = await newest(servers[0], "code")
    assert (await submit(next(turn), by_phone, "000000")).status == 400
    assert (await submit(next(turn), by_phone, code)).status == 200
    registered = await step(MSISDN, threepid_creds=creds(by_phone))
    assert registered.status == 200, registered

    repeated = await register(next(turn), {"type": MSISDN, "session": session, "threepid_creds": creds(by_phone)})
    assert repeated.json["user_id"] == registered.json["user_id"]
    listed = await next(turn).call("GET", "v3/account/3pid", token=repeated.json["access_token"])
    assert {one["medium"] for one in listed.json["threepids"]} == {"email", "msisdn"}
    used = await next(turn).services.invitations.get(token)
    assert (used.pending, used.completed) == (0, 1)


async def test_of_many_who_show_a_token_at_both_as_many_register_as_it_allows(servers: tuple[World, World]) -> None:
    token = (await servers[0].services.invitations.create(uses_allowed=3)).token

    async def try_to(number: int) -> int:
        body = {"username": f"user{number}", "password": PASSWORD}
        turn = cycle(servers if number % 2 else servers[::-1])
        session = (await next(turn).call("POST", "v3/register", body)).json["session"]
        for auth in ({"type": TOKEN, "token": token}, {"type": DUMMY}):
            answer = await next(turn).call("POST", "v3/register", {**body, "auth": {**auth, "session": session}})
        return answer.status

    statuses = await asyncio.gather(*(try_to(number) for number in range(12)))
    assert sorted(statuses) == [200] * 3 + [401] * 9
    used = await servers[1].services.invitations.get(token)
    assert (used.pending, used.completed) == (0, 3)


async def test_code_cannot_be_guessed_at_two_servers_more_often_than_at_one(servers: tuple[World, World]) -> None:
    sid = (await ask_by_phone(servers[0], "add")).json["sid"]
    code = await newest(servers[0], "code")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    guesses = [submit(server, sid, wrong) for server in servers for _ in range(20)]
    assert {answer.status for answer in await asyncio.gather(*guesses)} == {400}
    assert (await submit(servers[1], sid, code)).status == 400
    ((counted,),) = await servers[0].sql("SELECT wrong_codes FROM validations")
    assert counted == 5


async def test_of_many_who_finish_one_dialogue_at_both_one_account_is_made(servers: tuple[World, World]) -> None:
    token = (await servers[0].services.invitations.create(uses_allowed=5)).token
    body = {"password": PASSWORD}
    session = (await servers[0].call("POST", "v3/register", body)).json["session"]
    shown = {**body, "auth": {"type": TOKEN, "token": token, "session": session}}
    assert (await servers[1].call("POST", "v3/register", shown)).status == 401
    last = {**body, "auth": {"type": DUMMY, "session": session}}
    answers = await asyncio.gather(*(server.call("POST", "v3/register", last) for server in servers for _ in range(6)))
    assert {answer.status for answer in answers} <= {200, 403}
    assert len({answer.json["user_id"] for answer in answers if answer.status == 200}) == 1
    ((accounts,),) = await servers[0].sql("SELECT count(*) FROM accounts")
    assert accounts == 1
    assert (await servers[0].services.invitations.get(token)).completed == 1
