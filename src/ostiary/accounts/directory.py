"""Looking accounts up, for their administrator."""

from collections.abc import Sequence
from dataclasses import dataclass

from ostiary.accounts.model import Account
from ostiary.accounts.ports import AccountStore


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some accounts. ``next``: what to ask for the following page with; None on the last."""

    accounts: Sequence[Account]
    next: str | None


class Accounts:
    """Looks accounts up, for their administrator."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    async def list(self, after: str | None, limit: int) -> AccountPage:
        """Accounts in the order of their localparts."""
        found = await self._store.list_accounts(after, limit + 1)
        page = found[:limit]
        return AccountPage(page, page[-1].localpart if len(found) > limit else None)
