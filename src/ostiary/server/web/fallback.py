"""The pages on which a person completes one stage for an app that has no form for it. Spec: "Fallback".

The app has begun the dialogue and goes on with it afterwards; a page only notes the stage as completed. It says what
the dialogue is for, since whoever has the page's address can have got it from anybody.
"""

from typing import Final

from ostiary.accounts.uia import Dialogue
from ostiary.api.codec import build_request
from ostiary.api.endpoint import UNSET, RateLimit
from ostiary.api.errors import MatrixError, NotFound
from ostiary.api.registration import Register
from ostiary.api.uia import OLDER_REGISTRATION_TOKEN, PASSWORD, REGISTRATION_TOKEN
from ostiary.server.web import stages
from ostiary.server.web.guarding import OWN_SCRIPT, check_token, form_token
from ostiary.server.web.pages import Page, PageRequest

_PURPOSE: Final = "stage"
_LIMITS: Final = {PASSWORD: RateLimit.LOGIN}
"""How attempts at a stage are limited, where not as checks are."""


async def show_stage(request: PageRequest, kind: str) -> Page:
    """The form of a stage."""
    session = request.query.get("session", "")
    return await _page(request, _current(kind), session, None)


async def complete_stage(request: PageRequest, kind: str) -> Page:
    """A form filled in."""
    kind = _current(kind)
    request.check_site()
    session = request.form.get("session") or request.query.get("session", "")
    dialogue = await _look(request, session)
    check_token(_PURPOSE, session, request.form.get("form_token", ""))
    if kind not in dialogue.next:
        return await _page(request, kind, session, None)
    filled = await stages.read(kind, request, session, dialogue)
    if filled.auth is not None:
        request.take(_LIMITS.get(kind, RateLimit.CHECK))
        try:
            filled.error = await _attempt(request, session, filled.auth)
        except NotFound:
            raise
        except MatrixError as error:  # the request would end there; here the person may try again
            filled.error = error
    return await _page(request, kind, session, filled)


async def _attempt(request: PageRequest, session: str, auth: stages.Auth) -> MatrixError | None:
    """Take an attempt to the dialogue. It is read as a client's would be, with the same limits and errors."""
    services = request.services
    read = build_request(Register, {"auth": dict(auth)}).auth
    if read is UNSET:
        raise TypeError("a form gives an 'auth'")
    return await services.uia.attempt_elsewhere(session, read, services.flows, request.context.origin)


async def _look(request: PageRequest, session: str) -> Dialogue:
    dialogue = await request.services.uia.look(session, request.services.flows)
    if dialogue is None:
        raise NotFound("The session is not known, or has expired")
    return dialogue


async def _page(request: PageRequest, kind: str, session: str, filled: stages.Filled | None) -> Page:
    """Where a stage stands now: done, to be done, or not to be done."""
    dialogue = await _look(request, session)
    if kind in dialogue.completed:
        return request.show("done.html", OWN_SCRIPT)
    if kind not in stages.NAMES or kind not in dialogue.next:
        return request.problem("not_your_turn", 401 if kind in stages.NAMES else 404)
    hidden = {"session": session, "form_token": form_token(_PURPOSE, session)}
    form = stages.stage_form(kind, request, dialogue, hidden, filled)
    status = 401 if filled is not None and filled.error is not None else 200
    if filled is not None and filled.error is not None and filled.error.status in (429, 503):
        status = filled.error.status
    return request.show("stage.html", form.sources, status=status, asked=_asked(request, dialogue), **form.values)


def _asked(request: PageRequest, dialogue: Dialogue) -> str:
    """What the dialogue is for."""
    texts, services = request.texts, request.services
    name = f"do_{dialogue.operation}"
    what = texts(name, server=services.server_name) if texts.knows(name) else dialogue.operation
    if dialogue.owner is None:
        return texts("asked_by", what=what)
    return texts("asked_for", what=what, user=services.user_id(dialogue.owner))


def _current(kind: str) -> str:
    return REGISTRATION_TOKEN if kind == OLDER_REGISTRATION_TOKEN else kind
