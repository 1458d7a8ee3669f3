"""What the server's parts say of how they are doing, for whoever watches them; and where logins are counted.

Read when somebody looks, so that nothing is counted twice. Must not know by which means it is told.
"""

from dataclasses import dataclass
from typing import Protocol

from ostiary.accounts.token_cache import CountingTokenCache
from ostiary.storage.work import Engine


class HashingPool(Protocol):
    """Where passwords are hashed."""

    @property
    def busy(self) -> int:
        """How many hashes are being made."""
        ...

    @property
    def waiting(self) -> int:
        """How many hashes wait for a thread."""
        ...


class Tally(Protocol):
    """Counts what happens to accounts. Never whose."""

    def logged_in(self, way: str, result: str) -> None:
        """Somebody tried to log in. ``way``: the type of login; ``result``: ``ok``, or the error code."""
        ...

    def registered(self, kind: str) -> None:
        """An account was made by a client. ``kind``: ``user``, ``guest`` or ``appservice``."""
        ...


@dataclass(slots=True)
class Vitals:
    """The parts that are watched. ``cache`` and ``tally`` are None where nothing is counted."""

    engine: Engine
    hashing: HashingPool
    cache: CountingTokenCache | None
    tally: Tally | None = None
