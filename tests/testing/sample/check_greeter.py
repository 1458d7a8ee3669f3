"""The bot's tests, which know of Ostiary only what its plugin offers. Run from outside by ``test_plugin``."""

# mypy: ignore-errors
# It is written as people write tests, and finds the bot only where it is run.

import asyncio
from dataclasses import replace

import pytest
from greeter import Greeter, LoggedOut


@pytest.fixture
def bot(ostiary):
    account = ostiary.account("greeter")
    made = Greeter(ostiary.url, "greeter", account.password)
    made.log_in()
    made.step()
    return made


def test_greets(ostiary, bot):
    alice = ostiary.account("alice")
    room_id = ostiary.rooms.create(alice.user_id, invite=[bot.user_id])
    bot.step()
    ostiary.rooms.say(room_id, alice.user_id, "anybody?")
    bot.step()
    assert ostiary.rooms.messages(room_id, bot.user_id) == ["Hello @alice:localhost!"]


def test_notices_that_it_was_locked_out(ostiary, bot):
    ostiary.deactivate(bot.user_id)
    with pytest.raises(LoggedOut):
        bot.step()


@pytest.mark.ostiary(server_name="example.org")
def test_marker_says_how_the_server_is(ostiary_app):
    assert ostiary_app.account("alice").user_id == "@alice:example.org"


class TestShortTokens:
    @pytest.fixture
    def ostiary_config(self, ostiary_config):
        return replace(ostiary_config, sessions=replace(ostiary_config.sessions, access_token_lifetime_ms=1_000))

    def test_configuration_is_overridden(self, ostiary_app):
        session = ostiary_app.account("alice").client()
        ostiary_app.clock.advance(1_000)
        assert session.whoami().user_id == "@alice:localhost"
        assert len(ostiary_app.requests("/refresh")) == 1


def test_asynchronous_client(ostiary_app):
    session = ostiary_app.account("alice").aclient()
    assert asyncio.run(session.whoami()).user_id == "@alice:localhost"
