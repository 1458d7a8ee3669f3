"""Going through interactive authentication."""

import asyncio
from typing import Any

import pytest

from ostiary.api.errors import Forbidden, MatrixError
from ostiary.api.http import HttpRequest
from ostiary.api.uia import AuthData, AuthProgress, Flow, UnknownAuth
from ostiary.client import (
    Answers,
    AsyncClient,
    CannotSend,
    Client,
    DialoguePaused,
    Fallback,
    InteractiveAuthUnsupported,
    Phone,
    Progress,
    StageContext,
    Waiting,
)
from ostiary.client.stages import choose
from tests.client.scripted import BASE, Reply, Script, body, header, refusal, reply
from tests.client.test_sessions import RECORD

DUMMY, PASSWORD, TERMS, EMAIL = "m.login.dummy", "m.login.password", "m.login.terms", "m.login.email.identity"
CAPTCHA, MSISDN, SSO = "m.login.recaptcha", "m.login.msisdn", "m.login.sso"
MADE = {"user_id": "@a:b", "access_token": "t", "device_id": "D"}


def ask(*flows: tuple[str, ...], completed: tuple[str, ...] = (), **more: Any) -> Any:
    told = {"flows": [{"stages": list(flow)} for flow in flows], "session": "s", "completed": list(completed)}
    return reply(401, told | more)


def accept_terms(context: StageContext) -> AuthData:
    return UnknownAuth({"type": TERMS, "session": context.session, "saw": dict(context.params)})


class TestDriving:
    def test_each_stage_is_answered_with_the_session_and_the_same_request(self) -> None:
        script = Script([
            ask((TERMS, DUMMY), params={TERMS: {"policies": 1}}),
            ask((TERMS, DUMMY), completed=(TERMS,)),
            reply(200, MADE),
        ])  # fmt: skip
        session = Client(BASE, world=script.world()).register("a", "p", stages={TERMS: accept_terms})
        assert session.user_id == "@a:b"
        first, terms, dummy = (body(request) for request in script.asked)
        assert "auth" not in first
        assert terms == {**first, "auth": {"type": TERMS, "session": "s", "saw": {"policies": 1}}}
        assert dummy == {**first, "auth": {"type": DUMMY, "session": "s"}}

    async def test_handler_may_be_asynchronous(self) -> None:
        async def accept(context: StageContext) -> AuthData:
            return accept_terms(context)

        script = Script([ask((TERMS,)), reply(200, MADE)])
        client = AsyncClient(BASE, world=script.async_world())
        assert (await client.register("a", "p", stages={TERMS: accept})).user_id == "@a:b"

    def test_password_that_was_given_answers_the_password_stage(self) -> None:
        script = Script([ask((PASSWORD,)), reply(200)])
        session = Client(BASE, world=script.world()).restore(RECORD)
        session.delete_device("X", password="secret")
        assert body(script.asked[1])["auth"] == {
            "type": PASSWORD,
            "identifier": {"type": "m.id.user", "user": "@a:b"},
            "password": "secret",
            "session": "s",
        }

    def test_refused_stage_is_raised_and_not_tried_for_ever(self) -> None:
        refused = ask((PASSWORD,), errcode="M_FORBIDDEN", error="Invalid password")
        script = Script([ask((PASSWORD,)), refused])
        session = Client(BASE, world=script.world()).restore(RECORD)
        with pytest.raises(Forbidden, match="Invalid password"):
            session.change_password("new password", password="wrong")
        assert len(script.asked) == 2

    def test_server_that_asks_the_same_for_ever_is_given_up(self) -> None:
        script = Script(by=lambda _: ask((DUMMY,)))
        with pytest.raises(InteractiveAuthUnsupported):
            Client(BASE, world=script.world()).register("a", "p")
        assert len(script.asked) == 2

    def test_session_that_the_server_forgot_is_begun_anew_once(self) -> None:
        script = Script([
            ask((TERMS, DUMMY)),
            ask((TERMS, DUMMY), completed=(TERMS,)),
            ask((TERMS, DUMMY), session="another", errcode="M_UNKNOWN", error="The session has expired"),
            ask((TERMS, DUMMY), session="another", completed=(TERMS,)),
            reply(200, MADE),
        ])  # fmt: skip
        Client(BASE, world=script.world()).register("a", "p", stages={TERMS: accept_terms})
        answered = [(auth["type"], auth["session"]) for auth in (body(one)["auth"] for one in script.asked[1:])]
        assert answered == [(TERMS, "s"), (DUMMY, "s"), (TERMS, "another"), (DUMMY, "another")]

    def test_server_with_a_new_session_each_time_is_given_up(self) -> None:
        count = iter(range(100))
        script = Script(by=lambda _: ask((DUMMY,), session=f"s{next(count)}"))
        with pytest.raises(InteractiveAuthUnsupported):
            Client(BASE, world=script.world()).register("a", "p")
        assert len(script.asked) <= 4

    def test_refusal_in_a_new_session_is_raised(self) -> None:
        refused = ask((PASSWORD,), session="another", errcode="M_FORBIDDEN", error="Invalid password")
        script = Script(by=lambda request: refused if "auth" in body(request) else ask((PASSWORD,)))
        with pytest.raises(Forbidden):
            Client(BASE, world=script.world()).restore(RECORD).delete_device("X", password="wrong")
        assert len(script.asked) == 2

    def test_what_nobody_answers_is_named_with_where_things_stand(self) -> None:
        script = Script([ask((EMAIL, DUMMY), (TERMS, EMAIL))])
        with pytest.raises(InteractiveAuthUnsupported, match=EMAIL) as caught:
            Client(BASE, world=script.world()).register("a", "p")
        assert caught.value.missing == (EMAIL,)
        assert caught.value.progress.session == "s"

    def test_error_of_another_kind_is_raised(self) -> None:
        script = Script([ask((DUMMY,)), refusal(400, "M_USER_IN_USE")])
        with pytest.raises(Exception, match="M_USER_IN_USE"):
            Client(BASE, world=script.world()).register("a", "p")

    def test_server_without_interactive_authentication_is_well(self) -> None:
        script = Script([reply(200, MADE)])
        assert Client(BASE, world=script.world()).register("a", "p").user_id == "@a:b"


