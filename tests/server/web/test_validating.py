"""Where the link of a mail leads: nothing is confirmed but by the button."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.web.reader import Reader
from tests.server.web.settings import open_pages, pages_config
from tests.server.web.test_stages import messages
from tests.world import World


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    config = pages_config(tmp_path, ("m.login.email.identity",))
    config = replace(config, threepids=replace(config.threepids, next_link_hosts=("app.example",)))
    async with open_pages(config) as world:
        yield Reader(world)


async def ask(world: World, **said: Any) -> str:
    """Have a mail sent as an app does. Returns the link in it."""
    body = {"client_secret": "mine", "email": "bob@example.org", "send_attempt": 1, **said}
    answer = await world.call("POST", "v3/register/email/requestToken", body)
    assert answer.status == 200
    link: str = (await messages(world))[-1]["link"]
    return link.removeprefix("http://localhost:8008")


async def is_validated(world: World) -> bool:
    ((validated_at,),) = await world.sql("SELECT validated_at FROM validations")
    return validated_at is not None


class TestValidate:
    async def test_only_the_button_confirms(self, reader: Reader) -> None:
        link = await ask(reader.world)
        for method in ("GET", "HEAD", "GET"):
            page = await reader.open(link, method)
            assert page.status == 200
        assert "bob@example.org" in page.text
        assert "make an account on localhost" in page.text
        assert not await is_validated(reader.world)
        done = await reader.send(page)
        assert done.status == 200
        assert "Address confirmed" in done.text
        assert await is_validated(reader.world)

    async def test_a_second_visit_says_that_it_is_done(self, reader: Reader) -> None:
        link = await ask(reader.world)
        page = await reader.open(link)
        await reader.send(page)
        assert "Address confirmed" in (await reader.open(link)).text
        assert (await reader.send(page)).status == 200

    @pytest.mark.parametrize(
        ("next_link", "source"),
        [
            ("https://app.example/done?a=1", "https://app.example"),
            ("http://app.example:8080/#x", "http://app.example:8080"),
        ],
    )
    async def test_then_on_to_where_the_app_asks(self, reader: Reader, next_link: str, source: str) -> None:
        page = await reader.open(await ask(reader.world, next_link=next_link))
        assert page.policy["form-action"] == ["'self'", source]
        response = await reader.send_raw(page)
        assert (response.status, response.headers["location"]) == (303, next_link)
        assert response.headers["referrer-policy"] == "no-referrer"

    @pytest.mark.parametrize(
        "next_link",
        ["https://evil.example/", "javascript:alert(1)", "https://app.example:x/", "https://app.example/é", "//x"],
    )
    async def test_not_where_it_may_not(self, reader: Reader, next_link: str) -> None:
        page = await reader.open(await ask(reader.world, next_link=next_link))
        assert page.policy["form-action"] == ["'self'"]
        done = await reader.send(page)
        assert done.status == 200
        assert "location" not in done.headers

    async def test_too_late(self, reader: Reader) -> None:
        link = await ask(reader.world)
        page = await reader.open(link)
        reader.world.clock.advance(reader.world.config.threepids.validation_lifetime_ms)
        assert (await reader.open(link)).status == 404
        late = await reader.send(page)
        assert late.status == 404
        assert "not valid any more" in late.text
        assert not await is_validated(reader.world)

    @pytest.mark.parametrize("token", ["", "nonsense", "%00", "%ff"])
    async def test_an_unknown_link(self, reader: Reader, token: str) -> None:
        page = await reader.open(f"/_matrix/client/unstable/org.ostiary/validate?token={token}")
        assert page.status == 404
        assert page.forms == []
