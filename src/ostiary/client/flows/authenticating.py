"""Going through interactive authentication: choosing the way, answering each stage, waiting for people.

A stage is answered by a flow, which may have mail sent or ask somebody. Where a person has to do something elsewhere
the same call is made again now and then, until the server has noticed, or the caller's patience ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode

from ostiary.api.endpoint import UNSET, Endpoint, Struct, with_fields
from ostiary.api.errors import Forbidden, ThreepidAuthFailed, Unauthorized
from ostiary.api.secret import Secret
from ostiary.api.uia import (
    DUMMY,
    EMAIL,
    MSISDN,
    PASSWORD,
    RECAPTCHA,
    REGISTRATION_TOKEN,
    TERMS,
    AuthData,
    AuthProgress,
    AuthRequired,
    EmailAuth,
    MsisdnAuth,
    RecaptchaAuth,
    TermsAuth,
    ThreepidCreds,
    UnknownAuth,
)
from ostiary.client.answering import (
    Answers,
    CodeWanted,
    Fallback,
    Maybe,
    Phone,
    Policy,
    Progress,
    Stages,
    answers_of,
)
from ostiary.client.calls import Calls
from ostiary.client.dialogue import Dialogue, Validation
from ostiary.client.errors import ClientError, Declined, DialoguePaused, InteractiveAuthUnsupported
from ostiary.client.flows.proving import confirmed, mailed, purpose_of, texted
from ostiary.client.given import secret
from ostiary.client.speaker import Speaker
from ostiary.client.stages import (
    Choice,
    StageContext,
    StageHandler,
    answer_dummy,
    answer_password,
    answer_registration_token,
    choose,
    merged,
)
from ostiary.client.steps import Ask, Flow, Now, Sleep

R = TypeVar("R", bound=Struct)

NOT_YET: Final = frozenset({ThreepidAuthFailed.errcode, Unauthorized.errcode})
"""How servers say that an address has not been validated: the spec's code, and the one of others."""

FALLBACK: Final = "/_matrix/client/v3/auth/{stage}/fallback/web"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer to a stage. ``is_patient``: whether a person may still have to do something for it to be right."""

    auth: AuthData
    is_patient: bool = False


StageFlow = Callable[[StageContext], Flow[Attempt]]
Code = Callable[[CodeWanted], Maybe[str]]


class Sender(Protocol):
    """Makes calls, with a token or without."""

    def __call__(self, request: Endpoint[R], /) -> Flow[R]: ...


def authenticated(
    core: Speaker, request: Endpoint[R], password: str | Secret | None = None, stages: Stages = None
) -> Flow[R]:
    """Make a session's call that may need interactive authentication, and go through that to the end."""
    return Conversation(core.send, core.calls, answers_of(stages, password), core.user_id).hold(Dialogue(request))


