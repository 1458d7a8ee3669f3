"""Answering interactive authentication: which way to go, and what to say at each stage.

A handler is a function from where things stand to an ``auth`` object; it may ask its user, and may be asynchronous
where the client is.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct, with_fields
from ostiary.api.errors import Forbidden
from ostiary.api.secret import Secret
from ostiary.api.uia import DUMMY, PASSWORD, AuthData, AuthProgress, AuthRequired, DummyAuth, PasswordAuth
from ostiary.api.users import ByUser
from ostiary.client.errors import InteractiveAuthUnsupported
from ostiary.client.steps import Ask, Flow

R = TypeVar("R", bound=Struct)


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


def answer_dummy(context: StageContext) -> AuthData:
    """Answer ``m.login.dummy``."""
    return DummyAuth(session=context.session or UNSET)


def answer_password(user: str, password: Secret) -> StageHandler:
    """A handler of ``m.login.password`` that knows the password."""

    def answer(context: StageContext) -> AuthData:
        return PasswordAuth(identifier=ByUser(user), password=password, session=context.session or UNSET)

    return answer


def handlers_for(
    user: str | None, password: Secret | None, given: Mapping[str, StageHandler] | None
) -> dict[str, StageHandler]:
    """What can be answered with what the caller gave."""
    handlers: dict[str, StageHandler] = {DUMMY: answer_dummy}
    if user is not None and password is not None:
        handlers[PASSWORD] = answer_password(user, password)
    return handlers | dict(given or {})


def authenticate(
    send: Callable[[Endpoint[R]], Flow[R]], request: Endpoint[R], handlers: Mapping[str, StageHandler]
) -> Flow[R]:
    """Make a call that may need interactive authentication, and go through that to the end.

    Raises what the call raises; what a stage was refused with; InteractiveAuthUnsupported.
    """
    attempted: set[str] = set()
    progress: AuthProgress | None = None
    restarted = False
    while True:
        try:
            return (yield from send(request))
        except AuthRequired as question:
            before, progress = progress, _merge(progress, question.progress)
            if _is_forgotten(before, progress) and not restarted and not isinstance(question.error, Forbidden):
                restarted, attempted = True, set()
            elif question.error is not None and attempted - set(progress.completed):
                raise question.error from None  # the same answer would be refused the same way
        stage = next_stage(progress, handlers)
        if stage in attempted:
            raise InteractiveAuthUnsupported(progress, (stage,))
        attempted.add(stage)
        session = progress.session or None
        context = StageContext(stage, progress, session, progress.params.get(stage, {}))
        auth = yield Ask(handlers[stage], context)
        request = with_fields(request, auth=auth)


def next_stage(progress: AuthProgress, handlers: Mapping[str, StageHandler]) -> str:
    """The stage to answer now: of the flow that was begun, else that uses most of what is at hand, else the shortest.

    Raises InteractiveAuthUnsupported when every flow has a stage that nobody can answer.
    """
    best: tuple[tuple[int, int, int], str] | None = None
    missing: tuple[str, ...] = ()
    for flow in progress.flows:
        left = [stage for stage in flow.stages if stage not in progress.completed]
        unanswerable = tuple(stage for stage in left if stage not in handlers)
        if unanswerable:
            missing = missing if missing and len(missing) <= len(unanswerable) else unanswerable
            continue
        used = sum(stage != DUMMY for stage in left)
        rank = (len(left) - len(flow.stages), -used, len(left))
        if left and (best is None or rank < best[0]):
            best = (rank, left[0])
    if best is None:
        raise InteractiveAuthUnsupported(progress, missing)
    return best[1]


def _is_forgotten(before: AuthProgress | None, now: AuthProgress) -> bool:
    """Whether the server has begun anew, since it no longer knows the session that was answered to."""
    return before is not None and bool(before.session) and now.session != before.session and not now.completed


def _merge(before: AuthProgress | None, now: AuthProgress) -> AuthProgress:
    """Some servers leave out, in later answers, what has not changed."""
    if before is None:
        return now
    return AuthProgress(
        flows=now.flows or before.flows,
        params={**before.params, **now.params},
        session=now.session or before.session,
        completed=now.completed,
    )
