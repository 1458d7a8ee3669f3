"""Proving that somebody reads a mail address or a phone number: having a message sent, and sending its code back.

Used by the stages of interactive authentication and by adding addresses. Must not know either.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ostiary.api.administrative_contact import RequestTokenToAddEmail, RequestTokenToAddPhone
from ostiary.api.codec import encode_json
from ostiary.api.endpoint import UNSET, Endpoint, Struct
from ostiary.api.errors import InvalidParam, TokenIncorrect
from ostiary.api.http import HttpRequest
from ostiary.api.password_management import RequestTokenToResetPasswordEmail, RequestTokenToResetPasswordPhone
from ostiary.api.registration import Register, RequestTokenToRegisterEmail, RequestTokenToRegisterPhone
from ostiary.api.secret import Secret
from ostiary.api.validation import RequestTokenResponse, SubmitToken
from ostiary.client.answering import CodeWanted, Maybe, Phone
from ostiary.client.calls import Calls
from ostiary.client.dialogue import EMAIL, MSISDN, Validation
from ostiary.client.errors import CannotSend
from ostiary.client.steps import Ask, Draw, Flow

R = TypeVar("R", bound=Struct)

MAX_WRONG_CODES: Final = 5
"""As many as a person who reads a code wrongly may need; servers forbid more."""


class Purpose(Enum):
    """What an address is proven for, by the calls that have mail and text messages sent."""

    REGISTER = (RequestTokenToRegisterEmail, RequestTokenToRegisterPhone)
    RESET_PASSWORD = (RequestTokenToResetPasswordEmail, RequestTokenToResetPasswordPhone)
    ADD = (RequestTokenToAddEmail, RequestTokenToAddPhone)


def purpose_of(request: Endpoint[R]) -> Purpose:
    """What a stage of this call proves: of an account that there is, the address; of one to be made, a new one."""
    return Purpose.REGISTER if isinstance(request, Register) else Purpose.RESET_PASSWORD


def mailed(calls: Calls, purpose: Purpose, address: str, next_link: str | None = None) -> Flow[Validation]:
    """Have a mail sent to an address."""
    client_secret: str = yield Draw()
    email, _ = purpose.value
    answer = yield from calls.call(
        email(client_secret=client_secret, email=address, send_attempt=1, next_link=next_link or UNSET)
    )
    return _validation(EMAIL, address, answer, client_secret)


def texted(calls: Calls, purpose: Purpose, phone: Phone) -> Flow[Validation]:
    """Have a code sent to a phone."""
    client_secret: str = yield Draw()
    _, text = purpose.value
    answer = yield from calls.call(
        text(client_secret=client_secret, country=phone.country, phone_number=phone.number, send_attempt=1)
    )
    return _validation(MSISDN, phone.number, answer, client_secret, phone.country)


def confirmed(validation: Validation, ask: Callable[[CodeWanted], Maybe[str]], calls: Calls) -> Flow[None]:
    """Ask for the code that was sent, and send it back, until it is right.

    Raises TokenIncorrect after five wrong ones, SessionExpired, and what ``ask`` raises.
    """
    wrong = 0
    while True:
        code: str = yield Ask(ask, CodeWanted(validation.medium, validation.address, wrong))
        try:
            return (yield from submitted(validation, Secret(code.strip()), calls))
        except (TokenIncorrect, InvalidParam):
            wrong += 1
            if wrong >= MAX_WRONG_CODES:
                raise


def submitted(validation: Validation, code: Secret, calls: Calls) -> Flow[None]:
    """Send a code back to where the server wants it. Raises TokenIncorrect, SessionExpired, CannotSend."""
    parts = urlsplit(validation.submit_url or "")
    is_as_safe = parts.scheme == "https" or (parts.scheme == "http" and calls.base_url.startswith("http:"))
    if not is_as_safe or not parts.netloc:
        raise CannotSend("the server did not say where the code is to be sent, or names a place less safe than itself")
    client_secret = validation.client_secret.reveal()
    fields = {"sid": validation.sid, "client_secret": client_secret, "token": code.reveal()}
    request = SubmitToken(medium=validation.medium, sid=validation.sid, client_secret=client_secret, token=code)
    message = HttpRequest(
        method="POST",
        path=parts.path or "/",
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        headers=(("Content-Type", "application/json"),),
        body=encode_json(fields),
    )
    answer = yield from calls.at(f"{parts.scheme}://{parts.netloc}").ask(request, message)
    if not answer.success:
        raise TokenIncorrect


def _validation(
    medium: str, address: str, answer: RequestTokenResponse, client_secret: str, country: str | None = None
) -> Validation:
    submit_url = None if answer.submit_url is UNSET else answer.submit_url
    return Validation(medium, address, answer.sid, Secret(client_secret), submit_url, country)
