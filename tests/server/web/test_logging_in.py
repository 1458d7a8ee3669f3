"""The page for apps that cannot log in by themselves."""

import json
from pathlib import Path

import pytest

from ostiary.config import RateLimitsConfig
from ostiary.config.services import LoginConfig
from tests.server.web.reader import Reader
from tests.world import PASSWORD, Account, World, open_config, open_world

PATH = "/_matrix/static/client/login/"


@pytest.fixture
def reader(world: World) -> Reader:
    return Reader(world)


class TestLogin:
    async def test_what_it_answers_is_what_the_call_does(self, reader: Reader, alice: Account) -> None:
        page = await reader.open(f"{PATH}?device_id=KITCHEN&initial_device_display_name=Kitchen%20%3Cradio%3E")
        done = await reader.send(page, user="alice", password=PASSWORD)
        assert done.status == 200
        assert "logged in as @alice:localhost" in done.text
        response = json.loads(done.attributes("logged-in")["data-response"])
        assert response.keys() >= {"user_id", "access_token", "device_id", "home_server"}
        assert response["device_id"] == "KITCHEN"
        whoami = await reader.world.whoami(response["access_token"])
        assert whoami.json["device_id"] == "KITCHEN"
        devices = await reader.world.call("GET", "v3/devices/KITCHEN", token=response["access_token"])
        assert devices.json["display_name"] == "Kitchen <radio>"

    @pytest.mark.parametrize("user", ["alice", "@alice:localhost", " alice "])
    async def test_ways_to_say_who(self, reader: Reader, alice: Account, user: str) -> None:
        page = await reader.open(PATH)
        assert (await reader.send(page, user=user, password=PASSWORD)).status == 200

    @pytest.mark.parametrize("user", ["alice", "nobody", "nobody@example.org", "@alice:elsewhere.example", ""])
    async def test_whatever_is_wrong_reads_the_same(self, reader: Reader, alice: Account, user: str) -> None:
        wrong = await reader.send(await reader.open(PATH), user=user, password="wrong")
        assert wrong.status == 403
        assert "User name or password is wrong." in wrong.text
        assert wrong.attributes("user")["value"] == user
        assert wrong.attributes("password")["value"] == ""

    async def test_a_device_id_that_is_none(self, reader: Reader, alice: Account) -> None:
        page = await reader.open(f"{PATH}?device_id={'x' * 300}")
        wrong = await reader.send(page, user="alice", password=PASSWORD)
        assert wrong.status == 400
        assert wrong.forms

    async def test_where_passwords_are_not_taken(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, login=LoginConfig(password=False))) as world:
            page = await Reader(world).open(PATH)
            assert page.status == 404
            assert page.forms == []

    async def test_it_is_limited_as_the_call_is(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, rate_limits=RateLimitsConfig())) as world:
            reader = Reader(world)
            page = await reader.open(PATH)
            for _ in range(50):
                refused = await reader.send(page, user="alice", password="wrong")
                if refused.status == 429:
                    break
            assert "tried too often" in refused.text
