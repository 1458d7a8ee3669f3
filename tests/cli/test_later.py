"""What is begun today and ended tomorrow: a registration whose mail is read later, a guest who becomes a user."""

import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.testing import Server, serve
from tests.cli.person import PASSWORD, Shell

EMAIL, TERMS = "m.login.email.identity", "m.login.terms"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(flows=[[EMAIL, TERMS]]) as server:
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def begin(shell: Shell, name: str) -> Path:
    """Begin to register, and do not wait."""
    address = ("--email", f"{name}@example.org")
    told = shell.there("register", name, *address, "--later", "begun.json")
    assert told == "Begun. Go on, once that has been done, with: ostiary go-on begun.json\n"
    return shell.directory / "begun.json"


class TestRegistration:
    def test_is_gone_on_with_once_the_link_has_been_followed(self, shell: Shell) -> None:
        file = begin(shell, "anna")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        before = file.read_text(encoding="utf-8")
        shell.server.confirm(shell.server.mails(to="anna@example.org")[0])
        assert "use --accept-terms" in shell.run("go-on", "begun.json", code=1)
        told = json.loads(shell.run("go-on", "begun.json", "--accept-terms", "--json"))
        assert told["user_id"] == "@anna:localhost"
        assert not file.exists()
        assert PASSWORD in before
        assert len(shell.server.mails(to="anna@example.org")) == 1
        assert "@anna:localhost (current)" in shell.run("sessions", "list")

    def test_link_that_has_died_is_sent_again(self, shell: Shell) -> None:
        begin(shell, "inga")
        assert len(shell.server.mails(to="inga@example.org")) == 1
        shell.server.clock.advance(20 * HOUR_MS)  # a dialogue lasts so long, a link does not
        told = shell.run("go-on", "begun.json", "--again", "--wait", "0", code=1)
        assert "still waits" in told
        first, second = shell.server.mails(to="inga@example.org")
        assert first.links != second.links
        shell.server.confirm(second)
        assert "Made @inga:localhost" in shell.run("go-on", "begun.json", "--accept-terms")

    def test_stays_in_the_file_until_it_is_done(self, shell: Shell) -> None:
        file = begin(shell, "berta")
        assert "still waits" in shell.run("go-on", "begun.json", "--wait", "0", code=1)
        assert "is there already" in shell.there("register", "carla", "--later", "begun.json", code=1)
        shell.server.confirm(shell.server.mails(to="berta@example.org")[0])
        with shell.typing("go-on", "begun.json") as typing:
            typing.until("Do you agree? [y/N]")
            typing.say("y")
            assert typing.end().startswith("Made @berta:localhost on device ")
        assert not file.exists()

    def test_person_who_breaks_off_while_waiting_has_it_in_the_file(self, shell: Shell) -> None:
        where = ("--homeserver", shell.server.url, "--email", "dora@example.org")
        with shell.typing("register", "dora", *where, "--later", "begun.json", "--wait", "300") as typing:
            for prompt in ("New password: ", "New password again: "):
                typing.until(prompt)
                typing.say(PASSWORD)
            typing.until("Waiting for the link in it to be followed…")
            typing.signal(signal.SIGKILL)
        shell.server.confirm(shell.server.mails(to="dora@example.org")[0])
        assert "Made @dora:localhost" in shell.run("go-on", "begun.json", "--accept-terms")

    def test_without_a_file_it_is_told_how_it_could_be(self, shell: Shell) -> None:
        told = shell.there("register", "emma", "--email", "emma@example.org", "--wait", "0", code=1)
        assert told.endswith("still waits for somebody (with --later FILE it can be gone on with)\n")


class TestUpgrade:
    def test_guest_becomes_a_user(self, shell: Shell) -> None:
        shell.run("register", "--guest", "--homeserver", shell.server.url)
        guest = json.loads(shell.run("whoami", "--json"))
        with shell.typing("upgrade", "--device-name", "laptop") as typing:
            for prompt in ("New password: ", "New password again: "):
                typing.until(prompt)
                typing.say(PASSWORD)
            typing.until("Mail address:")
            typing.say("guest@example.org")
            typing.until("Waiting for the link in it to be followed…")
            shell.server.confirm(shell.server.mails(to="guest@example.org")[0])
            typing.until("Do you agree? [y/N]")
            typing.say("y")
            assert typing.end().startswith(f"Made a user of {guest['user_id']} on device ")
        (kept,) = json.loads(shell.run("sessions", "list", "--json"))
        assert (kept["user_id"], kept["is_current"]) == (guest["user_id"], True)
        assert kept["device_id"] != guest["device_id"]
        assert json.loads(shell.run("whoami", "--json"))["is_guest"] is False
        assert "is no guest" in shell.run("upgrade", "--password-stdin", stdin=f"{PASSWORD}\n", code=1)

    def test_is_gone_on_with_later(self, shell: Shell) -> None:
        shell.run("register", "--guest", "--homeserver", shell.server.url)
        begun = ("upgrade", "--email", "later@example.org", "--later", "begun.json", "--password-stdin")
        assert "ostiary go-on begun.json" in shell.run(*begun, stdin=f"{PASSWORD}\n")
        shell.server.confirm(shell.server.mails(to="later@example.org")[0])
        assert shell.run("go-on", "begun.json", "--accept-terms").startswith("Made a user of @")
        assert len(json.loads(shell.run("sessions", "list", "--json"))) == 1


class TestOthers:
    def test_lost_password(self, shell: Shell) -> None:
        shell.server.account("fritz", email="fritz@example.org")
        begun = ("password", "reset", "--email", "fritz@example.org", "--later", "begun.json", "--json")
        assert json.loads(shell.there(*begun, stdin="another horse\n")) == {"later": "begun.json"}
        shell.server.confirm(shell.server.mails(to="fritz@example.org")[-1])
        assert shell.run("go-on", "begun.json") == "The password has been changed\n"
        shell.there("login", "fritz", stdin="another horse\n")

    def test_mail_address(self, shell: Shell) -> None:
        shell.login("gerda")
        begun = ("threepids", "add-email", "gerda@example.org", "--later", "begun.json", "--password-stdin")
        assert "ostiary go-on begun.json" in shell.run(*begun, stdin=f"{PASSWORD}\n")
        assert PASSWORD not in (shell.directory / "begun.json").read_text(encoding="utf-8")
        again = ("go-on", "begun.json", "--again", "--wait", "0", "--password-stdin")
        assert "nobody has confirmed" in shell.run(*again, stdin=f"{PASSWORD}\n", code=1)
        assert len(shell.server.mails(to="gerda@example.org")) == 2
        shell.server.confirm(shell.server.mails(to="gerda@example.org")[-1])
        shell.login("hugo")  # which makes another session the current one
        told = shell.run("go-on", "begun.json", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert told == "Added gerda@example.org\n"
        assert "gerda@example.org" in shell.run("threepids", "list", "--user", "@gerda:localhost")

    @pytest.mark.parametrize("content", ["", "{", '{"version": 1}', '{"version": 2, "what": "register"}'])
    def test_file_that_holds_nothing_begun_is_told(self, shell: Shell, content: str) -> None:
        (shell.directory / "begun.json").write_text(content, encoding="utf-8")
        told = shell.run("go-on", "begun.json", code=1)
        assert told.startswith("ostiary: begun.json ")
        assert told.count("\n") == 1
