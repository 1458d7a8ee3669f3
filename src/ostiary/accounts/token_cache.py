"""The access tokens found good lately, by digest: what makes most requests cost no store visit.

Used by ``sessions`` alone. A session that changes leaves the cache as a whole.
"""

from collections.abc import Iterable
from typing import Final

from ostiary.accounts.model import Caller

CAPACITY: Final = 50_000
"""About 20 MiB when full; beyond it the oldest entries go first."""


class TokenCache:
    """Callers by the digest of their token.

    ``epoch`` moves whenever something is forgotten. An entry read from the store before that must not be added after
    it, or a token that ended meanwhile would live on: so ``add`` wants the epoch from before the read.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.epoch = 0
        self._capacity = capacity
        self._by_digest: dict[bytes, Caller] = {}
        self._by_session: dict[int, set[bytes]] = {}

    def find(self, digest: bytes) -> Caller | None:
        """The caller of a token, None where it is not in the cache."""
        return self._by_digest.get(digest)

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._by_digest)

    def add(self, caller: Caller, epoch: int) -> None:
        """Remember a caller, unless something was forgotten since ``epoch``."""
        if epoch != self.epoch:
            return
        while len(self._by_digest) >= self._capacity:
            self._drop(next(iter(self._by_digest)))
        self._by_digest[caller.token_digest] = caller
        if caller.session_id is not None:
            self._by_session.setdefault(caller.session_id, set()).add(caller.token_digest)

    def forget(self, session_ids: Iterable[int]) -> None:
        """Forget the tokens of these sessions."""
        for session_id in session_ids:
            self.epoch += 1
            for digest in self._by_session.pop(session_id, ()):
                self._by_digest.pop(digest, None)

    def forget_own(self, session_id: int, epoch: int) -> int:
        """Forget the tokens of a session, and give the epoch to add its next token with.

        That is one which ``add`` refuses, when anything else was forgotten since ``epoch``.
        """
        undisturbed = epoch == self.epoch
        self.forget((session_id,))
        return self.epoch if undisturbed else epoch

    def clear(self) -> None:
        """Forget everything."""
        self.epoch += 1
        self._by_digest.clear()
        self._by_session.clear()

    def _drop(self, digest: bytes) -> None:
        session_id = self._by_digest.pop(digest).session_id
        if session_id is None:
            return
        of_session = self._by_session.get(session_id, set())
        of_session.discard(digest)
        if not of_session:
            self._by_session.pop(session_id, None)


class CountingTokenCache(TokenCache):
    """The same, which counts what it is asked for. ``hits``: found here; ``misses``: not."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        super().__init__(capacity)
        self.hits = 0
        self.misses = 0

    def find(self, digest: bytes) -> Caller | None:
        """The caller of a token, None where it is not in the cache."""
        caller = super().find(digest)
        if caller is None:
            self.misses += 1
        else:
            self.hits += 1
        return caller
