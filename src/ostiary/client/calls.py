"""One call: from a request value to its answer, over as many exchanges as it takes.

Tries again where that is safe and may help: after a rate limit, as the server says; after a lost connection or a
gateway's error, where the call may be repeated. Goes to a call's older paths where a server knows no newer.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ostiary.api.auth import AccessToken, OptionalToken
from ostiary.api.codec import decode_response, encode_request
from ostiary.api.device_management import DeleteDevices
from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.errors import LimitExceeded, MatrixError, NotMatrix, Unrecognized
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.logout import Logout, LogoutAll
from ostiary.api.refresh import Refresh, TokenRefresh
from ostiary.api.secret import Secret
from ostiary.client.errors import ConnectionFailed
from ostiary.client.steps import Exchange, Flow, Jitter, Now, Sleep

R = TypeVar("R", bound=Struct)

log = logging.getLogger("ostiary.client")

REPEATABLE_POSTS: Final = (Refresh, TokenRefresh, Logout, LogoutAll, DeleteDevices)
"""Calls by POST that come to the same when made twice: of a refresh the protocol says so."""

GATEWAY_ERRORS: Final = frozenset({502, 503, 504})

_SECONDS: Final = re.compile(r"[0-9]{1,10}")


class Redirected(NotMatrix):
    """An answer that points elsewhere, which no call follows but discovery. ``target``: where, as it was told."""

    def __init__(self, response: HttpResponse, target: str) -> None:
        super().__init__(response.status, response.body)
        self.target = target


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try again. ``max_wait_ms``: all waiting for one call together."""

    attempts: int = 4
    first_delay_ms: int = 500
    max_wait_ms: int = 120_000


class Calls:
    """Makes calls to one server."""

    def __init__(self, base_url: str, policy: RetryPolicy) -> None:
        self.base_url = base_url.rstrip("/")
        self._policy = policy
        self._working_path: dict[type[Endpoint[Any]], str] = {}

    def at(self, base_url: str) -> "Calls":
        """What makes calls to another server, as patiently."""
        return self if base_url.rstrip("/") == self.base_url else Calls(base_url, self._policy)

    def call(self, request: Endpoint[R], token: Secret | None = None) -> Flow[R]:
        """Make a call. ``token``: sent where the endpoint takes one.

        Raises MatrixError, AuthRequired, NotMatrix, ConnectionFailed.
        """
        paths = _paths(request, self._working_path.get(type(request)))
        for others_are_left, path in zip(range(len(paths) - 1, -1, -1), paths, strict=True):
            try:
                answer = yield from self.ask(request, _http(request, path, token))
            except Unrecognized as error:
                if error.status != 404 or not others_are_left:
                    raise
            else:
                self._working_path[type(request)] = path
                return answer
        raise AssertionError("the last path returns or raises")

    def ask(self, request: Endpoint[R], message: HttpRequest) -> Flow[R]:
        """Make a call by a message that is written already. Raises the same, and Unrecognized for an unknown path."""
        waited_ms, attempt = 0, 0
        while True:
            attempt += 1
            try:
                response = yield Exchange(self.base_url, message)
                return (yield from _decode(request, response))
            except (MatrixError, NotMatrix, ConnectionFailed) as error:
                delay_ms = yield from self._delay(request, error, attempt)
                if delay_ms is None or attempt >= self._policy.attempts:
                    raise
                if waited_ms + delay_ms > self._policy.max_wait_ms:
                    raise
                log.info(
                    "%s did not succeed (%s); trying again in %d ms", type(request).__name__, _why(error), delay_ms
                )
            waited_ms += delay_ms
            yield Sleep(delay_ms)

    def _delay(self, request: Endpoint[Any], error: Exception, attempt: int) -> Flow[int | None]:
        """How long to wait before trying again; None where that would not be right."""
        backoff_ms = self._policy.first_delay_ms * 2 ** (attempt - 1)
        match error:
            case LimitExceeded(retry_after_ms=int(told)):
                return told
            case LimitExceeded():
                pass
            case ConnectionFailed(sent=False):
                pass
            case ConnectionFailed() if is_repeatable(request):
                pass
            case MatrixError(status=status) | NotMatrix(status=status) if status in GATEWAY_ERRORS:
                if not is_repeatable(request):
                    return None
            case _:
                return None
        chance: float = yield Jitter()
        return int(backoff_ms * (0.5 + chance))


def is_repeatable(request: Endpoint[Any]) -> bool:
    """Whether a call whose answer was lost may be made again without harm."""
    return request.meta.method != "POST" or isinstance(request, REPEATABLE_POSTS)


def _paths(request: Endpoint[Any], known: str | None) -> tuple[str, ...]:
    """Where to try: first what is known to work, then from the newest to the oldest."""
    newest_first = tuple(reversed(request.meta.history))
    return newest_first if known is None else (known, *(path for path in newest_first if path != known))


def _http(request: Endpoint[Any], path: str, token: Secret | None) -> HttpRequest:
    message = encode_request(request, path)
    if token is None or not isinstance(request.meta.authentication, (AccessToken, OptionalToken)):
        return message
    return HttpRequest(
        method=message.method,
        path=message.path,
        query=message.query,
        headers=(*message.headers, ("Authorization", f"Bearer {token.reveal()}")),
        body=message.body,
    )


def _decode(request: Endpoint[R], response: HttpResponse) -> Flow[R]:
    try:
        return decode_response(request, response)
    except LimitExceeded as error:
        if (header := response.headers.get("retry-after")) is not None:
            now: int = yield Now()
            told = retry_after_ms(header, now)
            error.retry_after_ms = error.retry_after_ms if told is None else told
        raise
    except NotMatrix:
        if 300 <= response.status < 400 and (target := response.headers.get("location")) is not None:
            raise Redirected(response, target) from None
        raise


def retry_after_ms(header: str, now: int) -> int | None:
    """What a Retry-After header says, in milliseconds: seconds, or a date. None where it says neither."""
    if _SECONDS.fullmatch(text := header.strip()):
        return int(text) * 1000
    from email.utils import parsedate_to_datetime

    try:
        return max(0, int(parsedate_to_datetime(text).timestamp() * 1000) - now)
    except (ValueError, OverflowError):
        return None


def _why(error: Exception) -> str:
    """What is logged of an error: its code, never the server's text, which may repeat what was sent."""
    return error.errcode if isinstance(error, MatrixError) else type(error).__name__
