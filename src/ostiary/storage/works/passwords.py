"""The hash of an account's password."""

from typing import Final

from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Lock, Statement, ask, ask_and_lock

_FIND: Final = "SELECT 1 FROM accounts WHERE localpart = :localpart"
_GET: Final = "SELECT password_hash FROM accounts WHERE localpart = :localpart"
_SET: Final = "UPDATE accounts SET password_hash = :hash WHERE localpart = :localpart"


def get_and_lock(localpart: Localpart) -> Statement:
    """The hash, None where there is no password; and hold the account.

    Whatever opens or ends sessions of an account asks for this first, or locks it, so that of two such works one waits.
    """
    return ask_and_lock(_GET, localpart=localpart)


def lock(localpart: Localpart) -> Lock:
    """Hold the account."""
    return Lock(_FIND, {"localpart": localpart})


def put(localpart: Localpart, password_hash: str) -> Statement:
    """Replace the hash."""
    return ask(_SET, localpart=localpart, hash=password_hash)
