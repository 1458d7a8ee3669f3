"""What the owner of an account does with it: addresses, password, profile, tokens, sessions, its end."""

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.testing import Server, serve
from tests.cli.person import PASSWORD, Shell
from tests.process import run_cli

NEW_PASSWORD = "another horse, another battery"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


class TestThreepids:
    def test_mail_address_is_added_listed_and_removed(self, shell: Shell) -> None:
        shell.login("anna")
        assert shell.run("threepids", "list") == "There are no addresses.\n"
        with shell.typing("threepids", "add-email", "anna@example.org", "--json") as typing:
            typing.until("Password of @anna:localhost: ")
            typing.say(PASSWORD)
            typing.until("A mail to anna@example.org is on its way.")
            shell.server.confirm(shell.server.mails(to="anna@example.org")[0])
            assert json.loads(typing.end()) == {"medium": "email", "address": "anna@example.org"}
        (listed,) = json.loads(shell.run("threepids", "list", "--json"))
        assert (listed["medium"], listed["address"]) == ("email", "anna@example.org")
        assert "anna@example.org" in shell.run("threepids", "list")
        assert shell.run("threepids", "remove", "email", "anna@example.org") == "Removed anna@example.org\n"
        assert json.loads(shell.run("threepids", "list", "--json")) == []

    def test_nobody_follows_the_link(self, shell: Shell) -> None:
        shell.login("berta")
        arguments = ("threepids", "add-email", "berta@example.org", "--wait", "0", "--password-stdin")
        told = shell.run(*arguments, stdin=f"{PASSWORD}\n", code=1)
        assert "ostiary: nobody has confirmed the email berta@example.org yet (with --later FILE" in told


class TestPassword:
    def test_change(self, shell: Shell) -> None:
        shell.login("carla")
        told = shell.run("password", "change", "--password-stdin", stdin=f"{PASSWORD}\n{NEW_PASSWORD}\n")
        assert told == "The password of @carla:localhost has been changed\n"
        shell.there("login", "carla", stdin=f"{NEW_PASSWORD}\n")
        wrong = shell.run("password", "change", "--password-stdin", stdin=f"wrong\n{PASSWORD}\n", code=1)
        assert wrong.count("\n") == 1

    def test_options_go_with_the_command(self, shell: Shell) -> None:
        assert "Give the options after change" in shell.run("password", "--password-stdin", "change", code=2)

    def test_reset_by_mail(self, shell: Shell) -> None:
        shell.server.account("dora", email="dora@example.org")
        where = ("--homeserver", shell.server.url)
        with shell.typing("password", "reset", "--email", "dora@example.org", *where) as typing:
            for prompt in ("New password: ", "New password again: "):
                typing.until(prompt)
                typing.say(NEW_PASSWORD)
            typing.until("A mail is on its way.")
            shell.server.confirm(shell.server.mails(to="dora@example.org")[-1])
            assert typing.end() == "The password has been changed\n"
        shell.there("login", "dora", stdin=f"{NEW_PASSWORD}\n")

    def test_reset_by_phone(self, shell: Shell) -> None:
        shell.login("emma")
        with shell.typing("threepids", "add-phone", "GB", "07700 900333") as typing:
            typing.until("Password of")
            typing.say(PASSWORD)
            typing.until("Code that was sent")
            typing.say(shell.server.text_messages(to="447700900333")[-1].code)
            typing.end()
        phone = ("--phone", "GB", "07700 900333", "--homeserver", shell.server.url)
        with shell.typing("password", "reset", *phone, "--keep-devices") as typing:
            for prompt in ("New password: ", "New password again: "):
                typing.until(prompt)
                typing.say(NEW_PASSWORD)
            typing.until("Code that was sent")
            typing.say(shell.server.text_messages(to="447700900333")[-1].code)
            typing.end()
        assert "@emma:localhost" in shell.run("whoami")
        shell.there("login", "emma", stdin=f"{NEW_PASSWORD}\n")

    def test_reset_wants_one_address(self, shell: Shell) -> None:
        assert "either --email or --phone" in shell.there("password", "reset", code=2)


class TestProfile:
    def test_fields_are_set_shown_and_deleted(self, shell: Shell) -> None:
        shell.login("fritz")
        assert shell.run("profile", "set", "displayname", "Fritz the 3rd") == "Set displayname\n"
        shell.run("profile", "set", "org.example.pets", '["cat"]', "--parse")
        shown = json.loads(shell.run("profile", "show", "--json"))
        assert shown == {"displayname": "Fritz the 3rd", "org.example.pets": ["cat"]}
        assert "Fritz the 3rd" in shell.run("profile", "show", "@fritz:localhost")
        assert shell.run("profile", "show", "--field", "org.example.pets") == '["cat"]\n'
        assert shell.run("profile", "delete", "displayname") == "Deleted displayname\n"
        assert "displayname" not in shell.run("profile", "show")
        assert "the value is no JSON" in shell.run("profile", "set", "a", "{", "--parse", code=1)


