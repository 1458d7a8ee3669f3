"""The hash of an account's password."""

from typing import Final

from ostiary.api.identifiers import Localpart
from ostiary.storage.work import HOLDING, Statement, ask

_HOLD: Final = f"SELECT password_hash FROM accounts WHERE localpart = :localpart {HOLDING}"
_SET: Final = "UPDATE accounts SET password_hash = :hash WHERE localpart = :localpart"


def hold(localpart: Localpart) -> Statement:
    """Hold the account. Answered by the hash, None where there is no password.

    Whatever opens or ends sessions of an account does this first, so that of two such works one waits.
    """
    return ask(_HOLD, localpart=localpart)


def put(localpart: Localpart, password_hash: str) -> Statement:
    """Replace the hash."""
    return ask(_SET, localpart=localpart, hash=password_hash)
