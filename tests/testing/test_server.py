"""The server in a test's hand: accounts, sessions, time, messages, faults."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.administrative_contact import DeleteThirdPartyId
from ostiary.api.endpoint import UNSET
from ostiary.api.errors import (
    Forbidden,
    LimitExceeded,
    MatrixError,
    Unknown,
    UnknownToken,
    UserInUse,
    UserLocked,
    UserSuspended,
)
from ostiary.api.secret import Secret
from ostiary.api.uia import REGISTRATION_TOKEN, RegistrationTokenAuth
from ostiary.client import AsyncClient, Client, ConnectionFailed, RetryPolicy, StageContext, StageHandler
from ostiary.config import ConfigError, RateLimitsConfig
from ostiary.testing import Server, aserve, default_config, serve
from ostiary.testing.pages import LinkRefused

PASSWORD = "correct horse battery"
HOUR = 3_600_000


def call(server: Server, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    """Over the socket, as somebody else's client would."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/_matrix/client/{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


class TestReaching:
    def test_socket_takes_other_peoples_requests(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        status, said = call(ostiary, "GET", "v3/account/whoami", token=alice.access_token)
        assert (status, said) == (200, {"user_id": "@alice:localhost", "device_id": alice.device_id})

    def test_real_client_over_the_socket(self, ostiary: Server) -> None:
        ostiary.account("alice")
        with Client(ostiary.url) as client:
            assert client.login("alice", PASSWORD).whoami().user_id == "@alice:localhost"

    def test_without_socket_sessions_of_both_kinds(self, ostiary_app: Server) -> None:
        alice = ostiary_app.account("alice")
        assert alice.client().whoami().device_id == alice.device_id
        assert asyncio.run(alice.aclient().whoami()).device_id == alice.device_id
        assert ostiary_app.url == "http://ostiary.invalid"

    async def test_without_socket_in_an_event_loop(self) -> None:
        async with aserve(socket=False) as server:
            session = await server.aclient().register("bob", PASSWORD)
            assert (await session.whoami()).user_id == "@bob:localhost"
            assert server.account("alice").client().whoami().user_id == "@alice:localhost"

    async def test_asgi_application_in_other_peoples_transports(self, ostiary_app: Server) -> None:
        import httpx2

        transport = httpx2.ASGITransport(app=ostiary_app.app)
        async with httpx2.AsyncClient(transport=transport, base_url=ostiary_app.url) as client:
            answer = await client.post("/_matrix/client/v3/register", json={"username": "al", "password": PASSWORD})
            assert answer.status_code == 401
            assert answer.json()["flows"] == [{"stages": ["m.login.dummy"]}]

    async def test_asgi_application_drops_a_connection_by_an_error(self, ostiary_app: Server) -> None:
        import httpx2

        transport = httpx2.ASGITransport(app=ostiary_app.app)
        ostiary_app.drop_next("/login")
        async with httpx2.AsyncClient(transport=transport, base_url=ostiary_app.url) as client:
            with pytest.raises(ConnectionResetError):
                await client.get("/_matrix/client/v3/login")
            assert (await client.get("/_matrix/client/v3/login")).status_code == 200

    async def test_asgi_application_says_yes_to_a_lifespan(self, ostiary_app: Server) -> None:
        to_come = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return to_come.pop()

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await ostiary_app.app({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    def test_login_tells_the_sockets_address(self, ostiary: Server) -> None:
        ostiary.account("alice")
        body = {"type": "m.login.password", "user": "alice", "password": PASSWORD}
        status, said = call(ostiary, "POST", "v3/login", body)
        assert status == 200
        assert said["well_known"]["m.homeserver"]["base_url"] == ostiary.url

    def test_port_that_is_taken_is_told(self, ostiary: Server) -> None:
        with pytest.raises(OSError, match="in use"), serve(port=int(ostiary.url.rpartition(":")[2])):
            pass

    def test_two_servers_share_nothing(self, ostiary: Server, ostiary_app: Server) -> None:
        ostiary.account("alice")
        ostiary_app.account("alice")
        assert ostiary.url != ostiary_app.url

    def test_set_up_takes_under_50_ms(self) -> None:
        """The best of a few, with as much again for slow machines."""
        with serve():  # imports what it needs
            pass
        taken = []
        for socket in (True, False) * 5:
            begun = time.perf_counter()
            with serve(socket=socket):
                pass
            taken.append(time.perf_counter() - begun)
        assert min(taken) < 0.1


class TestSettings:
    @pytest.mark.ostiary(registration=False)
    def test_registration_can_be_closed(self, ostiary_app: Server) -> None:
        with pytest.raises(Forbidden):
            ostiary_app.client().register("alice", PASSWORD)

    def test_guests_are_let_in_unless_they_are_not(self, ostiary_app: Server) -> None:
        assert ostiary_app.client().register_guest().user_id
        with serve(socket=False, guests=False) as strict, pytest.raises(MatrixError):
            strict.client().register_guest()

    @pytest.mark.ostiary(registration_tokens=["welcome"])
    def test_registration_tokens_are_asked_for(self, ostiary_app: Server) -> None:
        def answer(token: str) -> dict[str, StageHandler]:
            def stage(context: StageContext) -> RegistrationTokenAuth:
                return RegistrationTokenAuth(token=Secret(token), session=context.session or UNSET)

            return {REGISTRATION_TOKEN: stage}

        assert ostiary_app.client().register("alice", PASSWORD, stages=answer("welcome")).user_id == "@alice:localhost"
        made = ostiary_app.registration_token(uses=1)
        assert ostiary_app.client().register("bob", PASSWORD, stages=answer(made)).user_id == "@bob:localhost"

    @pytest.mark.ostiary(flows=[["m.login.recaptcha", "m.login.terms"]])
    def test_what_flows_need_is_there(self, ostiary: Server) -> None:
        body = {"username": "alice", "password": PASSWORD}
        _, asked = call(ostiary, "POST", "v3/register", body)
        assert asked["params"].keys() >= {"m.login.recaptcha", "m.login.terms"}
        for response, wanted in (("wrong", 401), ("right", 401)):
            auth = {"type": "m.login.recaptcha", "response": response, "session": asked["session"]}
            status, said = call(ostiary, "POST", "v3/register", {**body, "auth": auth})
            assert status == wanted
            assert ("m.login.recaptcha" in said.get("completed", ())) is (response == "right")
        auth = {"type": "m.login.terms", "session": asked["session"]}
        assert call(ostiary, "POST", "v3/register", {**body, "auth": auth})[0] == 200

    def test_configuration_that_makes_no_sense_is_refused(self) -> None:
        config = replace(default_config(), mail=replace(default_config().mail, sender=""))
        with pytest.raises(ConfigError, match="sender"), serve(config=config):
            pass

    def test_option_that_there_is_not_is_refused(self) -> None:
        options: Any = {"colour": "green"}
        with pytest.raises(TypeError, match="colour"), serve(**options):
            pass

    def test_no_limits_unless_asked_for(self) -> None:
        def tries(server: Server) -> None:
            client = Client(server.url, transport=server.transport(), retries=RetryPolicy(attempts=1))
            for _ in range(30):
                with pytest.raises(Forbidden):
                    client.login("alice", "wrong password")

        with serve(socket=False) as free:
            tries(free)
        config = replace(default_config(), rate_limits=RateLimitsConfig())
        with serve(socket=False, config=config) as limited, pytest.raises(LimitExceeded):
            tries(limited)

    def test_seed_repeats_tokens(self) -> None:
        seen = []
        for _ in range(2):
            with serve(socket=False, seed="x", now=1_800_000_000_000) as server:
                seen.append(server.account("alice").access_token)
        assert seen[0] == seen[1]

    def test_application_service_given_as_what_its_file_says(self) -> None:
        registration = {
            "id": "bridge", "url": None, "as_token": "as-secret-token", "hs_token": "hs", "sender_localpart": "bridge",
            "namespaces": {"users": [{"regex": "@irc_.*", "exclusive": True}]},
        }  # fmt: skip
        with serve(appservices=[registration]) as server:
            body = {"type": "m.login.application_service", "username": "irc_joe", "inhibit_login": True}
            assert call(server, "POST", "v3/register", body, "as-secret-token")[0] == 200
            assert (
                call(server, "GET", "v3/account/whoami", token="as-secret-token")[1]["user_id"] == "@bridge:localhost"
            )

    def test_server_name_and_admin(self) -> None:
        with serve(socket=False, server_name="example.org", admin="root") as server:
            root = server.account("second", admin=True)
            assert root.user_id == "@second:example.org"
            assert server.client().login("root", PASSWORD).user_id == "@root:example.org"


class TestSessions:
    def test_clock_is_turned_and_the_client_refreshes(self, ostiary_app: Server) -> None:
        session = ostiary_app.account("alice").client()
        session.whoami()
        before = session.record.access_token
        ostiary_app.clock.advance(HOUR)
        session.whoami()
        assert session.record.access_token != before
        assert len(ostiary_app.requests("/refresh")) == 1

    def test_clock_does_not_go_back(self, ostiary_app: Server) -> None:
        with pytest.raises(ValueError, match="forward"):
            ostiary_app.clock.advance(-1)

    def test_expired_token_can_be_refreshed(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        ostiary.expire_token(alice)
        status, said = call(ostiary, "GET", "v3/account/whoami", token=alice.access_token)
        assert (status, said["errcode"], said["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)
        status, said = call(ostiary, "POST", "v3/refresh", {"refresh_token": alice.refresh_token})
        assert status == 200
        assert call(ostiary, "GET", "v3/account/whoami", token=said["access_token"])[0] == 200

    def test_soft_logout_asks_for_another_login_on_the_device(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        ostiary.soft_logout(alice)
        status, said = call(ostiary, "POST", "v3/refresh", {"refresh_token": alice.refresh_token})
        assert (status, said["soft_logout"]) == (401, True)
        again = ostiary.login(alice, device_id=alice.device_id)
        assert again.device_id == alice.device_id
        assert again.client().whoami().device_id == alice.device_id

    def test_client_recovers_as_it_is_told_to(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        session = ostiary.client(on_soft_logout=Secret(alice.password)).restore(alice.record)
        ostiary.soft_logout(alice)
        assert session.whoami().device_id == alice.device_id
        ostiary.fail_next("/account/whoami", status=503)
        once = ostiary.client(retries=RetryPolicy(attempts=1)).restore(session.record)
        with pytest.raises(MatrixError):
            once.whoami()

    def test_revoked_session_is_over(self, ostiary: Server) -> None:
        alice = ostiary.account("alice", refreshes=False)
        assert alice.refresh_token is None
        ostiary.revoke(alice)
        status, said = call(ostiary, "GET", "v3/account/whoami", token=alice.access_token)
        assert (status, said["errcode"]) == (401, "M_UNKNOWN_TOKEN")
        assert not said.get("soft_logout")

    def test_locked_suspended_deactivated(self, ostiary_app: Server) -> None:
        alice = ostiary_app.account("alice")
        session = alice.client()
        ostiary_app.lock(alice)
        with pytest.raises(UserLocked):
            session.whoami()
        ostiary_app.lock("alice", locked=False)
        assert session.whoami().user_id == alice.user_id
        ostiary_app.suspend(alice)
        with pytest.raises(UserSuspended):
            session.send(DeleteThirdPartyId(medium="email", address="alice@example.org"))
        ostiary_app.deactivate(alice)
        with pytest.raises(UnknownToken):
            session.whoami()

    def test_accounts_have_names_of_their_own(self, ostiary_app: Server) -> None:
        assert ostiary_app.account().user_id != ostiary_app.account().user_id
        ostiary_app.account("alice")
        with pytest.raises(UserInUse):
            ostiary_app.account("alice")

    def test_secrets_are_not_shown(self, ostiary_app: Server) -> None:
        alice = ostiary_app.account("alice")
        for secret in (alice.password, alice.access_token, alice.refresh_token or ""):
            assert secret not in repr(alice)

    def test_idle_devices_go_when_the_house_is_kept(self) -> None:
        config = default_config()
        config = replace(config, sessions=replace(config.sessions, idle_lifetime_ms=HOUR))
        with serve(socket=False, config=config) as server:
            alice = server.account("alice")
            server.clock.advance(2 * HOUR)
            server.keep_house()
            with pytest.raises(UnknownToken):
                alice.client().whoami()


class TestMessages:
    def ask(self, server: Server, address: str) -> dict[str, Any]:
        body = {"client_secret": "secret", "email": address, "send_attempt": 1}
        status, said = call(server, "POST", "v3/account/password/email/requestToken", body)
        assert status == 200, said
        answer: dict[str, Any] = said
        return answer

    def test_mail_is_read_and_confirmed(self, ostiary: Server) -> None:
        ostiary.account("alice", email="Alice@example.org")
        assert ostiary.mails() == []
        sid = self.ask(ostiary, "alice@example.org")["sid"]
        (mail,) = ostiary.mails(to="alice@example.org")
        assert mail.subject
        assert mail.links[0].startswith(ostiary.url)
        assert mail.code in mail.text
        auth = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": "secret"}}
        body = {"new_password": "another password", "auth": auth}
        assert call(ostiary, "POST", "v3/account/password", body)[0] == 401
        ostiary.confirm(mail)
        assert call(ostiary, "POST", "v3/account/password", body)[0] == 200
        assert ostiary.client().login("alice", "another password").user_id == "@alice:localhost"

    def test_link_that_came_too_late(self, ostiary: Server) -> None:
        ostiary.account("alice", email="alice@example.org")
        self.ask(ostiary, "alice@example.org")
        (mail,) = ostiary.mails()
        ostiary.clock.advance(2 * HOUR)
        with pytest.raises(LinkRefused):
            ostiary.confirm(mail)

    def test_mail_is_not_shown_in_full(self, ostiary: Server) -> None:
        ostiary.account("alice", email="alice@example.org")
        self.ask(ostiary, "alice@example.org")
        (mail,) = ostiary.mails()
        assert mail.code not in repr(mail)
        assert mail.links[0] not in repr(mail)

    def test_mail_is_worded_as_the_configuration_says(self, tmp_path: Path) -> None:
        (tmp_path / "en").mkdir()
        template = tmp_path / "en" / "validate_to_reset_password.txt.j2"
        template.write_text("Subject: Ours\n\n{{ link }}\n", encoding="utf-8")
        config = default_config()
        ours = replace(config, mail=replace(config.mail, templates=str(tmp_path)))
        german = replace(config, mail=replace(config.mail, language="de"))
        for config, subject in ((ours, "Ours"), (german, "Passwort")):
            with serve(config=config) as server:
                server.account("alice", email="alice@example.org")
                self.ask(server, "alice@example.org")
                assert subject in server.mails()[0].subject
        template.write_text("{{ nobody }}", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"validate_to_reset_password\.txt\.j2"), serve(config=ours):
            pass

    def test_text_message_has_its_code(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        body = {"client_secret": "secret", "country": "GB", "phone_number": "07700900001", "send_attempt": 1}
        status, said = call(ostiary, "POST", "v3/account/3pid/msisdn/requestToken", body, alice.access_token)
        assert status == 200, said
        (text,) = ostiary.text_messages(to="447700900001")
        assert text.code in text.text
        answer = {"sid": said["sid"], "client_secret": "secret", "token": text.code}
        path = said["submit_url"].partition("/_matrix/client/")[2]
        assert call(ostiary, "POST", path, answer) == (200, {"success": True})


class TestFaults:
    def test_next_requests_fail_as_told(self, ostiary: Server) -> None:
        ostiary.fail_next("/login", times=2, status=429, errcode="M_LIMIT_EXCEEDED", retry_after_ms=1500, method="POST")
        body = {"type": "m.login.password", "user": "alice", "password": PASSWORD}
        for _ in range(2):
            status, said = call(ostiary, "POST", "v3/login", body)
            assert (status, said["errcode"], said["retry_after_ms"]) == (429, "M_LIMIT_EXCEEDED", 1500)
        assert call(ostiary, "POST", "v3/login", body)[0] == 403
        assert call(ostiary, "GET", "v3/login")[0] == 200

    def test_own_client_waits_by_turning_the_clock(self, ostiary_app: Server) -> None:
        session = ostiary_app.account("alice").client()
        ostiary_app.fail_next("/account/whoami", status=429, errcode="M_LIMIT_EXCEEDED", retry_after_ms=1500)
        before = ostiary_app.clock.now()
        assert session.whoami().user_id == "@alice:localhost"
        assert ostiary_app.clock.now() - before >= 1500

    def test_dropped_connection_over_the_socket(self, ostiary: Server) -> None:
        ostiary.drop_next("/login", times=3)
        for _ in range(3):
            with pytest.raises((ConnectionError, urllib.error.URLError)):
                call(ostiary, "GET", "v3/login")
        assert call(ostiary, "GET", "v3/login")[0] == 200

    def test_lost_answer_has_done_its_work(self, ostiary_app: Server) -> None:
        alice = ostiary_app.account("alice")
        session = alice.client()
        ostiary_app.expire_token(alice)
        ostiary_app.drop_next("/refresh", handled=True)
        assert session.whoami().user_id == alice.user_id
        assert [one.status for one in ostiary_app.requests("/refresh")] == [None, 200]
        ostiary_app.drop_next("/logout", handled=True)
        session.logout()
        with pytest.raises(UnknownToken):
            alice.client().whoami()

    async def test_dropped_connection_without_socket(self, ostiary_app: Server) -> None:
        ostiary_app.drop_next("*", times=100)
        client = AsyncClient(ostiary_app.url, transport=ostiary_app.atransport())
        with pytest.raises(ConnectionFailed):
            await client.login("alice", PASSWORD)
        ostiary_app.heal()
        with pytest.raises(Forbidden):
            await client.login("alice", PASSWORD)

    def test_errors_of_the_server_reach_the_client(self, ostiary_app: Server) -> None:
        session = ostiary_app.account("alice").client()
        ostiary_app.fail_next("/account/whoami", times=100)
        with pytest.raises(Unknown):
            session.whoami()

    def test_requests_are_recorded_without_tokens(self, ostiary: Server) -> None:
        alice = ostiary.account("alice")
        assert ostiary.requests() == []
        call(ostiary, "GET", f"r0/account/whoami?access_token={alice.access_token}&x=1")
        call(ostiary, "GET", "v3/nowhere")
        first, second = ostiary.requests()
        assert (first.method, first.path, first.status) == ("GET", "/_matrix/client/r0/account/whoami", 200)
        assert first.query == {"access_token": "***", "x": "1"}
        assert second.status == 404
        assert ostiary.requests("/account/*") == [first]
        assert ostiary.requests(method="POST") == []
