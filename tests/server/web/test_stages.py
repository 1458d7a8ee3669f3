"""The fallback of every stage: shown, completed, tried wrongly, and of no use to whoever has no session."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.web.reader import Reader, Shown
from tests.server.web.settings import SOLVED, HeldCaptcha, open_pages, pages_config
from tests.world import PASSWORD, World, password_auth

DUMMY = ("m.login.dummy",)
TOKEN_FLOW = ("m.login.registration_token",)
TERMS_FLOW = ("m.login.terms",)
CAPTCHA_FLOW = ("m.login.recaptcha",)
EMAIL_FLOW = ("m.login.email.identity",)
PHONE_FLOW = ("m.login.msisdn",)


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[World]:
    """A server that asks for one of everything."""
    flows = (DUMMY, TOKEN_FLOW, TERMS_FLOW, CAPTCHA_FLOW, EMAIL_FLOW, PHONE_FLOW)
    async with open_pages(pages_config(tmp_path, *flows)) as world:
        yield world


@pytest.fixture
def reader(pages: World) -> Reader:
    return Reader(pages)


async def begin(world: World, username: str = "bob") -> str:
    """Begin a registration as an app does. Returns the session."""
    answer = await world.call("POST", "v3/register", {"username": username, "password": PASSWORD})
    assert answer.status == 401
    session: str = answer.json["session"]
    return session


async def finish(world: World, session: str) -> Any:
    """Go on as an app does once the page says that it is done."""
    return await world.call("POST", "v3/register", {"auth": {"session": session}})


def fallback(stage: str, session: str, version: str = "v3") -> str:
    return f"/_matrix/client/{version}/auth/{stage}/fallback/web?session={quote(session)}"


def is_done(page: Shown) -> bool:
    return page.status == 200 and any("auth-done" in script for script in page.scripts())


async def messages(world: World) -> list[dict[str, Any]]:
    return [json.loads(content) for (content,) in await world.sql("SELECT content FROM outbox ORDER BY outbox_id")]


class TestDummy:
    async def test_pressing_the_button_completes_it(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("m.login.dummy", session))
        assert page.status == 200
        assert "make an account on localhost" in page.text
        assert is_done(await reader.send(page))
        answer = await finish(reader.world, session)
        assert answer.json["user_id"] == "@bob:localhost"

    @pytest.mark.parametrize("version", ["r0", "v3", "unstable", "v2_alpha"])
    async def test_every_version_of_the_path(self, reader: Reader, version: str) -> None:
        session = await begin(reader.world)
        assert (await reader.open(fallback("m.login.dummy", session, version))).status == 200

    async def test_a_stage_done_already_is_shown_as_done(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("m.login.dummy", session))
        await reader.send(page)
        assert is_done(await reader.open(fallback("m.login.dummy", session)))
        assert is_done(await reader.send(page))


class TestPassword:
    async def test_a_dialogue_with_an_owner_asks_for_the_password_alone(self, reader: Reader) -> None:
        world = reader.world
        alice = await world.register("alice")
        body = {"devices": [alice.device_id]}
        question = await world.call("POST", "v3/delete_devices", body, token=alice.access_token)
        session = question.json["session"]
        page = await reader.open(fallback("m.login.password", session))
        assert "user" not in page.form.names
        assert "sign out devices, for @alice:localhost" in page.text
        wrong = await reader.send(page, password="wrong")
        assert wrong.status == 401
        assert "The password is wrong." in wrong.text
        assert is_done(await reader.send(wrong, password=PASSWORD))
        done = await world.call("POST", "v3/delete_devices", {"auth": {"session": session}}, token=alice.access_token)
        assert done.status == 200

    async def test_without_an_owner_it_asks_who_it_is(self, reader: Reader) -> None:
        world = reader.world
        await world.register("alice")
        question = await world.call("POST", "v3/account/password", {"new_password": "a quite new one"})
        session = question.json["session"]
        page = await reader.open(fallback("m.login.password", session))
        assert "user" in page.form.names
        unknown = await reader.send(page, user="nobody", password=PASSWORD)
        wrong = await reader.send(page, user="alice", password="wrong")
        assert (unknown.status, wrong.status) == (401, 401)
        assert wrong.html.replace('value="alice"', 'value="nobody"') == unknown.html
        assert PASSWORD not in unknown.html
        assert is_done(await reader.send(wrong, user="@alice:localhost", password=PASSWORD))
        done = await world.call("POST", "v3/account/password", {"auth": {"session": session}})
        assert done.status == 200
        assert (await world.login("alice", "a quite new one")).status == 200

    async def test_another_account_than_the_owners_is_refused(self, reader: Reader) -> None:
        world = reader.world
        alice = await world.register("alice")
        mallory = await world.register("mallory")
        path = f"v3/devices/{alice.device_id}"
        question = await world.call("DELETE", path, {}, token=alice.access_token)
        page = await reader.open(fallback("m.login.password", question.json["session"]))
        refused = await reader.send(page, user=mallory.user_id, password=mallory.password)
        assert refused.status == 401
        assert "another account" in refused.text


class TestRegistrationToken:
    async def test_the_right_token(self, reader: Reader) -> None:
        world = reader.world
        await world.services.invitations.create(token="open-sesame", uses_allowed=1)
        session = await begin(world)
        page = await reader.open(fallback("m.login.registration_token", session))
        wrong = await reader.send(page, token="close-sesame")
        assert wrong.status == 401
        assert "not valid" in wrong.text
        assert is_done(await reader.send(wrong, token=" open-sesame "))
        assert (await finish(world, session)).status == 200

    async def test_the_older_name_of_the_stage(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("org.matrix.msc3231.login.registration_token", session))
        assert "token" in page.form.names


class TestTerms:
    async def test_the_policies_are_linked_in_the_readers_language(self, pages: World) -> None:
        session = await begin(pages)
        page = await Reader(pages, "de-AT,de;q=0.9,en;q=0.5").open(fallback("m.login.terms", session))
        links = [said["href"] for tag, said in page.elements if tag == "a"]
        assert links == ["https://example.org/bedingungen", "https://example.org/vie"]
        assert "Nutzungsbedingungen" in page.text

    async def test_the_box_has_to_be_ticked(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("m.login.terms", session))
        assert "https://example.org/terms?a=1&amp;b=2" in page.html
        unticked = await reader.send(page)
        assert unticked.status == 401
        assert "tick the box" in unticked.text
        assert is_done(await reader.send(unticked, agree="yes"))
        assert (await finish(reader.world, session)).status == 200
        assert len(await reader.world.sql("SELECT * FROM consents")) == 2


class TestCaptcha:
    @pytest.mark.parametrize(
        ("service", "css_class", "field", "host"),
        [
            ("recaptcha", "g-recaptcha", "g-recaptcha-response", "https://www.google.com/recaptcha/"),
            ("hcaptcha", "h-captcha", "h-captcha-response", "https://*.hcaptcha.com"),
            ("turnstile", "cf-turnstile", "cf-turnstile-response", "https://challenges.cloudflare.com"),
        ],
    )
    async def test_each_service(self, tmp_path: Path, service: str, css_class: str, field: str, host: str) -> None:
        config = pages_config(tmp_path, CAPTCHA_FLOW)
        config = replace(config, captcha=replace(config.captcha, service=service))
        async with open_pages(config) as world:
            reader = Reader(world)
            session = await begin(world)
            page = await reader.open(fallback("m.login.recaptcha", session))
            (widget,) = [said for _, said in page.elements if "data-sitekey" in said]
            assert widget["data-sitekey"] == "the-site-key"
            assert css_class in widget["class"].split()
            (script,) = page.scripts()
            assert script.startswith("https://")
            assert host in page.policy["script-src"]
            assert host in page.policy["frame-src"]
            assert "'self'" not in page.policy["script-src"]
            assert "JavaScript" in page.text
            wrong = await reader.send(page, **{field: "robot"})
            assert wrong.status == 401
            assert "captcha was not solved" in wrong.text
            assert is_done(await reader.send(wrong, **{field: SOLVED}))
            assert (await finish(world, session)).status == 200

    async def test_a_service_that_is_down(self, tmp_path: Path) -> None:
        captcha = HeldCaptcha()
        async with open_pages(pages_config(tmp_path, CAPTCHA_FLOW), captcha) as world:
            reader = Reader(world)
            page = await reader.open(fallback("m.login.recaptcha", await begin(world)))
            captcha.is_there = False
            down = await reader.send(page, **{"g-recaptcha-response": SOLVED})
            assert down.status == 503
            captcha.is_there = True
            assert is_done(await reader.send(down, **{"g-recaptcha-response": SOLVED}))


class TestSessions:
    @pytest.mark.parametrize("session", ["", "nonsense", "\0", "ostu_000000000000000000000000000_000000"])
    async def test_an_unknown_session_is_told_no_details(self, reader: Reader, session: str) -> None:
        page = await reader.open(fallback("m.login.dummy", session))
        assert page.status == 404
        assert page.forms == []
        assert "expired" in page.text

    async def test_an_expired_session(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("m.login.dummy", session))
        reader.world.clock.advance(reader.world.config.uia.session_lifetime_ms)
        assert (await reader.open(fallback("m.login.dummy", session))).status == 404
        assert (await reader.send(page)).status == 404

    async def test_a_session_used_up(self, reader: Reader) -> None:
        session = await begin(reader.world)
        await reader.send(await reader.open(fallback("m.login.dummy", session)))
        await finish(reader.world, session)
        assert (await reader.open(fallback("m.login.dummy", session))).status == 404

    @pytest.mark.parametrize(("stage", "status"), [("m.login.password", 401), ("m.login.sso", 404), ("%00", 404)])
    async def test_a_stage_of_no_flow(self, reader: Reader, stage: str, status: int) -> None:
        page = await reader.open(fallback(stage, await begin(reader.world)))
        assert page.status == status
        assert page.forms == []

    async def test_a_page_never_makes_the_account_itself(self, reader: Reader) -> None:
        session = await begin(reader.world)
        await reader.send(await reader.open(fallback("m.login.dummy", session)))
        assert await reader.world.sql("SELECT * FROM accounts") == []

    async def test_two_who_go_on_at_once_complete_it_once(self, reader: Reader) -> None:
        session = await begin(reader.world)
        page = await reader.open(fallback("m.login.terms", session))
        shown = await asyncio.gather(*(reader.send(page, agree="yes") for _ in range(5)))
        assert {one.status for one in shown} <= {200, 401, 403}
        assert is_done(await reader.open(fallback("m.login.terms", session)))
        assert (await finish(reader.world, session)).status == 200

    async def test_a_page_completes_what_an_api_call_goes_on_with(self, reader: Reader) -> None:
        world = reader.world
        alice = await world.register("alice")
        path = f"v3/devices/{alice.device_id}"
        session = (await world.call("DELETE", path, {}, token=alice.access_token)).json["session"]
        await reader.send(await reader.open(fallback("m.login.password", session)), password=PASSWORD)
        other = await world.call("DELETE", path, {"auth": password_auth(alice, session)}, token=alice.access_token)
        assert other.status == 200
