"""Whoever gives up, at whichever step of whichever flow: locks are let go of, and the session is whole."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.identifiers import UserId
from ostiary.api.login import LoginResponse
from ostiary.api.secret import Secret
from ostiary.api.whoami import WhoAmI
from ostiary.client import AsyncClient, FileStore, MemoryStore, RetryPolicy, SessionRecord, SessionStore, Timeouts
from ostiary.client.calls import Calls
from ostiary.client.client_core import ClientCore
from ostiary.client.flows.logins import adopted
from ostiary.client.limits import within
from ostiary.client.session_core import SessionCore
from ostiary.client.steps import (
    Ask,
    Exchange,
    Flow,
    Jitter,
    Kept,
    Load,
    Lock,
    Now,
    Remove,
    Save,
    Sleep,
    Step,
    Ticks,
    Unlock,
    Whole,
)
from tests.client.scripted import BASE, body, header, refusal, reply
from tests.client.test_sessions import TokenServer

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"), expires_at=0)
POLICY = RetryPolicy(attempts=2)
NEW = {"user_id": "@a:b", "device_id": "D", "access_token": "of login", "refresh_token": "r"}


@dataclass
class Place:
    """A server, a store and a lock. ``give_up_at``: at which step whoever waits is cancelled, before or after it."""

    give_up_at: int = -1
    after: bool = False
    stored: SessionRecord | None = RECORD
    made: int = 0
    used: int = 0
    steps: int = 0
    held: int = 0
    limited: bool = False
    saved: list[str] = field(default_factory=list)

    def run(self, flow: Flow[Any]) -> Any:
        result: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as end:
                return end.value
            result = error = None
            try:
                result = self._do(step)
            except BaseException as raised:
                error = raised

    def _do(self, step: Step) -> Any:
        if isinstance(step, Whole):  # as nothing shields it when a process is interrupted
            return self.run(step.flow)
        number, self.steps = self.steps, self.steps + 1
        gives_up = number == self.give_up_at and not isinstance(step, Unlock)
        if gives_up and not self.after:
            raise asyncio.CancelledError
        result = self._done(step)
        if gives_up:
            if isinstance(step, Lock):
                self.held -= 1  # drivers let go of a lock that nobody waits for any longer
            raise asyncio.CancelledError
        return result

    def _done(self, step: Step) -> Any:
        match step:
            case Exchange(_, request):
                return self._answer(request)
            case Lock():
                assert self.held == 0
                self.held += 1
            case Unlock():
                self.held -= 1
            case Save(record):
                self.stored = record
            case Remove():
                self.stored = None
            case Load():
                return self.stored
            case Kept():
                return [] if self.stored is None else [self.stored]
            case Now():
                return 1_000_000
            case Ticks() | Jitter() | Sleep() | Ask():
                return 0
        return None

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path.endswith("/refresh"):
            if not self.limited:
                self.limited = True
                return refusal(429, "M_LIMIT_EXCEEDED")
            generation = int(body(request)["refresh_token"].rpartition("-")[2])
            if generation == self.made:
                self.made += 1
            elif not (generation == self.made - 1 and self.used < self.made):
                return refusal(401, "M_UNKNOWN_TOKEN")
            return reply(200, {"access_token": f"access-{self.made}", "refresh_token": f"refresh-{self.made}"})
        if request.path.endswith("/login"):
            return reply(200, NEW)
        token = str(header(request, "Authorization")).removeprefix("Bearer ")
        assert self.stored is not None
        assert self.stored.access_token == Secret(token), "a token is used that is not stored"
        if token != f"access-{self.made}" or self.made == 0:
            return refusal(401, "M_UNKNOWN_TOKEN", soft_logout=True)
        self.used = self.made
        return reply(200, {"user_id": "@a:b", "device_id": "D"})


def _session() -> SessionCore:
    return SessionCore(Calls(BASE, POLICY), RECORD)


FLOWS: dict[str, Callable[[SessionCore], Flow[Any]]] = {
    "call": lambda core: core.send(WhoAmI()),
    "call within a time": lambda core: within(core.send(WhoAmI()), Timeouts(total_ms=5000)),
    "refresh": lambda core: core.refresh(),
    "logout": lambda core: core.log_out(everywhere=False),
    "login again": lambda core: core.log_in_again(Secret("p")),
}


def steps_of(make: Callable[[SessionCore], Flow[Any]]) -> int:
    place = Place()
    place.run(make(_session()))
    return place.steps


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", FLOWS)
def test_session_is_whole_wherever_a_flow_is_given_up(name: str, after: bool) -> None:
    count = steps_of(FLOWS[name])
    assert count >= 3
    for give_up_at in range(count):
        place, core = Place(give_up_at, after), _session()
        with contextlib.suppress(asyncio.CancelledError):
            place.run(FLOWS[name](core))
        assert place.held == 0, give_up_at
        place.give_up_at = -1
        if place.stored is None:
            assert name == "logout"
            continue
        if name == "login again" and place.stored != RECORD:
            assert place.stored.access_token == Secret("of login")
            continue
        # As after a restart: what is stored is all there is, and it works.
        again = SessionCore(Calls(BASE, POLICY), place.stored)
        assert place.run(again.send(WhoAmI())).user_id == "@a:b", give_up_at
        assert place.held == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_same_session_goes_on_in_the_same_process(after: bool) -> None:
    for give_up_at in range(steps_of(FLOWS["call"])):
        place, core = Place(give_up_at, after), _session()
        with contextlib.suppress(asyncio.CancelledError):
            place.run(core.send(WhoAmI()))
        place.give_up_at = -1
        assert place.run(core.send(WhoAmI())).user_id == "@a:b", give_up_at
        assert place.stored == core.record


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_login_is_stored_whole_or_not_at_all(after: bool) -> None:
    answer = LoginResponse(user_id=UserId("@a:b"), device_id="D", access_token=Secret("t"))
    for give_up_at in range(4):
        place = Place(give_up_at, after, stored=None)
        with pytest.raises(asyncio.CancelledError) if give_up_at < 3 else contextlib.nullcontext():
            place.run(adopted(ClientCore(BASE, POLICY), answer))
        assert place.held == 0
        assert place.stored is None or place.stored.access_token == Secret("t")


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_task_that_is_cancelled_after_any_number_of_turns_leaves_a_session_that_goes_on(
    kind: str, tmp_path: Path
) -> None:
    """The real driver, whose refreshes go on in the background; threads read and write the file meanwhile."""
    outcomes: set[str] = set()
    for turns in range(60):
        server = TokenServer()
        server.expire()
        store: SessionStore = MemoryStore() if kind == "memory" else FileStore(tmp_path / f"{turns}.json")
        store.save(replace(RECORD, expires_at=None))
        client = AsyncClient(BASE, world=server.script.async_world(store))
        session = client.restore(replace(RECORD, expires_at=None))
        task = asyncio.create_task(session.whoami())
        for turn in range(turns):
            await asyncio.sleep(0 if turn % 2 else 0.0005)
        task.cancel()
        await asyncio.wait([task])
        outcomes.add("cancelled" if task.cancelled() else "answered")
        async with asyncio.timeout(10):
            assert (await session.whoami()).user_id == "@a:b"
            await client.close()
        assert server.refreshes == 1
        assert store.list() == [session.record]
    assert outcomes == {"cancelled", "answered"}
