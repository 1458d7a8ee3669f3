"""Logging in by every way, and registering through stages, as a person and as a script do it."""

import base64
import hashlib
import hmac
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.api.secret import Secret
from ostiary.testing import Server, default_config, serve
from tests.cli.person import PASSWORD, Shell

JWT_SECRET = "a secret that two services share, which is long"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    config = default_config()
    config = replace(config, jwt=replace(config.jwt, enabled=True, secret=Secret(JWT_SECRET)))
    with serve(config=config) as server:
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def signed(claims: dict[str, str]) -> str:
    def encoded(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    message = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{message}.{encoded(hmac.digest(JWT_SECRET.encode(), message.encode(), hashlib.sha256))}"


class TestLogin:
    def test_by_mail_address_and_by_phone(self, shell: Shell) -> None:
        shell.server.account("anna", password=PASSWORD, email="anna@example.org")
        assert "@anna:localhost" in shell.there("login", "anna@example.org")
        with shell.typing("threepids", "add-phone", "GB", "07700 900111") as typing:
            typing.until("Password of @anna:localhost: ")
            typing.say(PASSWORD)
            typing.until("Code that was sent to")
            typing.say(shell.server.text_messages(to="447700900111")[0].code)
            assert typing.end() == "Added 07700 900111\n"
        assert "447700900111" in shell.run("threepids", "list")
        assert "@anna:localhost" in shell.there("login", "--phone", "GB", "07700 900111")

    def test_by_token_of_another_session(self, shell: Shell) -> None:
        shell.login("berta")
        token = shell.run("login-token", "--password-stdin", stdin=f"{PASSWORD}\n")
        told = json.loads(shell.there("login", "--token", "--device-id", "TABLET", "--json", stdin=token))
        assert (told["user_id"], told["device_id"]) == ("@berta:localhost", "TABLET")
        assert shell.there("login", "--token", stdin=token, code=1).startswith("ostiary: ")

    def test_by_json_web_token(self, shell: Shell) -> None:
        shell.server.account("carla")
        assert "@carla:localhost" in shell.there("login", "--jwt", stdin=f"{signed({'sub': 'carla'})}\n")

    def test_by_browser(self, shell: Shell) -> None:
        shell.login("dora")
        token = shell.run("login-token", "--password-stdin", stdin=f"{PASSWORD}\n").strip()
        with shell.typing("login", "--browser", "--print-url", "--homeserver", shell.server.url) as typing:
            typing.until("browser on this machine: ")
            redirect = urllib.parse.parse_qs(urllib.parse.urlsplit(typing.line()).query)["redirectUrl"][0]
            with urllib.request.urlopen(f"{redirect}&loginToken={token}") as page:
                assert page.status == 200
            assert typing.end().startswith("Logged in as @dora:localhost")

    def test_by_a_browser_on_another_machine(self, shell: Shell) -> None:
        shell.login("frieda")
        token = shell.run("login-token", "--password-stdin", stdin=f"{PASSWORD}\n").strip()
        with shell.typing("login", "--browser", "--paste", "--homeserver", shell.server.url) as typing:
            typing.until("in any browser: ")
            ended_at = urllib.parse.parse_qs(urllib.parse.urlsplit(typing.line()).query)["redirectUrl"][0]
            typing.until("Address:")
            typing.say(f"{ended_at}&loginToken={token}")
            assert typing.end().startswith("Logged in as @frieda:localhost")

    def test_again_on_the_same_device_after_a_soft_logout(self, shell: Shell) -> None:
        account = shell.server.account("gisela", password=PASSWORD)
        shell.there("login", "gisela", "--device-id", "LAPTOP")
        shell.server.soft_logout(replace(account, device_id="LAPTOP"))
        assert shell.run("whoami", code=1).count("\n") == 1
        with shell.typing("whoami") as typing:
            typing.until("The server wants @gisela:localhost to log in again.")
            typing.until("Password of @gisela:localhost: ")
            typing.say(PASSWORD)
            assert typing.end() == "@gisela:localhost on device LAPTOP\n"

    def test_token_from_elsewhere_is_taken_over(self, shell: Shell) -> None:
        account = shell.server.account("emma")
        told = shell.there("import-token", stdin=f"{account.access_token}\n")
        assert told == f"Going on as @emma:localhost on device {account.device_id}\n"
        assert "@emma:localhost" in shell.run("whoami")

    @pytest.mark.parametrize("arguments", [(), ("x", "--phone", "GB", "1")])
    def test_it_must_be_clear_who_logs_in(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        assert "Say who logs in" in shell.there("login", *arguments, code=2)

    def test_secrets_are_no_arguments(self, shell: Shell) -> None:
        for way in ("--token", "--jwt"):
            assert "no terminal" in shell.run("login", way, "--homeserver", shell.server.url, code=1)


class TestRegister:
    def test_guest(self, shell: Shell) -> None:
        assert shell.run("register", "--guest", "--homeserver", shell.server.url).startswith("Made @")
        assert json.loads(shell.run("whoami", "--json"))["is_guest"] is True

    def test_person_is_asked_for_what_no_option_said(self, tmp_path: Path) -> None:
        stages = ["m.login.registration_token", "m.login.terms", "m.login.email.identity", "m.login.msisdn"]
        with serve(flows=[stages], registration_tokens=["welcome"]) as server:
            shell = Shell(server, tmp_path)
            with shell.typing("register", "fritz", "--homeserver", server.url, "--json") as typing:
                for prompt in ("New password: ", "New password again: "):
                    typing.until(prompt)
                    typing.say(PASSWORD)
                typing.until("Registration token:")
                typing.say("welcome")
                typing.until("Mail address:")
                typing.say("fritz@example.org")
                typing.until("Country of the phone number (two letters):")
                typing.say("GB")
                typing.until("Phone number:")
                typing.say("07700 900222")
                assert "https://policies.invalid/privacy" in typing.until("Do you agree? [y/N]")
                typing.say("y")
                typing.until("Waiting for the link in it to be followed…")
                server.confirm(server.mails(to="fritz@example.org")[0])
                typing.until("Code that was sent to")
                typing.say("000")
                typing.until("That was not the code.")
                typing.say(server.text_messages()[0].code)
                assert json.loads(typing.end())["user_id"] == "@fritz:localhost"
            assert PASSWORD not in typing.seen

    def test_script_says_all_by_options(self, tmp_path: Path) -> None:
        with serve(flows=[["m.login.registration_token", "m.login.terms"]], registration_tokens=["welcome"]) as server:
            shell = Shell(server, tmp_path)
            assert "use --registration-token" in shell.there("register", "gerd", code=1)
            token = ("--registration-token", "welcome")
            assert "use --accept-terms" in shell.there("register", "gerd", *token, code=1)
            assert "@gerd:localhost" in shell.there("register", "gerd", *token, "--accept-terms")

    def test_terms_that_are_refused_make_no_account(self, tmp_path: Path) -> None:
        with (
            serve(flows=[["m.login.terms"]]) as server,
            Shell(server, tmp_path).typing("register", "hugo", "--homeserver", server.url) as typing,
        ):
            for prompt in ("New password: ", "New password again: "):
                typing.until(prompt)
                typing.say(PASSWORD)
            typing.until("Do you agree? [y/N]")
            typing.say("")
            typing.until("not agreed to")
            typing.end(1)

    def test_page_of_a_captcha_is_printed(self, tmp_path: Path) -> None:
        with serve(flows=[["m.login.recaptcha"]]) as server:
            told = Shell(server, tmp_path).there("register", "inga", "--wait", "0", code=1)
            assert f"{server.url}/_matrix/client/v3/auth/m.login.recaptcha/fallback/web?session=" in told
            assert "still waits" in told
