"""Making an account in the browser, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.api.secret import Secret
from ostiary.config import RegistrationConfig
from ostiary.server.web.guarding import form_token
from tests.server.web.reader import Reader, Shown
from tests.server.web.settings import SOLVED, open_pages, pages_config
from tests.server.web.test_addresses import confirm_last
from tests.server.web.test_stages import messages
from tests.world import PASSWORD, World, open_config, open_world

PATH = "/_matrix/static/client/register/"
LONG_FLOW = ("m.login.recaptcha", "m.login.terms", "m.login.email.identity")
TOKEN_FLOW = ("m.login.registration_token", "m.login.terms", "m.login.dummy")


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    async with open_pages(pages_config(tmp_path, LONG_FLOW, TOKEN_FLOW)) as world:
        yield Reader(world)


async def first(reader: Reader, *, flow: str = "0", username: str = "bob", **filled: str) -> Shown:
    """Fill in the first page."""
    page = await reader.open(PATH)
    return await reader.send(
        page, **{"username": username, "password": PASSWORD, "repeated": PASSWORD, "flow": flow, **filled}
    )


async def accounts(world: World) -> list[str]:
    return [localpart for (localpart,) in await world.sql("SELECT localpart FROM accounts")]


class TestWizard:
    async def test_a_long_flow_to_its_end(self, reader: Reader) -> None:
        captcha = await first(reader)
        assert "Step 2 of 4" in captcha.text
        assert captcha.form.fields["session"]
        again = await reader.send(captcha, **{"g-recaptcha-response": "robot"})
        assert "captcha was not solved" in again.text
        terms = await reader.send(again, **{"g-recaptcha-response": SOLVED})
        assert "Step 3 of 4" in terms.text
        mail = await reader.send(terms, agree="yes")
        sent = await reader.send(mail, address="bob@example.org")
        assert "not been confirmed yet" in (await reader.send(sent, do="check")).text
        assert await accounts(reader.world) == []
        await confirm_last(reader)
        done = await reader.send(sent, do="check")
        assert "Your user ID is @bob:localhost" in done.text
        assert done.attributes("registered")["data-access-token"] == ""
        assert (await reader.world.login("bob")).status == 200
        assert (await reader.world.sql("SELECT address FROM threepids"))[0][0] == "bob@example.org"
        assert len(await messages(reader.world)) >= 1

    async def test_another_flow_by_choice(self, reader: Reader) -> None:
        await reader.world.services.invitations.create(token="open-sesame")
        page = await reader.open(PATH)
        assert "Captcha and Terms and Mail address" in page.text
        assert "Registration token and Terms" in page.text
        token = await first(reader, flow="1")
        assert "Step 2 of 3" in token.text
        wrong = await reader.send(token, token="close-sesame")
        assert "not valid" in wrong.text
        terms = await reader.send(wrong, token="open-sesame")
        assert "Step 3 of 3" in terms.text
        unticked = await reader.send(terms)
        assert "tick the box" in unticked.text
        assert "@bob:localhost" in (await reader.send(unticked, agree="yes")).text

    async def test_no_session_is_opened_that_nobody_takes(self, reader: Reader) -> None:
        await reader.world.services.invitations.create(token="open-sesame")
        terms = await reader.send(await first(reader, flow="1"), token="open-sesame")
        await reader.send(terms, agree="yes")
        assert await reader.world.sql("SELECT * FROM devices") == []

    async def test_a_session_for_an_app_that_listens(self, reader: Reader) -> None:
        await reader.world.services.invitations.create(token="open-sesame")
        token = await first(reader, flow="1", wants_session="yes")
        done = await reader.send(await reader.send(token, token="open-sesame"), agree="yes")
        told = done.attributes("registered")
        assert told["data-user-id"] == "@bob:localhost"
        assert told["data-hs-url"] == "http://localhost:8008"
        assert (await reader.world.whoami(told["data-access-token"])).status == 200

    async def test_the_password_is_in_no_later_page(self, reader: Reader) -> None:
        captcha = await first(reader)
        terms = await reader.send(captcha, **{"g-recaptcha-response": SOLVED})
        assert PASSWORD not in captcha.html + terms.html
        assert PASSWORD not in await reader.world.everything_stored()

    @pytest.mark.parametrize(
        ("filled", "status", "said"),
        [
            ({"username": "alice"}, 400, "taken"),
            ({"username": "Al ice"}, 400, "letters a to z"),
            ({"username": ""}, 400, "letters a to z"),
            ({"password": "x", "repeated": "x"}, 400, "password will not do"),
            ({"repeated": "something else"}, 400, "not the same"),
        ],
    )
    async def test_what_is_wrong_is_said_at_once(
        self, reader: Reader, filled: dict[str, str], status: int, said: str
    ) -> None:
        await reader.world.services.registrations.create("alice", Secret(PASSWORD))
        wrong = await first(reader, **filled)
        assert wrong.status == status
        assert said in wrong.text
        assert wrong.attributes("password")["value"] == ""
        assert "Captcha" in wrong.text

    @pytest.mark.parametrize("username", ["@bob:localhost", "Bob", " bob "])
    async def test_names_as_people_type_them(self, reader: Reader, username: str) -> None:
        assert "Step 2" in (await first(reader, username=username)).text

    async def test_a_name_taken_meanwhile(self, reader: Reader) -> None:
        await reader.world.services.invitations.create(token="open-sesame")
        terms = await reader.send(await first(reader, flow="1"), token="open-sesame")
        await reader.world.services.registrations.create("bob", None)
        refused = await reader.send(terms, agree="yes")
        assert refused.status == 400
        assert "taken" in refused.text

    async def test_the_same_form_twice(self, reader: Reader) -> None:
        captcha = await first(reader)
        solved = {"g-recaptcha-response": SOLVED}
        terms = await reader.send(captcha, **solved)
        assert (await reader.send(captcha, **solved)).text == terms.text

    async def test_after_the_end_and_after_its_time_it_is_over(self, reader: Reader) -> None:
        captcha = await first(reader)
        reader.world.clock.advance(reader.world.config.uia.session_lifetime_ms)
        assert (await reader.send(captcha)).status == 404

    async def test_a_session_of_something_else(self, reader: Reader) -> None:
        world = reader.world
        question = await world.call("POST", "v3/account/password", {"new_password": "a quite new one"})
        session = question.json["session"]
        page = await reader.open(PATH)
        token = form_token("register", session)
        assert (await reader.send(page, session=session, form_token=token)).status == 404

    async def test_closed_to_all(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, registration=RegistrationConfig())) as world:
            for path in (PATH, "/_matrix/client/unstable/org.ostiary/register?token=x"):
                page = await Reader(world).open(path)
                assert page.status == 403
                assert "not open" in page.text
            assert (await world.raw("POST", PATH, b"username=x")).status == 403
            assert PATH not in (await Reader(world).open("/")).html

    @pytest.mark.parametrize("wants", ["", "yes"])
    async def test_an_account_that_has_to_be_approved(self, tmp_path: Path, wants: str) -> None:
        config = open_config(tmp_path)
        config = replace(config, registration=replace(config.registration, approval=True))
        async with open_world(config) as world:
            done = await first(Reader(world), wants_session=wants)
            assert done.status == 200
            assert "has to approve" in done.text
            assert await accounts(world) == ["bob"]

    async def test_where_nothing_is_asked_it_is_one_page(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path)) as world:
            assert PATH in (await Reader(world).open("/")).html
            assert "@bob:localhost" in (await first(Reader(world))).text


class TestInvitation:
    async def invited(self, reader: Reader) -> str:
        _, link = await reader.world.services.invitations.invite(None, "bob", lifetime_ms=86_400_000)
        return link.removeprefix("http://localhost:8008")

    async def test_the_token_is_taken_care_of(self, reader: Reader) -> None:
        page = await reader.open(await self.invited(reader))
        assert "invited" in page.text
        assert page.attributes("username")["value"] == "bob"
        terms = await reader.send(page, password=PASSWORD, repeated=PASSWORD)
        assert "Step 2 of 2" in terms.text
        assert "@bob:localhost" in (await reader.send(terms, agree="yes")).text

    async def test_it_survives_a_mistake(self, reader: Reader) -> None:
        page = await reader.open(await self.invited(reader))
        wrong = await reader.send(page, password=PASSWORD, repeated="x")
        terms = await reader.send(wrong, password=PASSWORD, repeated=PASSWORD, username="robert")
        assert "@robert:localhost" in (await reader.send(terms, agree="yes")).text

    async def test_used_up(self, reader: Reader) -> None:
        link = await self.invited(reader)
        page = await reader.open(link)
        filled = {"password": PASSWORD, "repeated": PASSWORD}
        await reader.send(await reader.send(page, **filled), agree="yes")
        assert (await reader.open(link)).status == 404
        late = await reader.send(page, **filled, username="rob")
        assert "not valid" in late.text

    async def test_expired_or_unknown(self, reader: Reader) -> None:
        link = await self.invited(reader)
        reader.world.clock.advance(86_400_000)
        for path in (link, link + "x", link.partition("?")[0]):
            page = await reader.open(path)
            assert page.status == 404
            assert "invitation is not valid" in page.text
