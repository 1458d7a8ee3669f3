"""The stages of interactive authentication as forms: what each shows, and what a form filled in says.

Used by the fallback pages, where an app has begun the dialogue, and by the registration pages, which begin it
themselves. Must not know which: both hand in the session, and take what is found here to the dialogue.
"""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from ostiary.accounts.messages import Medium
from ostiary.accounts.uia import Dialogue
from ostiary.accounts.values import Purpose
from ostiary.api.codec import build_request
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import InvalidParam, LimitExceeded, MatrixError, MissingParam, ThreepidAuthFailed, Unauthorized
from ostiary.api.registration import RequestTokenToRegisterEmail, RequestTokenToRegisterPhone
from ostiary.api.uia import DUMMY, EMAIL, MSISDN, PASSWORD, RECAPTCHA, REGISTRATION_TOKEN, TERMS
from ostiary.api.validation import SubmitToken
from ostiary.server.flows import REGISTERS
from ostiary.server.handlers.validation import ask_by_mail, ask_by_text, submit_token
from ostiary.server.web.captchas import WIDGETS
from ostiary.server.web.countries import countries, likely_country
from ostiary.server.web.guarding import Sources
from ostiary.server.web.pages import PageRequest
from ostiary.server.web.wording import worded

NAMES: Final = {
    DUMMY: "dummy", PASSWORD: "password", RECAPTCHA: "recaptcha", TERMS: "terms",
    REGISTRATION_TOKEN: "registration_token", EMAIL: "email", MSISDN: "msisdn",
}  # fmt: skip
"""The stages that have a form; in templates and texts each goes by this name."""

_BY_MESSAGE: Final = (EMAIL, MSISDN)
_SEND: Final = "send"
_CHANGE: Final = "change"
_MOST_ATTEMPTS: Final = 1000

Auth = Mapping[str, Any]
"""An ``auth`` object, as a client would send it."""


@dataclass(slots=True)
class Filled:
    """A form filled in. ``auth``: what to take to the dialogue, None where the form only asked for a message.

    ``kept``: what the next form has to send along; ``error``: what was wrong, None where nothing was.
    """

    auth: Auth | None = field(default=None, repr=False)
    kept: dict[str, str] = field(default_factory=dict, repr=False)
    error: MatrixError | None = None


async def read(kind: str, request: PageRequest, session: str, dialogue: Dialogue) -> Filled:
    """What a stage's form says. The stage's turn it must be: nobody has messages sent before a captcha is solved."""
    if kind not in _BY_MESSAGE:
        return _read_simple(kind, request, session)
    filled = Filled(kept={name: request.form[name] for name in ("sid", "attempt", "address", "country")
                          if name in request.form})  # fmt: skip
    try:
        if request.form.get("do") == _CHANGE:
            filled.kept.clear()
        elif request.form.get("do") == _SEND or "sid" not in filled.kept:
            await _send_message(kind, request, session, dialogue, filled)
        else:
            if kind == MSISDN:
                await _submit_code(request, session, filled.kept["sid"])
            filled.auth = {
                "type": kind,
                "session": session,
                "threepid_creds": {"sid": filled.kept["sid"], "client_secret": _client_secret(session)},
            }
    except MatrixError as error:
        filled.error = error
    return filled


def _read_simple(kind: str, request: PageRequest, session: str) -> Filled:
    form = request.form
    auth: dict[str, Any] = {"type": kind, "session": session}
    if kind == PASSWORD:
        auth["password"] = form.get("password", "")
        if user := form.get("user", "").strip():
            auth["identifier"] = identifier(user)
    elif kind == REGISTRATION_TOKEN:
        auth["token"] = form.get("token", "").strip()
    elif kind == RECAPTCHA:
        site = request.services.captcha_site
        auth["response"] = form.get(WIDGETS[site.service].field, "") if site else ""
    elif kind == TERMS and form.get("agree") != "yes":
        return Filled(error=NotAgreed())
    return Filled(auth)


class NotAgreed(Unauthorized):
    """The box was not ticked."""


def identifier(user: str) -> Mapping[str, str]:
    """Whom somebody means who types this as the user name: a mail address is taken for one."""
    if "@" in user[1:] and not user.startswith("@"):
        return {"type": "m.id.thirdparty", "medium": "email", "address": user}
    return {"type": "m.id.user", "user": user}


