"""From raw status, headers and body to what a call returns or raises. Knows no network, no clock, no retries.

Whoever has an answer from elsewhere, from a test or a recording, reads it here by ``parse``.
"""

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from ostiary.api.codec import decode_response
from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.errors import LimitExceeded, NotMatrix
from ostiary.api.http import HttpResponse
from ostiary.client.errors import HtmlPage, Redirected
from ostiary.client.raw import Undeclared

R = TypeVar("R", bound=Struct)

_SECONDS: Final = re.compile(r"[0-9]{1,10}")


def parse(request: Endpoint[R], status: int, headers: Mapping[str, str], body: bytes, *, now: int | None = None) -> R:
    """What a raw answer to this request means. ``headers``: by name in any case.

    ``now``: in milliseconds since the epoch, for a Retry-After that is a date. Raises MatrixError, AuthRequired,
    NotMatrix, and of the latter HtmlPage and Redirected.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    return read_answer(request, HttpResponse(status=status, headers=lowered, body=body), now)


def read_answer(request: Endpoint[R], response: HttpResponse, now: int | None) -> R:
    """The same, of an answer in one value."""
    if isinstance(request, Undeclared) and 200 <= response.status < 300:
        answer: R = request.answer(response)
        return answer
    try:
        return decode_response(request, response)
    except LimitExceeded as error:
        told = told_to_wait_ms(response, now)
        error.retry_after_ms = error.retry_after_ms if told is None else told
        raise
    except NotMatrix:
        if 300 <= response.status < 400 and (target := response.headers.get("location")) is not None:
            raise Redirected(response, target) from None
        if _is_page(response):
            raise HtmlPage(response.status, response.body) from None
        raise


def told_to_wait_ms(response: HttpResponse, now: int | None) -> int | None:
    """How long the answer's Retry-After says to wait; None where it says nothing.

    A date is compared with the answer's own, where it has one: the server's clock need not go as ours.
    """
    if (header := response.headers.get("retry-after")) is None:
        return None
    theirs = _date_ms(response.headers.get("date", ""))
    return retry_after_ms(header, now if theirs is None else theirs)


def retry_after_ms(header: str, now: int | None) -> int | None:
    """What a Retry-After header says, in milliseconds: seconds, or a date. None where it says neither."""
    if _SECONDS.fullmatch(text := header.strip()):
        return int(text) * 1000
    until = _date_ms(text)
    return None if until is None or now is None else max(0, until - now)


def content_type_matches(expected: str | Iterable[str], actual: str | None) -> bool:
    """Whether a Content-Type is the expected one or one of them, whatever its parameters and its case.

    ``expected``: as ``application/json``, ``image/*`` or ``*/*``.
    """
    told = _media_type(actual or "")
    if not all(told.partition("/")):
        return False
    several = (expected,) if isinstance(expected, str) else expected
    return any(_media_type(one) in (told, f"{told.partition('/')[0]}/*", "*/*") for one in several)


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _is_page(response: HttpResponse) -> bool:
    said = response.headers.get("content-type")
    return content_type_matches("text/html", said) or response.body.lstrip()[:1] == b"<"


def _date_ms(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
