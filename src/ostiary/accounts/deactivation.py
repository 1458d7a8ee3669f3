"""Ending accounts for good, and taking that back."""

from collections.abc import Callable, Iterable

from ostiary.accounts.model import AuditEvent, AuditKind, Origin, UiaUse
from ostiary.accounts.ports import Clock
from ostiary.accounts.records import OWNER
from ostiary.accounts.stores import StateStore
from ostiary.accounts.threepids import Threepids
from ostiary.api.identifiers import Localpart


class Deactivations:
    """Deactivates accounts. A deactivated account's name stays taken."""

    def __init__(
        self, store: StateStore, threepids: Threepids, clock: Clock, forget_sessions: Callable[[Iterable[int]], None]
    ) -> None:
        self._store = store
        self._threepids = threepids
        self._clock = clock
        self._forget_sessions = forget_sessions

    async def deactivate(
        self,
        localpart: Localpart,
        origin: Origin,
        *,
        erase: bool,
        id_server: str | None = None,
        use: UiaUse | None = None,
        by: str | None = None,
    ) -> bool:
        """End an account: its sessions, password and addresses. False where an identity server could not be told.

        ``erase``: its profile and what tells where it was used, too, even where it has ended before. ``by``: the
        administrator who does it, if it is not its owner. Raises UiaAlreadyUsed.
        """
        told = await self._threepids.unbind_all(localpart, id_server, origin, by)
        whence = Origin() if erase else origin
        detail = {"by": by or OWNER, "erase": erase}
        event = AuditEvent(AuditKind.DEACTIVATED, localpart, self._clock.now(), whence, detail)
        ended = await self._store.deactivate(localpart, event, erase=erase, use=use, messages=())
        self._forget_sessions(ended)
        return told
