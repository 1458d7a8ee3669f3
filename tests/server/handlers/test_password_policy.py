"""GET /password_policy: the handler by itself, and the answer as clients read it."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ostiary.accounts.password_policy import PasswordPolicy, PasswordRules
from ostiary.accounts.passwords import Passwords
from ostiary.api.codec import decode_response, encode_response
from ostiary.api.endpoint import UNSET
from ostiary.api.http import HttpResponse
from ostiary.api.password_policy import GetPasswordPolicy, PasswordPolicyResponse
from ostiary.server.context import Incoming, RequestContext
from ostiary.server.handlers.password_policy import get_password_policy

SWITCHES = ("require_digit", "require_symbol", "require_lowercase", "require_uppercase")


async def announced(rules: PasswordRules) -> dict[str, Any]:
    """The answer of a server with these rules, as JSON."""
    nothing = cast("Any", None)
    policy = PasswordPolicy(rules)
    passwords = Passwords(nothing, nothing, nothing, nothing, policy, nothing, lambda _: None)
    incoming = Incoming(arguments={}, query=b"", authorization=None, user_agent=b"", address="192.0.2.1")
    context = RequestContext(cast("Any", SimpleNamespace(passwords=passwords)), incoming, None)
    answer: dict[str, Any] = json.loads(encode_response(await get_password_policy(GetPasswordPolicy(), context)))
    return answer


async def test_every_rule_is_told_even_where_nothing_is_asked() -> None:
    assert await announced(PasswordRules(min_length=8, max_length=512)) == {
        "m.minimum_length": 8,
        "m.require_digit": False,
        "m.require_symbol": False,
        "m.require_lowercase": False,
        "m.require_uppercase": False,
    }


@pytest.mark.parametrize("switch", SWITCHES)
async def test_each_rule_is_told_under_its_own_name(switch: str) -> None:
    told = await announced(PasswordRules(min_length=10, max_length=512, **cast("Any", {switch: True})))
    assert told == {"m.minimum_length": 10} | {f"m.{one}": one == switch for one in SWITCHES}


def test_client_reads_a_server_that_says_nothing() -> None:
    answer = decode_response(GetPasswordPolicy(), HttpResponse(status=200, headers={}, body=b"{}"))
    assert answer == PasswordPolicyResponse()
    assert answer.minimum_length is UNSET


def test_it_is_found_on_the_path_that_clients_know() -> None:
    assert "/_matrix/client/r0/password_policy" in GetPasswordPolicy.meta.history