class Conversation:
    """One call with its interactive authentication.

    ``send`` makes the call; ``calls`` those that a stage needs besides; ``user``: whose password answers.
    """

    def __init__(self, send: Sender, calls: Calls, answers: Answers, user: str | None) -> None:
        self._send = send
        self._calls = calls
        self._answers = answers
        self._user = user
        self.dialogue: Dialogue[Any]

    def hold(self, dialogue: Dialogue[R]) -> Flow[R]:
        """Make the call, and go on until it is answered. ``dialogue`` is, even when this raises, how far things are.

        Raises what the call raises, what a stage was refused with, InteractiveAuthUnsupported, DialoguePaused,
        Declined.
        """
        self.dialogue = dialogue
        self._able = self._handlers(self._user)
        request = dialogue.request
        if dialogue.session is not None:
            request = with_fields(request, auth=UnknownAuth({"session": dialogue.session}))
        attempted: set[str] = set()
        restarted = is_known = False
        while True:
            try:
                if not is_known:
                    return (yield from self._send(request))
            except AuthRequired as question:
                forgotten = self._learn(question)
                if forgotten and not restarted and not isinstance(question.error, Forbidden):
                    restarted, attempted = True, set()
                elif question.error is not None and attempted - set(self._progress.completed):
                    raise question.error from None  # the same answer would be refused the same way
            is_known = False
            choice = self._choose()
            if choice.stage in attempted:
                raise self._unsupported(choice.stage)
            attempted.add(choice.stage)
            attempt = yield from self._attempt(choice)
            request = with_fields(dialogue.request, auth=attempt.auth)
            if attempt.is_patient:
                yield from self._tell(choice, is_waiting=True)
                answer = yield from self._waited(choice.stage, request)
                if answer is not None:
                    return answer
                is_known = True

    # --- Where things stand ------------------------------------------------------------------------------------------

    @property
    def _progress(self) -> AuthProgress:
        return self.dialogue.progress or AuthProgress(flows=())

    def _learn(self, question: AuthRequired) -> bool:
        """Take in what the server says; whether it has begun anew, since it no longer knows the session."""
        before, now = self.dialogue.progress, merged(self.dialogue.progress, question.progress)
        self.dialogue = self.dialogue.at(now)
        return before is not None and bool(before.session) and now.session != before.session and not now.completed

    def _choose(self) -> Choice:
        try:
            return choose(self._progress, self._able, fallback=self._answers.fallback is not None)
        except InteractiveAuthUnsupported as error:
            error.dialogue = self.dialogue
            raise

    def _unsupported(self, stage: str) -> InteractiveAuthUnsupported:
        error = InteractiveAuthUnsupported(self._progress, (stage,))
        error.dialogue = self.dialogue
        return error

    def _tell(self, choice: Choice, *, is_waiting: bool) -> Flow[None]:
        if self._answers.on_progress is not None:
            progress = Progress(choice.stage, choice.flow, choice.left, is_waiting, self.dialogue)
            yield Ask(self._answers.on_progress, progress)

    # --- Waiting for people ------------------------------------------------------------------------------------------

    def _waited(self, stage: str, request: Endpoint[R]) -> Flow[R | None]:
        """Make the call again until the stage is done: its answer, or None where another stage comes next."""
        deadline = (yield Now()) + self._answers.waiting.timeout_ms
        delay_ms = self._answers.waiting.poll_ms
        while True:
            try:
                return (yield from self._send(request))
            except AuthRequired as question:
                if self._learn(question):
                    raise question.error or self._unsupported(stage) from None
                if stage in self._progress.completed:
                    return None
                if question.error is not None and question.error.errcode not in NOT_YET:
                    raise question.error from None
            if (yield Now()) + delay_ms > deadline:
                raise DialoguePaused(stage, self.dialogue)
            yield Sleep(delay_ms)
            delay_ms = self._answers.waiting.after(delay_ms)

    def _session(self) -> str | None:
        return self.dialogue.session

    # --- Stages ------------------------------------------------------------------------------------------------------

    def _attempt(self, choice: Choice) -> Flow[Attempt]:
        yield from self._tell(choice, is_waiting=False)
        context = StageContext(
            choice.stage, self._progress, self._session(), self._progress.params.get(choice.stage, {})
        )
        return (yield from self._able.get(choice.stage, self._by_page)(context))

    def _handlers(self, user: str | None) -> Mapping[str, StageFlow]:
        """What can be answered, and how."""
        given = self._answers
        able: dict[str, StageFlow] = {DUMMY: _by(answer_dummy)}
        if user is not None and given.password is not None:
            able[PASSWORD] = _by(answer_password(user, secret(given.password)))
        if given.registration_token is not None:
            able[REGISTRATION_TOKEN] = _by(answer_registration_token(secret(given.registration_token)))
        if given.accept_terms:
            able[TERMS] = self._terms
        if given.captcha is not None:
            able[RECAPTCHA] = _by_captcha(given.captcha)
        begun = self.dialogue.validations
        if given.email is not None or EMAIL in begun:
            able[EMAIL] = partial(self._email, given.email)
        if given.code is not None and (given.phone is not None or MSISDN in begun):
            able[MSISDN] = partial(self._phone, given.phone, given.code)
        return able | {stage: _by(handler) for stage, handler in given.stages.items()}

    def _terms(self, context: StageContext) -> Flow[Attempt]:
        accept = self._answers.accept_terms
        if callable(accept) and not (yield Ask(accept, policies_of(context.params))):
            raise Declined("the server's policies were not agreed to")
        return Attempt(TermsAuth(session=context.session or UNSET))

    def _email(self, address: str | None, context: StageContext) -> Flow[Attempt]:
        validation = self.dialogue.validations.get(EMAIL)
        if address is not None and (validation is None or validation.address != address):
            purpose = purpose_of(self.dialogue.request)
            validation = yield from mailed(self._calls, purpose, address, self._answers.next_link)
            self.dialogue = self.dialogue.proving(EMAIL, validation)
        if validation is None:
            raise self._unsupported(EMAIL)
        auth = EmailAuth(threepid_creds=_creds(validation), session=context.session or UNSET)
        return Attempt(auth, is_patient=True)

    def _phone(self, phone: Phone | None, code: Code, context: StageContext) -> Flow[Attempt]:
        validation = self.dialogue.validations.get(MSISDN)
        if phone is not None and (
            validation is None or (phone.country, phone.number) != (validation.country, validation.address)
        ):
            validation = yield from texted(self._calls, purpose_of(self.dialogue.request), phone)
            self.dialogue = self.dialogue.proving(MSISDN, validation)
        if validation is None:
            raise self._unsupported(MSISDN)
        if validation.submit_url is not None:
            yield from confirmed(validation, code, self._calls)
        auth = MsisdnAuth(threepid_creds=_creds(validation), session=context.session or UNSET)
        return Attempt(auth, is_patient=validation.submit_url is None)

    def _by_page(self, context: StageContext) -> Flow[Attempt]:
        """Have a person complete the stage in a browser. Spec: client-server API, "Fallback"."""
        if self._answers.fallback is None or context.session is None:
            raise self._unsupported(context.stage)
        path = FALLBACK.replace("{stage}", quote(context.stage, safe=""))
        url = f"{self._calls.base_url}{path}?{urlencode({'session': context.session})}"
        yield Ask(self._answers.fallback, Fallback(context.stage, url))
        return Attempt(UnknownAuth({"session": context.session}), is_patient=True)


