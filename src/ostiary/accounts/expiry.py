"""The end of accounts: telling their owners beforehand, and locking them when it has come. In small steps."""

from dataclasses import dataclass
from typing import Final

from ostiary.accounts.messages import MessageKind
from ostiary.accounts.notices import Notices
from ostiary.accounts.ports import Clock
from ostiary.accounts.stores import StateStore
from ostiary.accounts.values import Swept

STEP: Final = 100
"""Accounts that are changed in one transaction."""


@dataclass(frozen=True, slots=True)
class ExpiryRules:
    """How long before its end the owner of an account is told, in milliseconds."""

    notice_ms: int


class Expiry:
    """Sees to it."""

    def __init__(self, store: StateStore, notices: Notices, clock: Clock, rules: ExpiryRules) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self._rules = rules

    async def tell_some(self) -> Swept:
        """Tell the owners of a few accounts that these end soon, each once."""
        now = self._clock.now()
        found = await self._store.find_expiring(now, now + self._rules.notice_ms, STEP)
        for one in found:
            told = await self._notices.about(MessageKind.ABOUT_TO_EXPIRE, one.localpart, one.expires_at)
            await self._store.note_expiry_told(one, now, told)
        return Swept(len(found), ())

    async def expire_some(self) -> Swept:
        """End the time of a few accounts whose time is over."""
        return await self._store.expire_accounts(self._clock.now(), STEP)
