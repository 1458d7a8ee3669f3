"""Which errors each endpoint has answered with while the suite ran, held against those that it declares.

``World`` notes every answer here; ``conftest`` gathers what each worker noted, and a run of the whole suite fails for
what is missing. Must not know how a test brings an error about.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint
from ostiary.api.refusals import refusals

Seen = tuple[str, int, str]
"""The name of an endpoint's class, the status, and the error's code; empty where there was none."""

FIRST_ERROR: Final = 400

SEEN: Final[set[Seen]] = set()
"""What this process has seen."""

BEFORE_ANY_ENDPOINT: Final[Mapping[tuple[int, str], str]] = {
    (400, "M_UNKNOWN"): "a missing Host header, refused before any endpoint: tests/server/test_http_rules.py",
    (408, "M_UNKNOWN"): "a body that does not come, the same for all: tests/server/test_http_rules.py",
    (413, "M_TOO_LARGE"): "a body too large, the same for all: tests/server/test_http_rules.py",
    (500, "M_UNKNOWN"): "a mistake of the server, which no request is known to bring about",
    (503, "M_UNKNOWN"): "a database that is away, the same for all: tests/faults/test_database.py",
}
"""Errors that need not be seen of each endpoint, and why."""

_ANY_TEXT: Final = "its one field may be any text"
_OTHER_SERVERS: Final = "other servers say so; here it cannot be"
_DENIED_BEFORE: Final = "refused when its message is asked for, so that no address comes so far"

EXCEPTIONS: Final[Mapping[Seen, str]] = {
    ("Refresh", 400, "M_INVALID_PARAM"): _ANY_TEXT,
    ("TokenRefresh", 400, "M_INVALID_PARAM"): _ANY_TEXT,
    ("Login", 400, "M_APPSERVICE_LOGIN_UNSUPPORTED"): _OTHER_SERVERS,
    ("Register", 400, "M_APPSERVICE_LOGIN_UNSUPPORTED"): _OTHER_SERVERS,
    **{
        (f"RequestToken{name}", 400, "M_SERVER_NOT_TRUSTED"): "the server sends its messages itself, and asks nobody"
        for name in (
            "ToAddEmail", "ToAddPhone", "ToRegisterEmail", "ToRegisterPhone", "ToResetPasswordEmail",
            "ToResetPasswordPhone",
        )
    },
    ("AddThirdPartyId", 403, "M_THREEPID_DENIED"): _DENIED_BEFORE,
    ("PostThirdPartyId", 403, "M_THREEPID_DENIED"): _DENIED_BEFORE,
    ("DeleteProfileField", 400, "M_BAD_JSON"): "other servers look into a body that nobody needs to send",
}  # fmt: skip
"""Errors that need not be seen of one endpoint, and why."""


def note(endpoint: str, status: int, errcode: str | None) -> None:
    """Keep what was answered."""
    SEEN.add((endpoint, status, errcode or ""))


def declared(endpoints: Iterable[type[Endpoint[Any]]] = (*ENDPOINTS, *ADMIN_ENDPOINTS)) -> set[Seen]:
    """All errors that endpoints say they may be answered with."""
    return {
        (endpoint.__name__, status, error.errcode)
        for endpoint in endpoints
        for status, errors in refusals(endpoint).items()
        for error in errors
    }


def never_seen(seen: Iterable[Seen]) -> list[str]:
    """What is declared and neither among these nor an exception, and who was never successful, as lines for people."""
    seen = set(seen)
    done = {endpoint for endpoint, status, _ in seen if status < FIRST_ERROR}
    excepted = {one for one in declared() if one[1:] in BEFORE_ANY_ENDPOINT} | EXCEPTIONS.keys()
    missing = [f"{endpoint} never answered {status} {code}" for endpoint, status, code in declared() - seen - excepted]
    missing += [f"{endpoint} was never successful" for endpoint in {one[0] for one in declared()} - done]
    return sorted(missing)


def never_declared(seen: Iterable[Seen]) -> list[str]:
    """What was answered, and is not in the contract."""
    told = declared()
    return [
        f"{endpoint} answered {status} {errcode}, which it does not declare"
        for endpoint, status, errcode in sorted(seen)
        if errcode and (endpoint, status, errcode) not in told
    ]
