"""People with a browser: with scripts and without. What they see is looked at on a narrow screen and on a wide one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, Visitor, served
from tests.server.web.settings import pages_config
from tests.world import PASSWORD

TOKEN_FLOW = ("m.login.registration_token", "m.login.terms")
MAIL_FLOW = ("m.login.terms", "m.login.email.identity")
REGISTER = "/_matrix/static/client/register/"
LOGIN = "/_matrix/static/client/login/"


def last_link(server: Served) -> str:
    rows = server.do(server.world.sql("SELECT content FROM outbox ORDER BY outbox_id"))
    return server.link(json.loads(rows[-1][0])["link"])


def names(server: Served) -> list[str]:
    return [name for (name,) in server.do(server.world.sql("SELECT localpart FROM accounts"))]


def ask(server: Served, path: str, body: Any, token: str | None = None) -> Any:
    return server.do(server.world.call("POST", path, body, token=token)).json


def fallback(server: Served, stage: str, session: str) -> str:
    return f"{server.url}/_matrix/client/v3/auth/{stage}/fallback/web?session={session}"


class TestWithoutScripts:
    def test_registration_with_a_token_and_terms(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, TOKEN_FLOW, MAIL_FLOW)) as server:
            server.do(server.world.services.invitations.create(token="open-sesame"))
            page = visitor.page
            page.goto(server.url)
            visitor.picture("home")
            page.get_by_role("link", name="Make an account").click()
            expect(page.get_by_label("User name")).to_be_focused()
            visitor.picture("register")
            page.get_by_label("User name").fill("bob")
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("The same password again").fill("something else")
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("alert")).to_have_text("The two passwords are not the same.")
            visitor.picture("register-wrong")
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("The same password again").fill(PASSWORD)
            page.get_by_role("button", name="Continue").click()
            page.get_by_label("Registration token").fill("close-sesame")
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("alert")).to_contain_text("not valid")
            visitor.picture("token-wrong")
            page.get_by_label("Registration token").fill("open-sesame")
            page.get_by_role("button", name="Continue").click()
            visitor.picture("terms")
            page.get_by_label("I have read this and agree").check()
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("status")).to_contain_text("@bob:localhost")
            visitor.picture("registered")
            assert names(server) == ["bob"]

    def test_registration_with_a_mail_address(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, MAIL_FLOW)) as server:
            page = visitor.page
            page.goto(server.url + REGISTER)
            page.get_by_label("User name").fill("bob")
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("The same password again").fill(PASSWORD)
            page.get_by_role("button", name="Continue").click()
            page.get_by_label("I have read this and agree").check()
            page.get_by_role("button", name="Continue").click()
            visitor.picture("email")
            page.get_by_label("Mail address").fill("bob@example.org")
            page.get_by_role("button", name="Send mail").click()
            visitor.picture("email-sent")
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("alert")).to_contain_text("not been confirmed yet")
            mail = page.context.new_page()
            mail.goto(last_link(server))
            expect(mail.get_by_text("bob@example.org")).to_be_visible()
            mail.get_by_role("button", name="Confirm").click()
            expect(mail.get_by_role("heading", name="Address confirmed")).to_be_visible()
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("status")).to_contain_text("@bob:localhost")
            assert names(server) == ["bob"]

    def test_a_link_of_a_mail(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, MAIL_FLOW)) as server:
            body = {"client_secret": "mine", "email": "bob@example.org", "send_attempt": 1}
            ask(server, "v3/register/email/requestToken", body)
            page = visitor.page
            page.goto(last_link(server))
            visitor.picture("validate")
            page.get_by_role("button", name="Confirm").click()
            expect(page.get_by_role("heading", name="Address confirmed")).to_be_visible()
            visitor.picture("validated")
            page.goto(last_link(server) + "x")
            expect(page.get_by_role("alert")).to_contain_text("not valid any more")
            visitor.picture("validate-wrong")

    def test_the_password_for_an_app(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            alice = server.do(server.world.register("alice"))
            body = {"devices": [alice.device_id]}
            session = ask(server, "v3/delete_devices", body, alice.access_token)["session"]
            page = visitor.page
            page.goto(fallback(server, "m.login.password", session))
            visitor.picture("password")
            page.get_by_label("Password").fill("wrong")
            page.get_by_label("Password").press("Enter")
            expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
            visitor.picture("password-wrong")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("heading", name="Done")).to_be_visible()
            visitor.picture("done")
            assert ask(server, "v3/delete_devices", {"auth": {"session": session}}, alice.access_token) == {}

    def test_a_phone_number(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.msisdn",))) as server:
            session = ask(server, "v3/register", {"username": "bob", "password": PASSWORD})["session"]
            page = visitor.page
            page.goto(fallback(server, "m.login.msisdn", session))
            expect(page.get_by_label("Country")).to_have_value("GB")
            visitor.picture("phone")
            page.get_by_label("Country").select_option("DE")
            page.get_by_label("Phone number").fill("030 123456")
            page.get_by_role("button", name="Send code").click()
            visitor.picture("phone-sent")
            rows = server.do(server.world.sql("SELECT content FROM outbox"))
            page.get_by_label("Code").fill(json.loads(rows[0][0])["code"])
            page.get_by_label("Code").press("Enter")
            expect(page.get_by_role("heading", name="Done")).to_be_visible()

    def test_a_captcha_says_that_it_needs_scripts(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.recaptcha",))) as server:
            session = ask(server, "v3/register", {"username": "bob", "password": PASSWORD})["session"]
            visitor.page.goto(fallback(server, "m.login.recaptcha", session))
            # Playwright only keeps scripts from running: the browser still takes itself for one that runs them.
            assert "needs JavaScript" in visitor.page.content().partition("<noscript>")[2]
            visitor.picture("captcha")

    def test_login(self, tmp_path: Path, visitor: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            server.do(server.world.register("alice"))
            page = visitor.page
            page.goto(server.url + LOGIN)
            visitor.picture("login")
            page.get_by_label("User name").fill("alice")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("status")).to_contain_text("@alice:localhost")
            visitor.picture("logged-in")


def heard(page: Page) -> Any:
    """What the page has told the app, which notes it in ``window.heard``; waits for it."""
    # Evaluated by the browser's own tools, to which the page's policy is nothing.
    return page.evaluate(
        """() => new Promise((resolve) => {
            const look = () => window.heard === undefined ? setTimeout(look, 20) : resolve(window.heard);
            look();
        })"""
    )


LISTENERS = {
    "on the window": "window.onLogin = (r) => { window.heard = r; };"
    "window.onRegistered = (...r) => { window.heard = r; };",
    "put into the page's objects once it is loaded": "window.addEventListener('load', () => {"
    "window.matrixLogin.onLogin = (r) => { window.heard = r; };"
    "window.matrixRegistration.onRegistered = (...r) => { window.heard = r; }; });",
}


class TestWithScripts:
    @pytest.mark.parametrize("listener", LISTENERS.values(), ids=LISTENERS)
    def test_a_login_is_told_to_the_app(self, tmp_path: Path, scripted: Visitor, listener: str) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            server.do(server.world.register("alice"))
            page = scripted.page
            page.add_init_script(listener)
            page.goto(f"{server.url}{LOGIN}?device_id=KITCHEN")
            scripted.picture("login")
            page.get_by_label("Benutzername").fill("alice")
            page.get_by_label("Passwort").fill(PASSWORD)
            page.get_by_role("button", name="Anmelden").click()
            response = heard(page)
            assert response["device_id"] == "KITCHEN"
            assert server.do(server.world.whoami(response["access_token"])).status == 200

    @pytest.mark.parametrize("listener", LISTENERS.values(), ids=LISTENERS)
    def test_a_registration_is_told_to_the_app(self, tmp_path: Path, scripted: Visitor, listener: str) -> None:
        with served(pages_config(tmp_path, ("m.login.terms",))) as server:
            page = scripted.page
            page.add_init_script(listener)
            self.register(server, scripted)
            url, user_id, token = heard(page)
            assert (url, user_id) == ("http://localhost:8008", "@bob:localhost")
            assert server.do(server.world.whoami(token)).status == 200

    def test_without_an_app_no_session_is_opened(self, tmp_path: Path, scripted: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.terms",))) as server:
            self.register(server, scripted)
            assert server.do(server.world.sql("SELECT * FROM sessions")) == []

    def register(self, server: Served, visitor: Visitor) -> None:
        page = visitor.page
        page.goto(server.url + REGISTER)
        page.get_by_label("Benutzername").fill("bob")
        page.get_by_label("Neues Passwort").fill(PASSWORD)
        page.get_by_label("Dasselbe Passwort noch einmal").fill(PASSWORD)
        visitor.picture("register")
        page.get_by_role("button", name="Weiter").click()
        page.get_by_label("Ich habe das gelesen").check()
        visitor.picture("terms")
        page.get_by_role("button", name="Weiter").click()
        expect(page.get_by_role("status")).to_contain_text("@bob:localhost")
        visitor.picture("registered")

    def test_a_stage_is_told_to_the_window_that_opened_it(self, tmp_path: Path, scripted: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            session = ask(server, "v3/register", {"username": "bob", "password": PASSWORD})["session"]
            opener = scripted.page
            opener.goto("about:blank")
            opener.evaluate("window.addEventListener('message', (event) => { window.heard = event.data; })")
            with opener.expect_popup() as opened:
                opener.evaluate("(url) => { window.open(url); }", fallback(server, "m.login.dummy", session))
            opened.value.get_by_role("button", name="Weiter").click()
            assert heard(opener) == "authDone"

    def test_a_stage_is_told_to_the_app_around_it(self, tmp_path: Path, scripted: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            session = ask(server, "v3/register", {"username": "bob", "password": PASSWORD})["session"]
            page = scripted.page
            page.add_init_script("window.onAuthDone = () => { window.heard = true; };")
            page.goto(fallback(server, "m.login.dummy", session))
            page.get_by_role("button", name="Weiter").click()
            expect(page.get_by_role("heading", name="Erledigt")).to_be_visible()
            assert heard(page)

    def test_a_script_that_got_into_a_page_would_not_run(self, tmp_path: Path, scripted: Visitor) -> None:
        with served(pages_config(tmp_path, ("m.login.dummy",))) as server:
            scripted.page.goto(server.url + LOGIN)
            scripted.page.evaluate(
                "() => { const s = document.createElement('script'); s.textContent = 'window.heard = true';"
                " document.body.append(s); }"
            )
            assert scripted.page.evaluate("window.heard") is None
            assert any("Content Security Policy" in text for text in scripted.complaints)
            scripted.complaints.clear()

    def test_then_on_to_where_the_app_asks(self, tmp_path: Path, scripted: Visitor) -> None:
        config = pages_config(tmp_path, MAIL_FLOW)
        config = replace(config, threepids=replace(config.threepids, next_link_hosts=("127.0.0.1",)))
        with served(config) as server:
            there = server.url.replace("localhost", "127.0.0.1") + "/"
            body = {"client_secret": "mine", "email": "bob@example.org", "send_attempt": 1, "next_link": there}
            ask(server, "v3/register/email/requestToken", body)
            scripted.page.goto(last_link(server))
            scripted.picture("validate")
            scripted.page.get_by_role("button", name="Bestätigen").click()
            scripted.page.wait_for_url(there)
            expect(scripted.page.get_by_role("heading", name="Das ist ein Matrix-Kontoserver")).to_be_visible()
