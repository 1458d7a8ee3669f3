"""The stages of interactive authentication: which way to go, and the handlers that need nobody else.

A handler is a function from where things stand to an ``auth`` object; it may ask its user, and may be asynchronous
where the client is.
"""

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ostiary.api.endpoint import UNSET
from ostiary.api.secret import Secret
from ostiary.api.uia import (
    DUMMY,
    EMAIL,
    MSISDN,
    RECAPTCHA,
    AuthData,
    AuthProgress,
    DummyAuth,
    PasswordAuth,
    RegistrationTokenAuth,
)
from ostiary.api.users import ByUser
from ostiary.client.errors import InteractiveAuthUnsupported

COSTS: Final[Mapping[str, int]] = {DUMMY: 0, RECAPTCHA: 3, EMAIL: 5, MSISDN: 5}
"""What a stage costs a person: nothing, a look at a picture, a walk to another program. All others cost 1."""


@dataclass(frozen=True, slots=True)
class StageContext:
    """Where an interactive authentication stands when a stage is to be answered.

    ``session``: what the answer has to carry; ``params``: what the server says about the stage.
    """

    stage: str
    progress: AuthProgress
    session: str | None
    params: Mapping[str, Any]


StageHandler = Callable[[StageContext], AuthData | Awaitable[AuthData]]
"""Answers a stage."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The way to go: a flow, and of that the stages left. ``stage``: the one to answer now."""

    flow: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def stage(self) -> str:
        return self.left[0]


def answer_dummy(context: StageContext) -> AuthData:
    """Answer ``m.login.dummy``."""
    return DummyAuth(session=context.session or UNSET)


def answer_password(user: str, password: Secret) -> StageHandler:
    """A handler of ``m.login.password`` that knows the password."""

    def answer(context: StageContext) -> AuthData:
        return PasswordAuth(identifier=ByUser(user), password=password, session=context.session or UNSET)

    return answer


def answer_registration_token(token: Secret) -> StageHandler:
    """A handler of ``m.login.registration_token`` that has one."""

    def answer(context: StageContext) -> AuthData:
        return RegistrationTokenAuth(token=token, session=context.session or UNSET)

    return answer


def choose(progress: AuthProgress, able: Container[str], *, fallback: bool) -> Choice:
    """The flow to go: the one that was begun, else that uses most of what is at hand, else the cheapest.

    ``able``: the stages that can be answered; ``fallback``: whether any other can be completed in a browser, which is
    done as seldom as possible. Raises InteractiveAuthUnsupported when every flow has a stage that nobody can answer.
    """
    best: tuple[tuple[int, ...], Choice] | None = None
    missing: tuple[str, ...] = ()
    for flow in progress.flows:
        left = tuple(stage for stage in flow.stages if stage not in progress.completed)
        unable = tuple(stage for stage in left if stage not in able)
        if unable and not fallback:
            missing = missing if missing and len(missing) <= len(unable) else unable
            continue
        used = sum(stage != DUMMY for stage in left)
        cost = sum(COSTS.get(stage, 1) for stage in left)
        rank = (len(left) - len(flow.stages), len(unable), -used, cost, len(left))
        if left and (best is None or rank < best[0]):
            best = (rank, Choice(flow.stages, left))
    if best is None:
        raise InteractiveAuthUnsupported(progress, missing)
    return best[1]


def merged(before: AuthProgress | None, now: AuthProgress) -> AuthProgress:
    """Where things stand. Some servers leave out, in later answers, what has not changed."""
    if before is None:
        return now
    return AuthProgress(
        flows=now.flows or before.flows,
        params={**before.params, **now.params},
        session=now.session or before.session,
        completed=now.completed,
    )
