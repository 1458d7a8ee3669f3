"""The hash of an account's password."""

from typing import Final

from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Statement, ask

_GET: Final = "SELECT password_hash FROM accounts WHERE localpart = :localpart"
_SET: Final = "UPDATE accounts SET password_hash = :hash WHERE localpart = :localpart"


def get(localpart: Localpart) -> Statement:
    """The hash, None where there is no password."""
    return ask(_GET, localpart=localpart)


def put(localpart: Localpart, password_hash: str) -> Statement:
    """Replace the hash."""
    return ask(_SET, localpart=localpart, hash=password_hash)
