"""One call: from a request value to its answer, over as many exchanges as it takes.

Tries again where that is safe and may help: after a rate limit, as the server says; after a lost connection or a
gateway's error, where the call may be repeated. Goes to a call's older paths where a server knows no newer.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ostiary.api.auth import AccessToken, OptionalToken
from ostiary.api.codec import encode_request
from ostiary.api.device_management import DeleteDevices
from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.errors import LimitExceeded, MatrixError, NotMatrix, Unrecognized
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.logout import Logout, LogoutAll
from ostiary.api.refresh import Refresh, TokenRefresh
from ostiary.api.secret import Secret
from ostiary.api.versions import GetVersions, VersionsResponse
from ostiary.client.answers import read_answer, told_to_wait_ms
from ostiary.client.errors import AnswerTooLong, ConnectionFailed
from ostiary.client.paths import newest_first
from ostiary.client.raw import Undeclared
from ostiary.client.steps import Exchange, Flow, Jitter, Now, Sleep

R = TypeVar("R", bound=Struct)

log = logging.getLogger("ostiary.client")

REPEATABLE_POSTS: Final = (Refresh, TokenRefresh, Logout, LogoutAll, DeleteDevices)
"""Calls by POST that come to the same when made twice: of a refresh the protocol says so."""

GATEWAY_ERRORS: Final = frozenset({502, 503, 504})
UNKNOWN_PATH: Final = frozenset({400, 404})
"""How a path is refused that a server does not know: servers before 2022 answered 400, with M_UNRECOGNIZED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try again, in milliseconds.

    Where a server does not say how long to wait, it is any time up to ``first_delay_ms``, doubled with each attempt but
    never over ``max_delay_ms``; so many clients spread. ``max_wait_ms``: all waiting for one call together; who is told
    to wait longer gets the error at once.
    """

    attempts: int = 4
    first_delay_ms: int = 500
    max_delay_ms: int = 30_000
    max_wait_ms: int = 120_000


class Calls:
    """Makes calls to one server. ``versions``: what it speaks, once that has been asked for."""

    def __init__(self, base_url: str, policy: RetryPolicy) -> None:
        self.base_url = base_url.rstrip("/")
        self.versions: tuple[str, ...] | None = None
        self._policy = policy
        self._working_path: dict[type[Endpoint[Any]], str] = {}

    def at(self, base_url: str) -> "Calls":
        """What makes calls to another server, as patiently."""
        return self if base_url.rstrip("/") == self.base_url else Calls(base_url, self._policy)

    def call(self, request: Endpoint[R], token: Secret | None = None) -> Flow[R]:
        """Make a call. ``token``: sent where the endpoint takes one.

        Raises MatrixError, AuthRequired, NotMatrix, ConnectionFailed.
        """
        if isinstance(request, Undeclared):  # which has one path, and tells nothing of the paths of others
            told: R = yield from self.ask(request, addressed(request, None, token))
            return told
        paths = list(newest_first(request, self.versions, self._working_path.get(type(request))))
        while True:
            path = paths.pop(0)
            try:
                answer = yield from self.ask(request, addressed(request, path, token))
            except Unrecognized as error:
                if error.status not in UNKNOWN_PATH or not paths:
                    raise
            except NotMatrix as error:
                if error.status not in UNKNOWN_PATH or not paths or self.versions is not None:
                    raise
                # Servers that know only the first versions tell of unknown paths in no way of Matrix; proxies do too.
                paths = yield from self._left(request, path, error)
            else:
                self._working_path[type(request)] = path
                if isinstance(answer, VersionsResponse):
                    self.versions = answer.versions
                return answer

    def _left(self, request: Endpoint[Any], tried: str, error: NotMatrix) -> Flow[list[str]]:
        """The paths that a server knows by the versions that it says it speaks. Raises the error where none is left."""
        try:
            yield from self.call(GetVersions())
        except (MatrixError, NotMatrix, ConnectionFailed):
            raise error from None
        known = newest_first(request, self.versions, None)
        if tried in known[:1]:
            raise error
        return [path for path in known if path != tried]

    def ask(self, request: Endpoint[R], message: HttpRequest) -> Flow[R]:
        """Make a call by a message that is written already. Raises the same, and Unrecognized for an unknown path."""
        waited_ms, attempt = 0, 0
        while True:
            attempt += 1
            told_ms: int | None = None
            try:
                response: HttpResponse = yield Exchange(self.base_url, message)
                now: int | None = None
                if "retry-after" in response.headers:
                    now = yield Now()
                    told_ms = told_to_wait_ms(response, now)
                return read_answer(request, response, now)
            except (MatrixError, NotMatrix, ConnectionFailed) as error:
                delay_ms = yield from self._delay(request, error, attempt, told_ms)
                if delay_ms is None or attempt >= self._policy.attempts:
                    raise
                if waited_ms + delay_ms > self._policy.max_wait_ms:
                    raise
                log.info(
                    "%s did not succeed (%s); trying again in %d ms", type(request).__name__, _why(error), delay_ms
                )
            waited_ms += delay_ms
            yield Sleep(delay_ms)

    def _delay(self, request: Endpoint[Any], error: Exception, attempt: int, told_ms: int | None) -> Flow[int | None]:
        """How long to wait before trying again; None where that would not be right. ``told_ms``: by Retry-After."""
        if not may_be_repeated(request, error):
            return None
        if isinstance(error, LimitExceeded):
            told_ms = error.retry_after_ms
        if told_ms is not None:
            return told_ms
        longest_ms = min(self._policy.first_delay_ms * 2 ** (attempt - 1), self._policy.max_delay_ms)
        chance: float = yield Jitter()
        return int(longest_ms * chance)


def may_be_repeated(request: Endpoint[Any], error: Exception) -> bool:
    """Whether a call that ended so may be made again: what was refused unread, and what does no harm twice."""
    match error:
        case LimitExceeded() | NotMatrix(status=429):
            return True
        case ConnectionFailed(sent=False):
            return True
        case AnswerTooLong():
            return False
        case ConnectionFailed():
            return is_repeatable(request)
        case MatrixError(status=status) | NotMatrix(status=status) if status in GATEWAY_ERRORS:
            return is_repeatable(request)
        case _:
            return False


def is_repeatable(request: Endpoint[Any]) -> bool:
    """Whether a call whose answer was lost may be made again without harm."""
    if isinstance(request, Undeclared):
        return request.is_repeatable
    return request.meta.method != "POST" or isinstance(request, REPEATABLE_POSTS)


def takes_token(request: Endpoint[Any]) -> bool:
    """Whether an access token goes with this call."""
    return isinstance(request.meta.authentication, (AccessToken, OptionalToken))


def addressed(request: Endpoint[Any], path: str | None, token: Secret | None) -> HttpRequest:
    """The message that a call is sent as. ``path``: one of its history; None: the newest."""
    message = request.message() if isinstance(request, Undeclared) else encode_request(request, path)
    if token is None or not takes_token(request):
        return message
    return message.with_more(headers=(("Authorization", f"Bearer {token.reveal()}"),))


def _why(error: Exception) -> str:
    """What is logged of an error: its code, never the server's text, which may repeat what was sent."""
    return error.errcode if isinstance(error, MatrixError) else type(error).__name__
