"""More holes that other servers have had: in pages, mails, addresses and logins beside the password."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import UserDeactivated
from ostiary.api.http import HttpRequest
from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.config import ContactConfig, JwtConfig, SupportConfig, load, show
from tests.server.handlers.test_jwt import SECRET as JWT_SECRET
from tests.server.handlers.test_jwt import token_for
from tests.server.handlers.test_validation import ADDRESS, SECRET, ask, give, sending
from tests.world import Account, World, open_world

HOSTILE = '"><script>alert(1)</script>'


class TestDeactivatedUsersCouldLogIn:
    """By a JSON web token, or once somebody had set them a password."""

    async def test_by_jwt(self, tmp_path: Path) -> None:
        config = replace(
            sending(tmp_path),
            jwt=JwtConfig(enabled=True, secret=Secret(JWT_SECRET), create_accounts=True),
        )
        async with open_world(config) as world:
            await world.register("alice")
            await world.services.deactivations.deactivate(Localpart("alice"), world.origin, erase=False)
            token = token_for(world, iss=None, aud=None)
            answer = await world.call("POST", "v3/login", {"type": "org.matrix.login.jwt", "token": token})
            assert (answer.status, answer.errcode) == (403, "M_USER_DEACTIVATED")

    async def test_by_a_password_set_afterwards(self, world: World, alice: Account) -> None:
        await world.services.deactivations.deactivate(Localpart("alice"), world.origin, erase=False)
        with pytest.raises(UserDeactivated):
            await world.services.passwords.set("alice", Secret("a new passphrase"), logout_devices=False)

    async def test_by_a_token_of_a_session_that_was(self, world: World, alice: Account) -> None:
        await world.services.deactivations.deactivate(Localpart("alice"), world.origin, erase=False)
        for answer in (await world.whoami(alice.access_token), await world.refresh(alice.refresh_token)):
            assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


@pytest.mark.parametrize("field", ["client_secret", "sid"])
@pytest.mark.parametrize("value", ["x" * 100_000, "x" * 256, "a b", "a\n", "ä"])
async def test_client_secret_and_sid_had_no_bounds(world: World, alice: Account, field: str, value: str) -> None:
    body = {"client_secret": "c", "sid": "s", field: value}
    calls = [
        ("v3/account/3pid/add", body),
        ("v3/account/3pid", {"three_pid_creds": body}),
        ("v3/account/3pid/bind", {**body, "id_server": "x", "id_access_token": "x"}),
        ("v3/register", {"auth": {"type": "m.login.email.identity", "threepid_creds": body}}),
        ("/_matrix/client/unstable/org.ostiary/validate/msisdn/submit_token", {**body, "token": "1"}),
    ]
    before = await world.everything_stored()
    for path, sent in calls:
        answer = await world.call("POST", path, sent, token=alice.access_token)
        assert answer.status in (400, 413), path
        assert value not in json.dumps(answer.json)
    assert await world.everything_stored() == before


async def test_pages_showed_what_was_sent_as_markup(tmp_path: Path) -> None:
    async with open_world(sending(tmp_path)) as world:
        for path, query in (
            ("/_matrix/client/v3/auth/m.login.dummy/fallback/web", {"session": HOSTILE}),
            ("/_matrix/client/unstable/org.ostiary/validate", {"token": HOSTILE}),
            ("/_matrix/client/unstable/org.ostiary/register", {"token": HOSTILE}),
            ("/_matrix/static/client/login/", {"device_id": HOSTILE, "initial_device_display_name": HOSTILE}),
        ):
            page = await world.raw("GET", path, query=query)
            assert b"<script>alert" not in page.body, path
            assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_mails_carried_what_a_stranger_wrote(tmp_path: Path) -> None:
    """A stranger words nothing of a mail but the address that it goes to."""
    async with open_world(sending(tmp_path)) as world:
        await ask(world, next_link=f"https://evil.example/{HOSTILE}", secret=SECRET)
        (message,) = await world.messages()
        assert "evil" not in json.dumps(message)


@pytest.mark.parametrize(
    "address",
    [
        "alice@evil.example@example.org", '"alice@evil.example"@example.org', "alice@evil.example\0@example.org",
        "alice@evil.example <@example.org", "alice@evil.example,bob@example.org", "alice@evil.example\n@example.org",
        "alice@evil.example(@example.org", "@evil.example:alice@example.org", "alice@evil.example;@example.org",
    ],
)  # fmt: skip
async def test_address_of_two_hosts_was_taken_for_the_allowed_one(tmp_path: Path, address: str) -> None:
    """The pattern saw the last host of an address, and the mail went to the first."""
    async with open_world(sending(tmp_path, allowed=("*@example.org",))) as world:
        assert (await ask(world, address=address)).errcode == "M_INVALID_PARAM"
        assert await world.messages() == []


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Original-Host", "X-Host", "Forwarded", "Origin"])
async def test_a_link_led_where_the_request_said(tmp_path: Path, header: str) -> None:
    """A stranger asked for the victim's mail, whose link then gave its secret to the stranger's host."""
    body = json.dumps({"client_secret": SECRET, "email": ADDRESS, "send_attempt": 1}).encode()
    sent = ((header, "host=evil.example" if header == "Forwarded" else "evil.example"),) if header != "Host" else ()
    async with open_world(sending(tmp_path)) as world:
        await give(world, await world.register("alice"))
        path = "/_matrix/client/v3/account/password/email/requestToken"
        request = HttpRequest(method="POST", path=path, headers=sent, body=body)
        answer = await world.transport().exchange("http://evil.example", request)
        assert answer.status == 200
        assert b"evil" not in answer.body
        (message,) = await world.messages()
        assert message["link"].startswith("https://matrix.example.org/")
        assert "evil" not in json.dumps(message)


async def test_a_link_was_followed_by_scanners_of_mail(tmp_path: Path) -> None:
    async with open_world(sending(tmp_path)) as world:
        await give(world, await world.register("alice"))
        sid = (await ask(world, "reset")).json["sid"]
        link = (await world.messages())[0]["link"]
        path, _, query = link.removeprefix("https://matrix.example.org").partition("?")
        page = await world.raw("GET", path, query={"token": query.removeprefix("token=")})
        assert page.status == 200
        auth = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
        body = {"new_password": "a quite different one", "auth": auth}
        answer = await world.call("POST", "v3/account/password", body)
        assert (answer.status, answer.errcode) == (401, "M_THREEPID_AUTH_FAILED")


def test_show_config_printed_secrets(tmp_path: Path) -> None:
    secrets: dict[str, Any] = {
        "OSTIARY_MAIL__PASSWORD": "tell nobody 1", "OSTIARY_JWT__SECRET": "tell nobody 2 at all",
        "OSTIARY_CAPTCHA__SECRET": "tell nobody 3", "OSTIARY_SMS__URL": "https://x.example/?key=tell-nobody",
        "OSTIARY_SMS__HEADERS": '["Authorization: tell nobody 4"]', "OSTIARY_PASSWORDS__BCRYPT_PEPPER": "tell nobody 5",
        "OSTIARY_SERVER__PUBLIC_URL": "https://matrix.example.org",
    }  # fmt: skip
    loaded = load(environ=secrets)
    shown = show(loaded.config, loaded.sources) + repr(loaded)
    assert "nobody" not in shown


async def test_who_to_turn_to_was_a_stranger(tmp_path: Path) -> None:
    """The support contacts are the configuration's, whatever the request's Host says."""
    support = SupportConfig(contacts=(ContactConfig("m.role.admin", "@admin:localhost", None),))
    async with open_world(replace(sending(tmp_path), support=support)) as world:
        answer = await world.raw("GET", "/.well-known/matrix/support", headers=(("Host", "evil.example"),))
        assert b"evil" not in answer.body
        page = await world.raw("GET", "/", headers=(("Host", "evil.example"), ("X-Forwarded-Host", "evil.example")))
        assert b"evil" not in page.body
        assert ADDRESS not in page.body.decode()
