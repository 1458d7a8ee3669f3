"""The parameters of a request as a dialogue remembers them.

As they came or, if they are secret, as what tells whether another is the same, and as the hash that the operation needs
in the end. No secret is kept.
"""

import hmac
import json
from typing import Any, Final

_HASH: Final = "hash"
_MAC: Final = "mac"


def remember_secret(value: str, password_hash: str, session: str) -> dict[str, str]:
    """A secret as it is kept. ``session``: the dialogue's ID, which is not stored in clear either."""
    return {_HASH: password_hash, _MAC: _mac(value, session)}


def is_secret(remembered: Any) -> bool:
    """Whether what is remembered is a secret."""
    return isinstance(remembered, dict) and remembered.keys() == {_HASH, _MAC}


def hash_of(remembered: Any) -> str:
    """The hash of a remembered secret."""
    password_hash: str = remembered[_HASH]
    return password_hash


def is_same(remembered: Any, given: Any, session: str) -> bool:
    """Whether a parameter is given as it was before."""
    if is_secret(remembered):
        return isinstance(given, str) and hmac.compare_digest(remembered[_MAC], _mac(given, session))
    return json.dumps(remembered, sort_keys=True) == json.dumps(given, sort_keys=True)


def _mac(value: str, session: str) -> str:
    """What tells whether a secret is the same as before.

    Keyed with the session's ID, which the store has not in clear: what is stored is no quick way to guess the secret.
    """
    return hmac.digest(session.encode(), value.encode(), "sha256").hex()
