"""Making an account in the browser, page by page: for invited people, and for apps that cannot do it by themselves.

The pages are a client of the call that makes accounts: they begin its dialogue with name and password, complete one
stage after the other, and hold nothing but the dialogue's session, which travels in the forms.
Spec: the fallback of registration, as clients know it (``window.onRegistered``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ostiary.accounts.model import AccountKind, AccountState
from ostiary.accounts.uia import Dialogue
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import (
    Exclusive,
    Forbidden,
    InvalidParam,
    InvalidUsername,
    MatrixError,
    NotFound,
    Reason,
    UserInUse,
    WeakPassword,
)
from ostiary.api.identifiers import parse_user_id
from ostiary.api.registration import Register
from ostiary.api.secret import Secret
from ostiary.api.uia import DUMMY, REGISTRATION_TOKEN, AuthRequired
from ostiary.server.handlers.registration import register
from ostiary.server.web import stages
from ostiary.server.web.guarding import OWN_SCRIPT, check_token, form_token
from ostiary.server.web.pages import Page, PageRequest
from ostiary.server.web.wording import worded

_PURPOSE: Final = "register"

Flow = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a person is: in which dialogue, on which of its flows. ``token``: of the invitation, empty without."""

    session: str = field(repr=False)
    flow: int
    token: str = field(repr=False)

    def hidden(self) -> dict[str, str]:
        """What the forms carry of it."""
        return {
            "session": self.session, "flow": str(self.flow), "invitation": self.token,
            "form_token": form_token(_PURPOSE, self.session),
        }  # fmt: skip


def is_closed(request: PageRequest) -> bool:
    """Whether nobody can make an account."""
    try:
        request.services.registrations.ensure_open(AccountKind.USER)
    except Forbidden:
        return True
    return False


# --- The first page --------------------------------------------------------------------------------------------------


async def show_registration(request: PageRequest) -> Page:
    """The form for name and password."""
    if is_closed(request):
        return request.problem("closed", 403)
    return _first_page(request, "", "", None)


async def show_invitation(request: PageRequest) -> Page:
    """The same for somebody who was invited: with the name that was proposed, and the token taken care of."""
    if is_closed(request):
        return request.problem("closed", 403)
    request.take(RateLimit.CHECK)
    token = request.query.get("token", "")
    invitations = request.services.invitations
    try:
        if not await invitations.is_valid(Secret(token)):
            return request.problem("bad_invitation", 404)
        proposed = (await invitations.get(token)).proposed_name
    except NotFound:
        return request.problem("bad_invitation", 404)
    return _first_page(request, token, proposed or "", None)


def _first_page(request: PageRequest, token: str, username: str, error: MatrixError | None) -> Page:
    choices = [(place, _name_of(flow, request)) for place, flow in _open_to(_flows(request), token)]
    chosen = _flow_number(request)
    return request.show(
        "register.html",
        OWN_SCRIPT,
        status=200 if error is None else error.status,
        action=request.path,
        hidden={"invitation": token, "wants_session": ""},
        username=username,
        choices=choices,
        chosen=chosen if any(chosen == place for place, _ in choices) else choices[0][0],
        invited=bool(token),
        error=_wording(error, request),
        wrong=next((name for kind, name in _FIELDS.items() if isinstance(error, kind)), ""),
    )


class UnequalPasswords(InvalidParam):
    """The password was not typed in the same way twice."""


_FIELDS: Final[Mapping[type[MatrixError], str]] = {
    InvalidUsername: "username", UserInUse: "username", Exclusive: "username",
    WeakPassword: "password", UnequalPasswords: "password",
}  # fmt: skip
"""Which field of the first page an error is about."""


def _wording(error: MatrixError | None, request: PageRequest) -> str:
    if error is None:
        return ""
    return request.texts("unequal_passwords") if isinstance(error, UnequalPasswords) else worded(error, request.texts)


def _flows(request: PageRequest) -> Sequence[Flow]:
    return request.services.flows.of(Register.__name__, has_token=False)


def _open_to(flows: Sequence[Flow], token: str) -> list[tuple[int, Flow]]:
    """The flows to choose from: for the invited those that take a token, if there are any."""
    every = list(enumerate(flows))
    with_token = [(place, flow) for place, flow in every if REGISTRATION_TOKEN in flow]
    return with_token if token and with_token else every


def _name_of(flow: Flow, request: PageRequest) -> str:
    names = [request.texts(f"by_{stages.NAMES[kind]}") for kind in flow if kind != DUMMY or len(flow) == 1]
    return request.texts("and").join(names)


# --- The pages after it ----------------------------------------------------------------------------------------------


