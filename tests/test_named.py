"""Every error code is in some test, and every endpoint with each of its errors is answered in one.

The latter is gathered by ``answered`` while the suite runs, and looked at when the whole of it has passed.
"""

from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.errors import BY_CODE
from tests.answered import BEFORE_ANY_ENDPOINT, EXCEPTIONS, declared, never_declared, never_seen

TESTS: Final = Path(__file__).parent
PLACES: Final = ("clients", "client", "faults", "lessons", "server")
"""Where tests say what is answered."""

_OF_ROOMS: Final = "of rooms, which are not here"
_OF_OTHERS: Final = "other servers say so; a client has to understand it"

NEVER_HERE: Final = {
    "M_APPSERVICE_LOGIN_UNSUPPORTED": _OF_OTHERS,
    "M_CAPTCHA_NEEDED": "a captcha is a stage here, and its lack asks for that stage",
    "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM": _OF_ROOMS,
    "M_INCOMPATIBLE_ROOM_VERSION": _OF_ROOMS,
    "M_INVALID_ROOM_STATE": _OF_ROOMS,
    "M_INVITE_BLOCKED": _OF_ROOMS,
    "M_ROOM_IN_USE": _OF_ROOMS,
    "M_UNSUPPORTED_ROOM_VERSION": _OF_ROOMS,
    "M_RESOURCE_LIMIT_EXCEEDED": _OF_OTHERS,
    "M_USER_LIMIT_EXCEEDED": _OF_OTHERS,
    "M_TERMS_NOT_SIGNED": "of identity servers",
    "M_INVALID_SIGNATURE": "of identity servers",
}
"""Codes that the specification has and this server never answers with."""


@cache
def sources() -> str:
    """All those tests, as text."""
    files = (file for place in PLACES for file in sorted((TESTS / place).rglob("*.py")))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("errcode", sorted(BY_CODE))
def test_every_error_code_is_in_a_test(errcode: str) -> None:
    assert (f'"{errcode}"' in sources()) != (errcode in NEVER_HERE)


class TestAnswered:
    def test_exceptions_are_declared_and_have_a_reason(self) -> None:
        assert EXCEPTIONS.keys() <= declared()
        assert {one[1:] for one in declared()} >= BEFORE_ANY_ENDPOINT.keys()
        assert all([*EXCEPTIONS.values(), *BEFORE_ANY_ENDPOINT.values()])

    def test_one_that_nobody_has_seen_is_told(self) -> None:
        one = ("WhoAmI", 401, "M_MISSING_TOKEN")
        done = {(endpoint.__name__, 200, "") for endpoint in (*ENDPOINTS, *ADMIN_ENDPOINTS)}
        assert never_seen(declared() | done) == []
        assert never_seen(declared() | done - {("WhoAmI", 200, "")}) == ["WhoAmI was never successful"]
        assert never_seen((declared() | done) - {one}) == ["WhoAmI never answered 401 M_MISSING_TOKEN"]

    def test_one_that_nobody_has_declared_is_told(self) -> None:
        assert never_declared(declared()) == []
        (told,) = never_declared({("WhoAmI", 418, "M_TEAPOT")})
        assert told == "WhoAmI answered 418 M_TEAPOT, which it does not declare"