class TestChoosing:
    @pytest.mark.parametrize(
        ("flows", "completed", "chosen"),
        [
            ([(DUMMY,)], (), DUMMY),
            ([(EMAIL,), (DUMMY,)], (), DUMMY),
            ([(DUMMY,), (PASSWORD,)], (), PASSWORD),  # what was given is used
            ([(PASSWORD, DUMMY), (PASSWORD,)], (), PASSWORD),
            ([(PASSWORD, DUMMY)], (PASSWORD,), DUMMY),
            ([(EMAIL, DUMMY), (TERMS, DUMMY)], (EMAIL,), DUMMY),
            ([(PASSWORD, DUMMY), (TERMS, "x.a", "x.b")], (PASSWORD,), DUMMY),  # what was begun is brought to its end
            ([(TERMS, "x.a"), (PASSWORD, DUMMY)], (PASSWORD,), DUMMY),
        ],
    )
    def test_flow_that_uses_most_of_what_is_at_hand(
        self, flows: list[tuple[str, ...]], completed: tuple[str, ...], chosen: str
    ) -> None:
        progress = AuthProgress(flows=tuple(Flow(flow) for flow in flows), completed=completed)
        known = (DUMMY, PASSWORD, TERMS, "x.a", "x.b") if "x.a" in str(flows) else (DUMMY, PASSWORD)
        handlers = dict.fromkeys(known, accept_terms)
        assert choose(progress, handlers, fallback=False).stage == chosen

    @pytest.mark.parametrize(
        ("flows", "able", "chosen"),
        [
            ([(EMAIL, TERMS), (CAPTCHA, TERMS)], (EMAIL, TERMS, CAPTCHA), (CAPTCHA, TERMS)),  # a look, not a walk
            ([(EMAIL,), (TERMS,)], (EMAIL, TERMS), (TERMS,)),
            ([(SSO,), (PASSWORD,)], (PASSWORD,), (PASSWORD,)),  # a page only where nothing else is left
            ([(SSO, EMAIL), (SSO, DUMMY)], (DUMMY,), (SSO, DUMMY)),
            ([(SSO, "x.a"), (SSO, TERMS)], (), (SSO, "x.a")),
        ],
    )
    def test_flow_that_costs_a_person_least(
        self, flows: list[tuple[str, ...]], able: tuple[str, ...], chosen: tuple[str, ...]
    ) -> None:
        progress = AuthProgress(flows=tuple(Flow(flow) for flow in flows))
        choice = choose(progress, able, fallback=True)
        assert (choice.flow, choice.left, choice.stage) == (chosen, chosen, chosen[0])