async def go_on(request: PageRequest) -> Page:
    """A form filled in: the first, or that of a stage."""
    request.check_site()
    if is_closed(request):
        return request.problem("closed", 403)
    form = request.form
    if not form.get("session"):
        return await _begin(request)
    check_token(_PURPOSE, form["session"], form.get("form_token", ""))
    walk = Walk(form["session"], _flow_number(request), form.get("invitation", ""))
    dialogue = await _look(request, walk)
    kind = next_stage(_flows(request)[walk.flow], dialogue)
    if kind is None or form.get("stage") != stages.NAMES[kind]:
        return await _proceed(request, walk, {"session": walk.session}, None)  # the same form sent twice
    filled = await stages.read(kind, request, walk.session, dialogue)
    if filled.auth is None:
        return _stage_page(request, walk, kind, dialogue, filled)
    return await _proceed(request, walk, filled.auth, filled)


async def _begin(request: PageRequest) -> Page:
    """Open the dialogue with name and password."""
    form = request.form
    username, token = form.get("username", "").strip(), form.get("invitation", "")
    if form.get("password") != form.get("repeated"):
        return _first_page(request, token, username, UnequalPasswords())
    body = {
        "username": username.removeprefix("@").removesuffix(f":{request.services.server_name}"),
        "password": form.get("password", ""),
        "inhibit_login": form.get("wants_session") != "yes",  # a session that nobody takes is one too many
    }
    try:
        await request.ask_api(Register, register, body)
    except AuthRequired as question:
        walk = Walk(str(question.progress.session), _flow_number(request), token)
        return await _proceed(request, walk, None, None)
    except MatrixError as error:
        return _first_page(request, token, username, error)
    raise TypeError("an account was made without interactive authentication")


async def _proceed(request: PageRequest, walk: Walk, auth: stages.Auth | None, filled: stages.Filled | None) -> Page:
    """Take an attempt to the dialogue, and show what comes next. Stages that need nobody are completed on the way."""
    flow = _flows(request)[walk.flow]
    while True:
        error: MatrixError | None = None
        if auth is not None:
            try:
                return await _done(request, await request.ask_api(Register, register, {"auth": auth}))
            except AuthRequired as question:
                error = question.error
            except MatrixError as refusal:
                if refusal.reason is Reason.AWAITING_APPROVAL:
                    return request.show("registered.html", OWN_SCRIPT, **_told(request, "", "", awaits=True))
                error = refusal
        dialogue = await _look(request, walk)
        kind = next_stage(flow, dialogue)
        if kind is None:
            raise error or NotFound("The session is not known, or has expired")
        tried = auth is not None and auth.get("type") == kind
        auth = None if tried else _without_asking(kind, walk)
        if auth is None:
            filled = filled if tried and filled is not None else stages.Filled()
            filled.error = error
            return _stage_page(request, walk, kind, dialogue, filled)


async def _look(request: PageRequest, walk: Walk) -> Dialogue:
    dialogue = await request.services.uia.look(walk.session, request.services.flows)
    if dialogue is None or dialogue.operation != Register.__name__:
        raise NotFound("The session is not known, or has expired")
    return dialogue


def next_stage(flow: Flow, dialogue: Dialogue) -> str | None:
    """The stage of a flow whose turn it is; None where all are completed."""
    return next((kind for kind in flow if kind not in dialogue.completed), None)


def _without_asking(kind: str, walk: Walk) -> stages.Auth | None:
    """An attempt at a stage that the person need not be asked for."""
    if kind == DUMMY:
        return {"type": DUMMY, "session": walk.session}
    if kind == REGISTRATION_TOKEN and walk.token:
        return {"type": REGISTRATION_TOKEN, "session": walk.session, "token": walk.token}
    return None


def _flow_number(request: PageRequest) -> int:
    said = request.form.get("flow", "0")
    number = int(said) if said.isascii() and said.isdecimal() and len(said) < 4 else 0
    return number if number < len(_flows(request)) else 0


def _stage_page(request: PageRequest, walk: Walk, kind: str, dialogue: Dialogue, filled: stages.Filled) -> Page:
    form = stages.stage_form(kind, request, dialogue, {**walk.hidden(), "stage": stages.NAMES[kind]}, filled)
    shown = [one for one in _flows(request)[walk.flow] if _without_asking(one, walk) is None or one == kind]
    step = request.texts("step", number=shown.index(kind) + 2, count=len(shown) + 1)
    status = 200 if filled.error is None else max(filled.error.status, 400)
    return request.show("wizard.html", OWN_SCRIPT, form.sources, status=status, step=step, **form.values)


# --- The last page ---------------------------------------------------------------------------------------------------


async def _done(request: PageRequest, answered: Mapping[str, Any]) -> Page:
    user_id = answered["user_id"]
    account = await request.services.store.find_credentials(parse_user_id(user_id).localpart)
    awaits = account is not None and account.state is AccountState.AWAITING_APPROVAL
    told = _told(request, user_id, answered.get("access_token", ""), awaits=awaits)
    return request.show("registered.html", OWN_SCRIPT, **told)


def _told(request: PageRequest, user_id: str, access_token: str, *, awaits: bool) -> dict[str, Any]:
    return {"user": user_id, "access_token": access_token, "awaits": awaits, "url": request.services.links.base_url}
