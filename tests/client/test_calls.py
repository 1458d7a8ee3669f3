"""One call: retries, rate limits, older paths, answers that are not Matrix."""

import json
import logging
from typing import Any

import pytest

from ostiary.api.errors import Forbidden, LimitExceeded, NotMatrix, Unrecognized
from ostiary.api.login import Login
from ostiary.api.secret import Secret
from ostiary.api.versions import GetVersions
from ostiary.client import Client, ConnectionFailed, RetryPolicy, SessionRecord
from ostiary.client.answers import retry_after_ms
from ostiary.client.errors import HtmlPage
from tests.client.scripted import BASE, Script, body, header, refusal, reply

VERSIONS = {"versions": ["v1.19"]}
LOST = ConnectionFailed("lost", sent=True)
NEVER_SENT = ConnectionFailed("refused", sent=False)


def client(script: Script, **policy: int) -> Client:
    return Client(BASE, world=script.world(), retries=RetryPolicy(**policy))


class TestRetries:
    def test_lost_connection_is_tried_again_where_it_does_no_harm(self) -> None:
        script = Script([LOST, NEVER_SENT, reply(503, b"<html>"), reply(200, VERSIONS)])
        assert client(script).versions() == ("v1.19",)
        assert len(script.slept) == 3
        for slept, most in zip(script.slept, (500, 1000, 2000), strict=True):
            assert 0 <= slept <= most

    @pytest.mark.parametrize("lost", [LOST, reply(502, b""), refusal(504, "M_UNKNOWN")])
    def test_login_that_may_have_arrived_is_not_sent_twice(self, lost: Any) -> None:
        script = Script([lost])
        with pytest.raises((ConnectionFailed, NotMatrix, Exception)):
            client(script).login("alice", "password")
        assert len(script.asked) == 1

    def test_login_that_was_never_sent_is_tried_again(self) -> None:
        answer = {"user_id": "@a:b", "access_token": "t", "device_id": "D"}
        script = Script([NEVER_SENT, reply(200, answer)])
        assert client(script).login("alice", "password").user_id == "@a:b"

    def test_attempts_end(self) -> None:
        script = Script(by=lambda _: LOST)
        with pytest.raises(ConnectionFailed):
            client(script, attempts=3).versions()
        assert len(script.asked) == 3

    def test_refusal_is_not_tried_again(self) -> None:
        script = Script([refusal(403, "M_FORBIDDEN")])
        with pytest.raises(Forbidden) as caught:
            client(script).versions()
        assert (caught.value.errcode, caught.value.status, caught.value.message) == ("M_FORBIDDEN", 403, "No.")


class TestRateLimits:
    @pytest.mark.parametrize(
        ("limited", "slept"),
        [
            (refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=1500), 1500),
            (reply(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 9}, retry_after="2"), 2000),
            (reply(429, {"errcode": "M_LIMIT_EXCEEDED"}, retry_after="Fri, 15 Jan 2027 08:00:07 GMT"), 7000),
            (reply(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 9_000}, retry_after="0"), 0),
        ],
    )
    def test_waits_as_long_as_it_is_told_to(self, limited: Any, slept: int) -> None:
        script = Script([limited, reply(200, {"user_id": "@a:b", "access_token": "t", "device_id": "D"})])
        client(script).login("alice", "password")
        assert script.slept == [slept]

    def test_waits_by_itself_where_it_is_not_told(self) -> None:
        script = Script([refusal(429, "M_LIMIT_EXCEEDED"), reply(200, VERSIONS)])
        client(script).versions()
        assert len(script.slept) == 1

    def test_too_long_a_wait_is_raised_with_the_delay(self) -> None:
        script = Script([refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=1_800_000)])
        with pytest.raises(LimitExceeded) as caught:
            client(script).versions()
        assert caught.value.retry_after_ms == 1_800_000
        assert script.slept == []

    def test_all_waiting_together_is_bounded(self) -> None:
        script = Script(by=lambda _: refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=50_000))
        with pytest.raises(LimitExceeded):
            client(script, attempts=100).versions()
        assert script.slept == [50_000, 50_000]

    @pytest.mark.parametrize(
        ("text", "delay"),
        [
            ("3", 3000),
            (" 3 ", 3000),
            ("0", 0),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("²", None),
            ("9" * 5000, None),
        ],
    )
    def test_odd_header_counts_as_none(self, text: str, delay: int | None) -> None:
        assert retry_after_ms(text, 0) == delay