async def _send_message(kind: str, request: PageRequest, session: str, dialogue: Dialogue, filled: Filled) -> None:
    """Have a message sent; a later attempt has it sent again."""
    request.take(RateLimit.MESSAGE)
    before = filled.kept.get("attempt", "0")
    attempt = int(before) + 1 if before.isdecimal() and int(before) < _MOST_ATTEMPTS else 1
    address = request.form.get("address", "").strip()
    filled.kept |= {"address": address, "attempt": str(attempt)}
    purpose = Purpose.REGISTER if dialogue.operation in REGISTERS else Purpose.RESET_PASSWORD
    asked = {"client_secret": _client_secret(session), "send_attempt": attempt}
    if kind == EMAIL:
        by_mail = build_request(RequestTokenToRegisterEmail, {**asked, "email": address})
        sent = await ask_by_mail(purpose, by_mail, request.context)
    else:
        where = {"country": request.form.get("country", ""), "phone_number": address}
        by_text = build_request(RequestTokenToRegisterPhone, {**asked, **where})
        sent = await ask_by_text(purpose, by_text, request.context)
    filled.kept["sid"] = sent.sid
    with suppress(ThreepidAuthFailed):  # it is not validated yet; but a message that was held goes out by this
        await request.services.validations.prove(purpose, sent.sid, _client_secret(session))


async def _submit_code(request: PageRequest, session: str, sid: str) -> None:
    request.take(RateLimit.CHECK)
    said = {"sid": sid, "client_secret": _client_secret(session), "token": request.form.get("code", "")}
    await submit_token(build_request(SubmitToken, said, b"", {"medium": Medium.MSISDN}), request.context)


def _client_secret(session: str) -> str:
    """The client's secret of validations. It follows from the session, so that no form has to hold it."""
    return hmac.digest(session.encode("utf-8", "surrogatepass"), b"client_secret", "sha256").hex()


# --- Showing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageForm:
    """What the template of a stage's form is written with. ``sources``: what the page's policy must allow for it."""

    values: Mapping[str, Any]
    sources: Sources


def stage_form(
    kind: str, request: PageRequest, dialogue: Dialogue, hidden: Mapping[str, str], filled: Filled | None
) -> StageForm:
    """The form of a stage. ``hidden``: what else it has to send; ``filled``: what was sent before."""
    filled = filled or Filled()
    values: dict[str, Any] = {
        "stage": NAMES[kind],
        "action": request.path,
        "hidden": dict(hidden),
        "error": wording_of(filled.error, kind, request),
        "owner": dialogue.owner,
        "user": request.form.get("user", ""),
    }
    sources: Sources = {}
    match kind:
        case _ if kind == TERMS:
            values["policies"] = _policies(dialogue.next.get(TERMS, {}), request.texts.language)
        case _ if kind == RECAPTCHA and request.services.captcha_site is not None:
            widget = WIDGETS[request.services.captcha_site.service]
            values |= {"widget": widget, "site_key": request.services.captcha_site.site_key}
            sources = widget.sources
        case _ if kind in _BY_MESSAGE:
            values |= _values_of_message(kind, request, filled)
    return StageForm(values, sources)


def _values_of_message(kind: str, request: PageRequest, filled: Filled) -> dict[str, Any]:
    kept = filled.kept
    values: dict[str, Any] = {"kept": kept, "was_sent": "sid" in kept, "address": kept.get("address", "")}
    if kind == MSISDN:
        values["countries"] = countries(request.texts.language)
        values["country"] = kept.get("country") or likely_country(request.incoming.languages)
    return values


def wording_of(error: MatrixError | None, kind: str, request: PageRequest) -> str:
    """What went wrong at a stage, in the reader's words; empty where nothing did."""
    if error is None:
        return ""
    if isinstance(error, NotAgreed):
        return request.texts("not_agreed")
    if kind == PASSWORD and error.status == 401 and not isinstance(error, LimitExceeded):
        return request.texts("wrong_password")
    if kind == REGISTRATION_TOKEN and isinstance(error, InvalidParam | MissingParam):
        return request.texts("wrong_token")
    return worded(error, request.texts)


def _policies(params: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """Name and URL of each policy, in the reader's language, else in English, else in the first."""
    policies = []
    for policy in params.get("policies", {}).values():
        translations = {key: value for key, value in policy.items() if key != "version"}
        one = translations.get(language) or translations.get("en") or next(iter(translations.values()))
        policies.append((one["name"], one["url"]))
    return policies
