"""Requests as values: looked at, stored, restored, sent later; and answers without any network."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.api.codec import encode_request
from ostiary.api.device_management import DeleteDevices, GetDevice, UpdateDevice
from ostiary.api.endpoint import Endpoint
from ostiary.api.errors import Forbidden, LimitExceeded, NotMatrix
from ostiary.api.login import PASSWORD_LOGIN, Login
from ostiary.api.registration import CheckUsernameAvailability, Register
from ostiary.api.secret import Secret
from ostiary.api.uia import PasswordAuth, UnknownAuth
from ostiary.api.users import ByUser
from ostiary.api.whoami import WhoAmI
from ostiary.client import (
    AsyncClient,
    CannotSend,
    Client,
    HtmlPage,
    Prepared,
    Redirected,
    SessionRecord,
    TimedOut,
    Timeouts,
    content_type_matches,
    parse,
    prepare,
)
from ostiary.client.calls import takes_token
from ostiary.client.requests import KNOWN
from tests.api.strategies import CANARY, structs_of
from tests.client.scripted import BASE, Script, header, reply

LOGIN = Login(type=PASSWORD_LOGIN, identifier=ByUser("alice"), password=Secret("hunter2"))
WHOAMI = {"user_id": "@a:b", "device_id": "D"}
TOKEN = Secret("syt_token")
RECORD = SessionRecord(BASE, "@a:b", "D", Secret("of the session"))


class TestLookingAt:
    def test_every_part_of_it(self) -> None:
        prepared = prepare(UpdateDevice(device_id="a/b", display_name="x"), BASE + "/", TOKEN)
        assert (prepared.method, prepared.name) == ("PUT", "UpdateDevice")
        assert prepared.url == f"{BASE}/_matrix/client/v3/devices/a%2Fb"
        assert prepared.headers == {"Content-Type": "application/json", "Authorization": Secret("Bearer syt_token")}
        assert json.loads(prepared.message().content) == {"display_name": "x"}
        assert header(prepared.message(), "Authorization") == "Bearer syt_token"

    def test_query_is_part_of_the_url(self) -> None:
        prepared = prepare(CheckUsernameAvailability(username="a b"), BASE, TOKEN)
        assert prepared.url.endswith("/register/available?username=a+b")
        assert (prepared.query, prepared.body) == ((("username", "a b"),), None)

    def test_token_goes_only_where_the_call_takes_one(self) -> None:
        assert "Authorization" not in prepare(LOGIN, BASE, TOKEN).headers

    def test_no_repr_shows_a_secret(self) -> None:
        prepared = prepare(LOGIN, BASE, TOKEN).with_data({"password": "hunter2"})
        shown = f"{prepared!r} {prepared} {prepared.headers} {prepare(WhoAmI(), BASE, TOKEN).headers}"
        assert "hunter2" not in shown
        assert "syt_token" not in shown

    def test_each_has_an_id_and_is_equal_to_itself_alone(self) -> None:
        one, other = prepare(WhoAmI(), BASE), prepare(WhoAmI(), BASE)
        assert one.id != other.id
        assert one != other
        assert len({one, other, one.with_data(1).with_data(None)}) == 2
        changed: object = one.with_data(1)
        assert changed != one
        assert hash(one.with_data(["unhashable"])) == hash(one)


class TestStoring:
    @pytest.mark.parametrize(
        "request_",
        [
            LOGIN, WhoAmI(), GetDevice(device_id="D"), CheckUsernameAvailability(username="a"),
            Register(kind="user", username="a", password=Secret("p")),
            DeleteDevices(devices=("A", "B"), auth=PasswordAuth(password=Secret("p"), identifier=ByUser("a"))),
            DeleteDevices(devices=("A",), auth=UnknownAuth({"type": "org.x", "session": "s", "proof": "hunter2"})),
        ],
    )  # fmt: skip
    def test_with_secrets_nothing_is_lost(self, request_: Any) -> None:
        prepared = prepare(request_, BASE, TOKEN, name="mine").with_data({"a": [1]})
        stored = json.loads(json.dumps(prepared.to_json(secrets=True)))
        assert Prepared.from_json(stored) == prepared

    def test_without_secrets_there_are_none(self) -> None:
        requests = (
            prepare(LOGIN, BASE, TOKEN),
            prepare(DeleteDevices(devices=(), auth=PasswordAuth(password=Secret("hunter2"))), BASE, TOKEN),
            prepare(DeleteDevices(devices=(), auth=UnknownAuth({"type": "x", "proof": ["hunter2"]})), BASE, TOKEN),
        )
        text = json.dumps([prepared.to_json() for prepared in requests])
        assert "hunter2" not in text
        assert "syt_token" not in text

    def test_missing_secrets_are_named_and_can_be_given(self) -> None:
        auth = PasswordAuth(password=Secret("hunter2"), session="s")
        prepared = prepare(DeleteDevices(devices=("A",), auth=auth), BASE)
        with pytest.raises(ValueError, match=r"auth\.password"):
            Prepared.from_json(prepared.to_json())
        assert Prepared.from_json(prepared.to_json(), secrets={"auth.password": Secret("hunter2")}) == prepared

    @pytest.mark.parametrize(
        "changes",
        [
            {"format": 2}, {"endpoint": "os.system"}, {"fields": []}, {"fields": {"device_id": 3}}, {"name": 1},
            {"fields": {}},
        ],
    )  # fmt: skip
    def test_what_is_no_stored_request_is_told(self, changes: dict[str, Any]) -> None:
        stored = prepare(GetDevice(device_id="D"), BASE).to_json()
        with pytest.raises(ValueError, match=r"stored request|was stored"):
            Prepared.from_json(stored | changes)
        with pytest.raises(ValueError, match="lacks"):
            Prepared.from_json({})

    def test_data_that_is_not_plain_is_told_when_stored(self) -> None:
        with pytest.raises(TypeError):
            prepare(WhoAmI(), BASE).with_data(object()).to_json()


@pytest.mark.parametrize("endpoint", KNOWN, ids=lambda endpoint: endpoint.__name__)
class TestEveryRequest:
    @settings(max_examples=10)
    @given(st.data())
    def test_is_stored_whole_with_its_secrets_and_without_any(
        self, endpoint: type[Endpoint[Any]], data: st.DataObject
    ) -> None:
        prepared = prepare(data.draw(structs_of(endpoint)), BASE, TOKEN)
        stored = json.loads(json.dumps(prepared.to_json(secrets=True)))
        assert Prepared.from_json(stored) == prepared
        assert CANARY not in json.dumps(prepared.to_json())

    @settings(max_examples=10)
    @given(st.data())
    def test_can_be_looked_at(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        prepared = prepare(data.draw(structs_of(endpoint)), BASE, TOKEN)
        message = encode_request(prepared.request)
        assert (prepared.method, prepared.query, prepared.body) == (message.method, message.query, message.body)
        assert prepared.url.startswith(f"{BASE}{message.path}")
        assert ("Authorization" in prepared.headers) == takes_token(prepared.request)
        assert CANARY not in repr(prepared)
        assert TOKEN.reveal() not in repr(prepared.headers)


class TestSending:
    def test_data_comes_back_with_the_response(self) -> None:
        script = Script([reply(200, WHOAMI)])
        client = Client(BASE, world=script.world())
        answered = client.send_prepared(client.prepare(WhoAmI()).with_token(TOKEN).with_data(42))
        assert (answered.response.user_id, answered.data) == ("@a:b", 42)
        assert answered.id == answered.prepared.id
        assert header(script.asked[0], "Authorization") == "Bearer syt_token"

    async def test_restored_request_goes_over_the_other_face(self) -> None:
        stored = prepare(WhoAmI(), BASE).with_data("x").to_json()
        session = AsyncClient(BASE, world=(script := Script([reply(200, WHOAMI)])).async_world()).restore(RECORD)
        answered = await session.send_prepared(Prepared.from_json(stored))
        assert (answered.response.user_id, answered.data) == ("@a:b", "x")
        assert header(script.asked[0], "Authorization") == "Bearer of the session"

    def test_nothing_is_sent_to_another_server_than_it_is_for(self) -> None:
        client = Client(BASE, world=(script := Script()).world())
        for sender in (client, client.restore(RECORD)):
            with pytest.raises(CannotSend, match=r"elsewhere\.example"):
                sender.send_prepared(prepare(LOGIN, "https://elsewhere.example", TOKEN))
        assert script.asked == []

    def test_timeouts_of_its_own_bound_all_its_waiting(self) -> None:
        limited = reply(429, {"errcode": "M_LIMIT_EXCEEDED"}, retry_after="5")
        client = Client(BASE, world=(script := Script(by=lambda _: limited)).world())
        with pytest.raises(TimedOut, match="3000 ms"):
            client.send_prepared(client.prepare(LOGIN).with_timeouts(Timeouts(total_ms=3000)))
        assert (len(script.asked), script.slept) == (1, [])


class TestParsing:
    def test_answer_without_a_network(self) -> None:
        answer = parse(WhoAmI(), 200, {"Content-Type": "application/json"}, b'{"user_id": "@a:b"}')
        assert answer.user_id == "@a:b"

    def test_refusal_is_raised(self) -> None:
        with pytest.raises(Forbidden):
            parse(WhoAmI(), 403, {}, b'{"errcode": "M_FORBIDDEN"}')

    @pytest.mark.parametrize(
        ("headers", "now", "delay"),
        [
            ({"Retry-After": "3"}, None, 3000),
            ({"RETRY-AFTER": "Fri, 15 Jan 2027 08:00:07 GMT"}, 1_800_000_000_000, 7000),
            ({"Retry-After": "Fri, 15 Jan 2027 08:00:07 GMT"}, None, 9),
            # The server's own clock, where it tells it, and not ours.
            ({"Retry-After": "Fri, 15 Jan 2027 08:00:07 GMT", "Date": "Fri, 15 Jan 2027 08:00:05 GMT"}, 5, 2000),
        ],
    )
    def test_time_to_wait(self, headers: dict[str, str], now: int | None, delay: int) -> None:
        with pytest.raises(LimitExceeded) as caught:
            parse(WhoAmI(), 429, headers, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 9}', now=now)
        assert caught.value.retry_after_ms == delay

    def test_redirect_and_page(self) -> None:
        with pytest.raises(Redirected) as caught:
            parse(WhoAmI(), 302, {"Location": "https://portal.example"}, b"<html>")
        assert caught.value.target == "https://portal.example"
        with pytest.raises(HtmlPage) as page:
            parse(WhoAmI(), 200, {"Content-Type": "Text/HTML; charset=utf-8"}, b"Please <b>log in</b>\n to  the hotel")
        assert (page.value.status, page.value.text) == (200, "Please log in to the hotel")

    @given(st.binary(max_size=300), st.sampled_from([b"<", b"<!--", b"<script>", b"<title>", b"<p "]))
    def test_no_page_breaks_anything_and_its_text_is_bounded(self, page: bytes, start: bytes) -> None:
        with pytest.raises(NotMatrix) as caught:
            parse(WhoAmI(), 502, {}, start + page * 200)
        assert len(caught.value.text) <= 500

    def test_odd_pages_cost_no_time(self) -> None:
        started = time.monotonic()
        for part in (b"<title", b"<script", b"<!--", b"</", b"<", b"&amp", b"<title>"):
            with pytest.raises(HtmlPage):
                parse(WhoAmI(), 502, {}, b"<" + part * 1_000_000)
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize(
        ("actual", "matches"),
        [
            ("application/json", True), ("application/json; charset=utf-8", True), ("Application/JSON;x", True),
            (" application/json ", True), ("application/json+x", False), ("text/html", False), ("", False),
            (None, False),
        ],
    )  # fmt: skip
    def test_content_type_whatever_its_parameters(self, actual: str | None, matches: bool) -> None:
        assert content_type_matches("application/json; charset=ascii", actual) is matches

    @pytest.mark.parametrize(
        ("expected", "matching", "other"),
        [
            (("application/json", "text/html"), ["text/html; charset=utf-8", "APPLICATION/JSON"], ["text/plain", ""]),
            ("image/*", ["image/png", "Image/svg+xml; q=1"], ["imagex/png", "text/image", "image", None]),
            ("*/*", ["image/png", "x/y; z"], ["", "image", None]),
            ((), [], ["text/html", None]),
        ],
    )  # fmt: skip
    def test_content_type_of_several_and_of_a_kind(
        self, expected: str | tuple[str, ...], matching: list[str], other: list[str | None]
    ) -> None:
        assert [one for one in matching if not content_type_matches(expected, one)] == []
        assert [one for one in other if content_type_matches(expected, one)] == []
