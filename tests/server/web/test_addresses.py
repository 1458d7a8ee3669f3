"""The fallbacks of stages that have a message sent: to a mail address, with a link; to a phone, with a code."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.web.reader import Reader
from tests.server.web.settings import SOLVED, open_pages, pages_config
from tests.server.web.test_stages import EMAIL_FLOW, PHONE_FLOW, begin, fallback, finish, is_done, messages
from tests.world import World

GUARDED_FLOW = ("m.login.recaptcha", "m.login.email.identity")


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[World]:
    """A server that asks for an address."""
    async with open_pages(pages_config(tmp_path, EMAIL_FLOW, PHONE_FLOW)) as world:
        yield world


@pytest.fixture
def reader(pages: World) -> Reader:
    return Reader(pages)


async def confirm_last(reader: Reader) -> None:
    """Follow the link of the mail sent last, and confirm."""
    link = (await messages(reader.world))[-1]["link"].removeprefix("http://localhost:8008")
    assert (await reader.send(await reader.open(link))).status == 200


class TestEmail:
    async def test_from_the_address_to_the_link_to_done(self, reader: Reader) -> None:
        world = reader.world
        session = await begin(world)
        page = await reader.open(fallback("m.login.email.identity", session))
        sent = await reader.send(page, address="Bob@Example.org")
        assert "sent a mail to Bob@Example.org" in sent.text
        early = await reader.send(sent, do="check")
        assert early.status == 401
        assert "not been confirmed yet" in early.text
        (mail,) = await messages(world)
        landing = await reader.open(mail["link"].removeprefix("http://localhost:8008"))
        assert (await reader.send(landing)).status == 200
        assert is_done(await reader.send(early, do="check"))
        answer = await finish(world, session)
        assert answer.json["user_id"] == "@bob:localhost"
        assert (await world.sql("SELECT address FROM threepids"))[0][0] == "bob@example.org"

    async def test_again_and_to_another_address(self, reader: Reader) -> None:
        page = await reader.open(fallback("m.login.email.identity", await begin(reader.world)))
        sent = await reader.send(page, address="bob@example.org")
        again = await reader.send(sent, do="send")
        assert len(await messages(reader.world)) == 2
        changed = await reader.send(again, do="change")
        assert "sid" not in changed.form.fields
        other = await reader.send(changed, address="rob@example.org")
        assert "rob@example.org" in other.text
        assert len(await messages(reader.world)) == 3

    @pytest.mark.parametrize("address", ["", "nonsense", "a b@example.org", "x" * 300 + "@example.org"])
    async def test_what_is_no_address(self, reader: Reader, address: str) -> None:
        page = await reader.open(fallback("m.login.email.identity", await begin(reader.world)))
        wrong = await reader.send(page, address=address)
        assert wrong.status == 401
        assert "This is no mail address." in wrong.text
        assert await messages(reader.world) == []

    async def test_no_mail_is_sent_before_the_captcha_is_solved(self, tmp_path: Path) -> None:
        async with open_pages(pages_config(tmp_path, GUARDED_FLOW)) as world:
            reader = Reader(world)
            session = await begin(world)
            early = await reader.open(fallback("m.login.email.identity", session))
            assert early.status == 401
            assert early.forms == []
            captcha = await reader.open(fallback("m.login.recaptcha", session))
            address = {"address": "bob@example.org", "do": "send"}
            forced = captcha.form
            forced.action = forced.action.replace("m.login.recaptcha", "m.login.email.identity")
            assert (await reader.send(captcha, **address)).status == 401
            assert await messages(world) == []
            captcha = await reader.open(fallback("m.login.recaptcha", session))
            assert is_done(await reader.send(captcha, **{"g-recaptcha-response": SOLVED}))
            page = await reader.open(fallback("m.login.email.identity", session))
            await reader.send(page, **address)
            assert len(await messages(world)) == 1

    async def test_for_a_new_password_it_takes_the_accounts_own_address(self, reader: Reader) -> None:
        world = reader.world
        session = await begin(world)
        sent = await reader.send(
            await reader.open(fallback("m.login.email.identity", session)), address="bob@example.org"
        )
        await confirm_last(reader)
        await reader.send(sent, do="check")
        await finish(world, session)
        question = await world.call("POST", "v3/account/password", {"new_password": "a quite new one"})
        page = await reader.open(fallback("m.login.email.identity", question.json["session"]))
        sent = await reader.send(page, address="bob@example.org")
        await confirm_last(reader)
        assert is_done(await reader.send(sent, do="check"))
        done = await world.call("POST", "v3/account/password", {"auth": {"session": question.json["session"]}})
        assert done.status == 200


class TestPhone:
    async def test_from_the_number_to_the_code_to_done(self, pages: World) -> None:
        reader = Reader(pages, "de-CH")
        session = await begin(pages)
        page = await reader.open(fallback("m.login.msisdn", session))
        assert '<option value="CH" selected>Schweiz (+41)</option>' in page.html
        bad = await reader.send(page, country="DE", address="12")
        assert bad.status == 401
        assert "keine Telefonnummer" in bad.text
        sent = await reader.send(bad, country="DE", address="030 123456", do="send")
        (text,) = await messages(pages)
        wrong = await reader.send(sent, do="check", code="x")
        assert wrong.status == 401
        assert "Der Code ist nicht der" in wrong.text
        assert is_done(await reader.send(wrong, do="check", code=text["code"]))
        assert (await finish(pages, session)).status == 200
