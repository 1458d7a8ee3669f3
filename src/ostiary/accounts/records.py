"""What has happened to accounts: for administrators, and for the owner of an account as an owner may see it.

Must not know what makes it happen.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Origin
from ostiary.accounts.paging import Page, page_of, parse_place
from ostiary.accounts.stores import RecordStore
from ostiary.accounts.values import AccountDetails, LoggedEvent
from ostiary.api.identifiers import Localpart

OWNER: Final = "owner"
ADMINISTRATOR: Final = "administrator"
"""Who did something, in an event's detail ``by``: what stands for the owner, and for any administrator."""

_CHUNK: Final = 500


class Records:
    """Reads the record of events."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def list(
        self, localpart: Localpart | None, start: str | None, limit: int, *, newest_first: bool
    ) -> Page[LoggedEvent]:
        """Events of one account, or of all, from behind ``start``. Raises InvalidParam."""
        found = await self._store.list_events(localpart, parse_place(start), limit + 1, newest_first=newest_first)
        return page_of(found, limit, _id_of)

    async def list_for_owner(
        self, account: AccountDetails, start: str | None, limit: int, *, newest_first: bool
    ) -> Page[LoggedEvent]:
        """The events of an account as its owner may see them. Raises InvalidParam.

        A name whose first account was rejected may be another person's now: what was before this account is not shown.
        """
        found = await self._store.list_events(
            account.localpart, parse_place(start), limit + 1, newest_first=newest_first, since=account.created_at
        )
        page = page_of(found, limit, _id_of)
        return Page([LoggedEvent(one.event_id, as_owner_sees(one.event)) for one in page.items], page.next)

    async def all_for_owner(self, account: AccountDetails) -> Sequence[LoggedEvent]:
        """All of them, oldest first."""
        found: list[LoggedEvent] = []
        start: str | None = None
        while True:
            page = await self.list_for_owner(account, start, _CHUNK, newest_first=False)
            found += page.items
            if (start := page.next) is None:
                return found


def as_owner_sees(event: AuditEvent) -> AuditEvent:
    """An event without what it tells of the administrator behind it: name, address and program."""
    by = event.detail.get("by")
    if event.kind is AuditKind.LOGGED_IN or by in (None, OWNER, event.localpart):  # of a login, "by" says what proved
        return event
    return replace(event, origin=Origin(), detail={**event.detail, "by": ADMINISTRATOR})


def _id_of(one: LoggedEvent) -> str:
    return str(one.event_id)