class TestSessions:
    def test_several_accounts(self, shell: Shell) -> None:
        assert shell.run("sessions", "list") == "No session is kept.\n"
        gerd, hugo = shell.login("gerd"), shell.login("hugo")
        assert gerd in shell.run("whoami", "--user", gerd)
        listed = json.loads(shell.run("sessions", "list", "--json"))
        assert {one["user_id"]: one["is_current"] for one in listed} == {gerd: False, hugo: True}
        assert shell.run("sessions", "use", gerd).startswith(f"Using {gerd} on device ")
        assert gerd in shell.run("whoami")
        assert f"{gerd} (current)" in shell.run("sessions", "list")
        assert "no session of @x:y on device Z is kept" in shell.run("sessions", "use", "@x:y", "Z", code=1)

    def test_refresh_does_not_change_which_one_is_used(self, shell: Shell) -> None:
        second = shell.server.account("second", password=PASSWORD)
        shell.there("login", "second", "--device-id", "LAPTOP")
        first = shell.login("first")
        shell.server.expire_token(replace(second, device_id="LAPTOP"))
        before = len(shell.server.requests("/refresh"))
        assert second.user_id in shell.run("whoami", "--user", second.user_id)
        assert len(shell.server.requests("/refresh")) == before + 1
        assert first in shell.run("whoami")
        listed = json.loads(shell.run("sessions", "list", "--json"))
        assert [(one["user_id"], one["is_current"]) for one in listed] == [(second.user_id, False), (first, True)]

    def test_every_way_in_makes_its_session_the_one_that_is_used(self, shell: Shell) -> None:
        shell.server.account("third", password=PASSWORD)
        fourth = shell.server.account("fourth")
        shell.there("login", "third", "--device-id", "ONE")
        ways: list[tuple[Callable[[], str], str]] = [
            (lambda: shell.there("import-token", stdin=f"{fourth.access_token}\n"), fourth.user_id),
            (lambda: shell.there("login", "third", "--device-id", "ONE"), "@third:localhost"),
            (lambda: shell.there("register", "fifth"), "@fifth:localhost"),
        ]
        for way, user_id in ways:
            way()
            assert f"{user_id} (current)" in shell.run("sessions", "list")

    def test_where_the_one_in_use_has_ended_the_newest_is(self, shell: Shell) -> None:
        seventh, eighth = shell.login("seventh"), shell.login("eighth")
        shell.run("sessions", "use", seventh)
        shell.run("logout")
        assert f"{eighth} (current)" in shell.run("sessions", "list")

    def test_choice_is_for_its_owner_alone_and_none_where_it_cannot_be_read(self, shell: Shell) -> None:
        ninth = shell.login("ninth")
        files = {one.name: stat.S_IMODE(one.stat().st_mode) for one in shell.directory.iterdir()}
        assert files == {"sessions.json": 0o600, "current-sessions.json": 0o600}
        for content in ("{", "3", '["a", "b"]'):
            (shell.directory / "current-sessions.json").write_text(content, encoding="utf-8")
            assert f"{ninth} (current)" in shell.run("sessions", "list")

    def test_of_several_devices_one_is_picked(self, shell: Shell) -> None:
        shell.server.account("inga", password=PASSWORD)
        for device in ("ONE", "TWO"):
            shell.there("login", "inga", "--device-id", device)
        shell.run("sessions", "use", "@inga:localhost", "ONE")
        assert "on device ONE" in shell.run("whoami")
        assert "on device ONE" in shell.run("whoami", "--user", "@inga:localhost")
        assert "everywhere" in shell.run("logout", "--all")

    def test_whois_and_tokens_for_others(self, shell: Shell) -> None:
        shell.login("jana")
        shell.run("devices", "list")  # by which the session is seen, and that is written down
        told = json.loads(shell.run("whois", "--json"))
        assert told["user_id"] == "@jana:localhost"
        assert "127.0.0.1" in {one["ip"] for one in told["connections"]}
        assert "127.0.0.1" in shell.run("whois")
        token = json.loads(shell.run("openid-token", "--json"))
        assert (token["token_type"], token["matrix_server_name"]) == ("Bearer", "localhost")
        assert len(shell.run("openid-token").split()) == 1
        made = json.loads(shell.run("login-token", "--json", "--password-stdin", stdin=f"{PASSWORD}\n"))
        assert made["login_token"]


class TestDeactivate:
    def test_person_is_asked(self, shell: Shell) -> None:
        shell.login("karl")
        assert "use --yes" in shell.run("deactivate", code=1)
        with shell.typing("deactivate") as typing:
            typing.until("End the account @karl:localhost for good? [y/N]")
            typing.say("n")
            typing.until("nothing was done")
            typing.end(1)
        with shell.typing("deactivate", "--erase") as typing:
            typing.until("for good? [y/N]")
            typing.say("y")
            typing.until("Password of @karl:localhost: ")
            typing.say(PASSWORD)
            assert typing.end() == "Ended the account @karl:localhost\n"
        assert shell.run("sessions", "list") == "No session is kept.\n"
        shell.there("login", "karl", code=1)

    def test_script_says_yes_by_an_option(self, shell: Shell) -> None:
        shell.login("lisa")
        told = shell.run("deactivate", "--yes", "--json", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert json.loads(told)["user_id"] == "@lisa:localhost"


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script_is_printed(self, shell: str, tmp_path: Path) -> None:
        script = run_cli(tmp_path, "completion", shell).stdout
        assert f"_OSTIARY_COMPLETE={shell}_complete" in script
        if shell == "bash":
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)

    def test_commands_are_completed(self, tmp_path: Path) -> None:
        environment = {"_OSTIARY_COMPLETE": "bash_complete", "COMP_WORDS": "ostiary threepids add", "COMP_CWORD": "2"}
        done = run_cli(tmp_path, environment=environment)
        assert done.stdout.split() == ["plain,add-email", "plain,add-phone"]