class TestWaiting:
    def test_code_that_needs_no_client_is_waited_for(self) -> None:
        """A server that gives no ``submit_url`` wants the link in the text message followed."""
        refused = ask((MSISDN,), errcode="M_UNAUTHORIZED", error="Unable to get validated threepid")
        script = Script([ask((MSISDN,)), reply(200, {"sid": "7"}), refused, refused, reply(200, MADE)])
        answers = Answers(phone=Phone(country="DE", number="030"), code=lambda _: "never asked")
        Client(BASE, world=script.world()).register("a", "p", stages=answers)
        assert script.slept == [2_000, 3_000]
        secret = body(script.asked[1])["client_secret"]
        assert body(script.asked[-1])["auth"]["threepid_creds"] == {"sid": "7", "client_secret": secret}

    @pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000])
    def test_patience_does_not_hang_on_a_clock_that_is_set(self, jump_ms: int) -> None:
        """A year forward, and nobody would be waited for; a year back, and the wait would not end."""
        script = Script()
        asked = 0

        def answer(_: HttpRequest) -> Reply:
            nonlocal asked
            asked += 1
            if asked == 3:
                script.clock.advance(jump_ms)
            return reply(401, {"flows": [{"stages": ["x"]}], "session": "s"})

        script.by = answer
        waiting = Waiting(timeout_ms=60_000, poll_ms=5_000)
        with pytest.raises(DialoguePaused):
            Client(BASE, world=script.world()).register(
                "a", "p", stages=Answers(fallback=lambda _: None, waiting=waiting)
            )
        assert 45_000 <= sum(script.slept) <= 60_000

    def test_page_for_a_stage_that_nobody_knows(self) -> None:
        opened: list[Fallback] = []
        script = Script([ask((SSO,)), ask((SSO,)), ask((SSO,)), reply(200, MADE)])
        Client(BASE, world=script.world()).register("a", "p", stages=Answers(fallback=opened.append))
        assert [one.url for one in opened] == [f"{BASE}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=s"]
        assert [body(one).get("auth") for one in script.asked] == [None] + 3 * [{"session": "s"}]
        assert "session=s" not in repr(opened)

    @pytest.mark.parametrize("url", ["http://sms.example.org/submit", "ftp://sms.example.org", "/submit", "https://"])
    def test_code_is_sent_nowhere_less_safe(self, url: str) -> None:
        script = Script([ask((MSISDN,)), reply(200, {"sid": "7", "submit_url": url})])
        answers = Answers(phone=Phone(country="DE", number="030"), code=lambda _: "123456")
        with pytest.raises(CannotSend, match="less safe"):
            Client(BASE, world=script.world()).register("a", "p", stages=answers)
        assert len(script.asked) == 2

    def test_code_is_sent_where_the_server_says_without_anybodys_token(self) -> None:
        url = "https://sms.example.org/a/submit?x=1"
        script = Script([ask((MSISDN,)), reply(200, {"sid": "7", "submit_url": url}), reply(200, {"success": True})])
        script.replies.append(reply(200, MADE))
        answers = Answers(phone=Phone(country="DE", number="030"), code=lambda _: "123456")
        Client(BASE, world=script.world()).register("a", "p", stages=answers)
        sent = script.asked[2]
        assert (script.bases[2], sent.method, sent.path, sent.query) == (
            "https://sms.example.org", "POST", "/a/submit", (("x", "1"),),
        )  # fmt: skip
        assert body(sent) == {"sid": "7", "client_secret": body(script.asked[1])["client_secret"], "token": "123456"}
        assert header(sent, "Authorization") is None

    def test_asynchronous_function_does_not_count_as_agreement(self) -> None:
        async def accept(_: Any) -> bool:
            return False

        script = Script([ask((TERMS,), params={TERMS: {"policies": {}}})])
        with pytest.raises(TypeError, match="asynchronous function"):
            Client(BASE, world=script.world()).register("a", "p", stages=Answers(accept_terms=accept))
        assert len(script.asked) == 1

    async def test_cancelled_and_gone_on_with(self) -> None:
        at: list[Progress] = []
        script = Script(by=lambda _: ask((SSO,)))
        world = script.async_world()
        waiting = asyncio.Event()

        async def sleep(_: int) -> None:
            waiting.set()
            await asyncio.Event().wait()

        world._sleep = sleep
        client = AsyncClient(BASE, world=world)
        answers = Answers(fallback=lambda _: None, on_progress=at.append)
        task = asyncio.ensure_future(client.register("a", "p", stages=answers))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        script.by = lambda _: reply(200, MADE)
        assert (await client.go_on_registering(at[-1].dialogue)).user_id == "@a:b"
        assert body(script.asked[-1])["auth"] == {"session": "s"}

    def test_dialogue_that_expired_meanwhile_is_told(self) -> None:
        expired = ask((EMAIL,), session="another", errcode="M_UNKNOWN", error="The session has expired")
        script = Script([ask((EMAIL,)), reply(200, {"sid": "7"}), expired])
        with pytest.raises(MatrixError, match="has expired"):
            Client(BASE, world=script.world()).register("a", "p", stages=Answers(email="a@example.org"))