def policies_of(params: Mapping[str, Any]) -> tuple[Policy, ...]:
    """The policies that ``m.login.terms`` tells of. What is not as it should be is left out."""
    policies = params.get("policies")
    if not isinstance(policies, dict):
        raise ClientError("the server asks for agreement to policies, and does not say which")
    return tuple(_policy(name, told) for name, told in policies.items() if isinstance(told, dict))


def _policy(policy_id: str, told: Mapping[str, Any]) -> Policy:
    translations = {
        language: (str(one.get("name", "")), str(one.get("url", "")))
        for language, one in told.items()
        if isinstance(one, dict)
    }
    return Policy(policy_id, str(told.get("version", "")), translations)


def _by(handler: StageHandler) -> StageFlow:
    def answer(context: StageContext) -> Flow[Attempt]:
        return Attempt((yield Ask(handler, context)))

    return answer


def _by_captcha(ask: Callable[[StageContext], Maybe[str]]) -> StageFlow:
    def answer(context: StageContext) -> Flow[Attempt]:
        response: str = yield Ask(ask, context)
        return Attempt(RecaptchaAuth(response=Secret(response), session=context.session or UNSET))

    return answer


def _creds(validation: Validation) -> ThreepidCreds:
    return ThreepidCreds(sid=validation.sid, client_secret=validation.client_secret.reveal())
