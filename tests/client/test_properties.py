"""What holds of every call, whatever servers answer, in whatever order things happen, whoever gives up in the middle.

The flows are carried out here by hand, one step of one of them at a time, in an order that Hypothesis chooses. So all
interleavings of threads, tasks and processes can come up, and the same one again.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.login import Login
from ostiary.api.secret import Secret
from ostiary.api.versions import GetVersions
from ostiary.api.whoami import WhoAmI
from ostiary.client import ConnectionFailed, NotLoggedIn, RetryPolicy, SessionRecord
from ostiary.client.answers import retry_after_ms
from ostiary.client.calls import Calls
from ostiary.client.drivers import drive
from ostiary.client.session_core import SessionCore
from ostiary.client.steps import Exchange, Flow, Jitter, Load, Lock, Now, Remove, Save, Sleep, Step, Unlock, Whole
from tests.client.scripted import BASE, body, header, refusal, reply

RECORD: Final = SessionRecord(BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"))

failures = st.one_of(
    st.builds(ConnectionFailed, st.just("lost"), sent=st.booleans()),
    st.sampled_from([reply(502, b""), reply(503, b"<html>"), reply(500, b""), refusal(403, "M_FORBIDDEN")]),
    st.integers(0, 200_000).map(lambda delay: refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=delay)),
    st.text(max_size=9).map(lambda text: reply(429, {"errcode": "M_LIMIT_EXCEEDED"}, retry_after=text)),
)


@given(
    st.lists(failures, max_size=12),
    st.builds(RetryPolicy, attempts=st.integers(1, 6), max_wait_ms=st.integers(0, 200_000)),
    st.sampled_from([GetVersions(), Login(type="m.login.password")]),
    st.floats(0, 1),
)
def test_trying_again_is_bounded_and_never_repeats_what_may_have_arrived(
    answers: list[Any], policy: RetryPolicy, request: Any, chance: float
) -> None:
    asked: list[Any] = []
    slept: list[int] = []
    good = {"versions": [], "user_id": "@a:b", "access_token": "t", "device_id": "D"}

    def do(step: Step) -> Any:
        match step:
            case Exchange():
                asked.append(answers[len(asked)] if len(asked) < len(answers) else reply(200, good))
                if isinstance(asked[-1], Exception):
                    raise asked[-1]
                return asked[-1]
            case Sleep(milliseconds):
                slept.append(milliseconds)
            case Jitter():
                return chance
        return 0

    with contextlib.suppress(ConnectionFailed, MatrixError, NotMatrix):
        drive(Calls(BASE, policy).call(request), do)
    assert len(asked) <= policy.attempts
    assert sum(slept) <= policy.max_wait_ms
    assert all(delay >= 0 for delay in slept)
    if isinstance(request, Login):
        assert not [one for one in asked[:-1] if may_have_worked(one)]


def may_have_worked(answer: Any) -> bool:
    return answer.sent if isinstance(answer, ConnectionFailed) else answer.status not in (429, 403)


@given(st.text() | st.integers().map(str) | st.datetimes().map(lambda when: f"{when:%a, %d %b %Y %H:%M:%S} GMT"))
def test_no_header_breaks_anything(text: str) -> None:
    delay = retry_after_ms(text, 0)
    assert delay is None or delay >= 0


@dataclass
class Universe:
    """A server that knows one pair of tokens, a store with its lock, and what went wrong."""

    generation: int = 0
    refreshes: int = 0
    stored: SessionRecord | None = RECORD
    holder: object = None
    used_unstored: list[str] = field(default_factory=list)
    outage: bool = False

    def exchange(self, request: HttpRequest) -> HttpResponse:
        if self.outage and request.path.endswith("refresh"):
            raise ConnectionFailed("lost", sent=False)
        if request.path.endswith("refresh"):
            if body(request)["refresh_token"] != f"refresh-{self.generation}":
                return refusal(401, "M_UNKNOWN_TOKEN")
            self.refreshes += 1
            self.generation += 1
            pair = {"access_token": f"access-{self.generation}", "refresh_token": f"refresh-{self.generation}"}
            return reply(200, pair)
        token = str(header(request, "Authorization")).removeprefix("Bearer ")
        if self.stored is None or self.stored.access_token != Secret(token):
            self.used_unstored.append(token)
        if token != f"access-{self.generation}":
            return refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
        return reply(200, {"user_id": "@a:b", "device_id": "D"})


class Running:
    """A flow under way: carried out a step at a time, unless it waits for the lock."""

    def __init__(self, flow: Flow[Any], universe: Universe) -> None:
        self.stack: list[Flow[Any]] = [flow]
        self.universe = universe
        self.result: Any = None
        self.error: BaseException | None = None
        self.step: Step | None = None
        self.outcome: Any = None
        self.cancelled = False
        self._advance()

    @property
    def done(self) -> bool:
        return not self.stack

    @property
    def can_go_on(self) -> bool:
        return not self.done and not (isinstance(self.step, Lock) and self.universe.holder is not None)

    @property
    def is_whole(self) -> bool:
        return len(self.stack) > 1

    def go_on(self) -> None:
        """Carry out the step that is due."""
        assert self.step is not None
        if isinstance(self.step, Whole):
            self.stack.append(self.step.flow)
        else:
            try:
                self.result = self._do(self.step)
            except ConnectionFailed as error:
                self.error = error
        self._advance()

    def cancel(self) -> None:
        """Give up: at once, or, inside what is whole, when that is over."""
        self.cancelled = True
        if not self.is_whole:
            self.error = asyncio.CancelledError()
            self._advance()

    def abandon(self) -> None:
        """Bring it to its end without doing anything more, so that no generator is left in the middle."""
        while self.stack:
            self.error = asyncio.CancelledError()
            self._advance()

    def _advance(self) -> None:
        while self.stack:
            result, error = self.result, self.error
            self.result = self.error = None
            try:
                flow = self.stack[-1]
                self.step = flow.send(result) if error is None else flow.throw(error)
                return
            except StopIteration as end:
                self.stack.pop()
                self.result = self.outcome = end.value
            except BaseException as raised:
                self.stack.pop()
                self.error = self.outcome = raised
            if self.stack and self.cancelled and not self.is_whole:
                self.error = asyncio.CancelledError()

    def _do(self, step: Step) -> Any:
        universe = self.universe
        match step:
            case Exchange(_, request):
                return universe.exchange(request)
            case Lock():
                universe.holder = self
            case Unlock():
                assert universe.holder is self
                universe.holder = None
            case Save(record):
                assert universe.holder is self
                universe.stored = record
            case Remove():
                assert universe.holder is self
                universe.stored = None
            case Load():
                return universe.stored
            case Now() | Jitter() | Sleep():
                return 0
            case _:
                raise AssertionError(step)
        return None


@given(st.data())
def test_calls_in_any_order_refresh_once_and_use_only_what_is_stored(data: st.DataObject) -> None:
    """Several processes with several calls each meet a dead token; some calls are given up, refreshing may fail."""
    universe = Universe(outage=data.draw(st.booleans(), "outage"))
    cores = [SessionCore(Calls(BASE, RetryPolicy(attempts=2)), RECORD) for _ in range(data.draw(st.integers(1, 3)))]
    expired = replace(RECORD, access_token=Secret("expired"))
    universe.stored = expired
    for core in cores:
        core.record = core.last = expired
    counts = [data.draw(st.integers(1, 4)) for _ in cores]
    calls = [Running(core.send(WhoAmI()), universe) for core, n in zip(cores, counts, strict=True) for _ in range(n)]
    with contextlib.ExitStack() as ending:
        for call in calls:
            ending.callback(call.abandon)
        for _ in range(1_000):
            ready = [call for call in calls if call.can_go_on]
            if not ready:
                break
            call = data.draw(st.sampled_from(ready))
            if not call.cancelled and data.draw(st.integers(0, 9)) == 0:
                call.cancel()
            else:
                call.go_on()
            if universe.outage and data.draw(st.integers(0, 4)) == 0:
                universe.outage = False
        all_done = all(call.done for call in calls)
    assert all_done, "somebody waits for a lock that nobody holds"
    assert universe.holder is None
    assert universe.refreshes <= 1
    assert universe.stored is not None, "the session is lost"
    assert universe.stored.refresh_token == Secret(f"refresh-{universe.generation}")
    assert set(universe.used_unstored) <= {"expired"}
    for call in calls:
        if isinstance(call.outcome, BaseException):
            assert isinstance(call.outcome, (asyncio.CancelledError, ConnectionFailed)), call.outcome
            assert not isinstance(call.outcome, NotLoggedIn)