class TestOlderPaths:
    def test_unrecognized_path_is_followed_by_the_older_one_and_remembered(self) -> None:
        def old_server(request: Any) -> Any:
            if "/r0/" in request.path:
                return reply(200, {"flows": []})
            return refusal(404, "M_UNRECOGNIZED")

        script = Script(by=old_server)
        opened = client(script)
        opened.login_flows()
        opened.login_flows()
        assert script.paths == [
            "GET /_matrix/client/v3/login", "GET /_matrix/client/r0/login", "GET /_matrix/client/r0/login",
        ]  # fmt: skip

    def test_sessions_of_a_client_know_what_it_has_learnt(self) -> None:
        def old_server(request: Any) -> Any:
            if "/r0/" in request.path:
                return reply(200, {"user_id": "@a:b", "device_id": "D"})
            return refusal(404, "M_UNRECOGNIZED")

        script = Script(by=old_server)
        opened = client(script)
        for _ in range(2):
            opened.restore(SessionRecord(BASE, "@a:b", "D", Secret("t"))).whoami()
        assert [path.split("/")[3] for path in script.paths] == ["v3", "r0", "r0"]

    def test_path_that_is_gone_after_an_upgrade_is_learnt_anew(self) -> None:
        version = "r0"

        def server(request: Any) -> Any:
            known = f"/{version}/" in request.path
            return reply(200, {"flows": []}) if known else refusal(404, "M_UNRECOGNIZED")

        script = Script(by=server)
        opened = client(script)
        opened.login_flows()
        version = "v3"
        opened.login_flows()
        opened.login_flows()
        assert [path.split("/")[3] for path in script.paths] == ["v3", "r0", "r0", "v3", "v3"]

    def test_not_found_is_no_reason_to_look_elsewhere(self) -> None:
        script = Script([refusal(404, "M_NOT_FOUND")])
        with pytest.raises(Exception, match="M_NOT_FOUND"):
            client(script).login_flows()
        assert len(script.asked) == 1

    def test_unrecognized_everywhere_is_raised(self) -> None:
        script = Script(by=lambda _: refusal(404, "M_UNRECOGNIZED"))
        with pytest.raises(Unrecognized):
            client(script).login_flows()


class TestMessages:
    def test_request_has_what_the_contract_says(self) -> None:
        script = Script([reply(200, {"user_id": "@a:b", "access_token": "t", "device_id": "D", "expires_in_ms": 5})])
        session = client(script).login("alice", "secret", device_name="Laptop")
        (request,) = script.asked
        assert body(request) == {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": "alice"},
            "password": "secret",
            "initial_device_display_name": "Laptop",
            "refresh_token": True,
        }
        assert header(request, "Authorization") is None
        assert session.record.expires_at == script.clock.now() + 5

    def test_proxy_page_is_told_with_status_and_text(self) -> None:
        page = b"<html><head><title>404 &amp; lost</title><style>p{}</style></head><body><h1>nginx</h1> <p>here</body>"
        script = Script(by=lambda _: reply(404, page))
        with pytest.raises(HtmlPage) as caught:
            client(script).login_flows()
        assert (caught.value.status, caught.value.title, caught.value.text) == (404, "404 & lost", "nginx here")
        assert script.paths == ["GET /_matrix/client/v3/login", "GET /_matrix/client/versions"]

    def test_any_contract_value_can_be_sent(self) -> None:
        script = Script([reply(200, {**VERSIONS, "unstable_features": {"org.x": True}})])
        assert client(script).send(GetVersions()).unstable_features == {"org.x": True}

    def test_nothing_logged_or_raised_shows_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        echo = refusal(429, "M_LIMIT_EXCEEDED", error="you sent hunter2", retry_after_ms=1)
        script = Script([echo, NEVER_SENT, refusal(403, "M_FORBIDDEN")])
        with pytest.raises(Forbidden) as caught:
            client(script).send(Login(type="m.login.password", password=Secret("hunter2")))
        assert "hunter2" not in caplog.text + str(caught.value) + repr(script.asked)
        assert json.loads(script.asked[0].content)["password"] == "hunter2"
