"""Commands about others: an administrator's about accounts, anybody's about servers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.config import IdentityServersConfig
from ostiary.testing import Server, serve
from ostiary.testing.settings import default_config
from tests.cli.person import PASSWORD, Shell
from tests.delivery.doubles import serving
from tests.delivery.test_identity import MAIL, IdentityServer
from tests.server.handlers.test_validation import SECRET
from tests.server.test_identity_servers import Published


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(admin="root", registration_tokens=["welcome"]) as server:
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def test_administrator_locks_and_suspends(shell: Shell) -> None:
    carol = shell.server.account("carol")
    shell.there("login", "root", stdin=f"{PASSWORD}\n")
    assert shell.run("moderate", "show", carol.user_id) == f"{carol.user_id} is free\n"
    assert shell.run("moderate", "suspend", carol.user_id) == f"Suspended {carol.user_id}\n"
    assert json.loads(shell.run("moderate", "lock", carol.user_id, "--json"))["locked"] is True
    assert shell.run("moderate", "show", carol.user_id) == f"{carol.user_id} is locked and suspended\n"
    shell.run("moderate", "unlock", carol.user_id)
    shell.run("moderate", "unsuspend", carol.user_id)
    told = json.loads(shell.run("moderate", "show", carol.user_id, "--json"))
    assert told == {"user_id": carol.user_id, "locked": False, "suspended": False}


def test_others_do_not(shell: Shell) -> None:
    shell.login("dave")
    assert shell.run("moderate", "lock", "@root:localhost", code=1).count("\n") == 1


def test_server_is_asked_about_itself(shell: Shell) -> None:
    where = ("--homeserver", shell.server.url)
    told = json.loads(shell.run("about", *where, "--name", "root", "--registration-token", "welcome", "--json"))
    assert told["homeserver"] == shell.server.url
    assert "v1.18" in told["versions"]
    assert "m.login.password" in {one["type"] for one in told["login"]}
    assert (told["is_available"], told["is_token_valid"]) == (False, True)
    text = shell.run("about", *where, "--name", "nobody")
    assert "m.login.password" in text
    assert "turn to: it does not say\n" in text
    assert "nobody is free\n" in text
    assert "cannot be reached" in shell.run("about", "127.0.0.1:1", code=1)


def test_address_is_bound_and_only_where_the_server_trusts(tmp_path: Path) -> None:
    identity = IdentityServer(Published(), sid="sid1", client_secret=SECRET)
    with serving(identity) as double:
        trusted = IdentityServersConfig(trusted=(double.url,))
        with serve(config=replace(default_config(), identity_servers=trusted)) as server:
            shell = Shell(server, tmp_path)
            user_id = shell.login("frieda")
            there = ("--id-server", double.url.removeprefix("http://"))
            secrets = f"{SECRET}\nid-access-token\n"
            bind = ("threepids", "bind", "sid1")
            assert "Bound" in shell.run(*bind, *there, "--password-stdin", stdin=secrets)
            assert identity.bound == {MAIL: user_id}
            told = json.loads(shell.run(*bind, *there, "--password-stdin", "--json", stdin=secrets))
            assert told == {"sid": "sid1", "id_server": there[1]}
            failed = shell.run(*bind, "--id-server", "id.test", "--password-stdin", stdin=secrets, code=1)
            assert "not on the trusted list" in failed
            with shell.typing(*bind, *there) as typing:
                typing.until("Client secret: ")
                typing.say(SECRET)
                typing.until(f"Token for {there[1]}: ")
                typing.say("wrong")
                typing.end(code=1)
            assert SECRET not in typing.seen


def test_address_is_unbound(shell: Shell) -> None:
    shell.server.account("erna", password=PASSWORD, email="erna@example.org")
    shell.there("login", "erna")
    assert "cannot unbind" in shell.run("threepids", "unbind", "email", "erna@example.org")
    of_erna = ("email", "erna@example.org", "--json")
    told = {"medium": "email", "address": "erna@example.org", "is_unbound": False}
    assert json.loads(shell.run("threepids", "unbind", *of_erna)) == told
    assert "erna@example.org" in shell.run("threepids", "list")
    assert json.loads(shell.run("threepids", "remove", *of_erna)) == {**told, "is_unbound": True}
    assert "erna@example.org" not in shell.run("threepids", "list")
