"""``accounts.stores.StateStore`` and ``RecordStore``."""

from collections.abc import Sequence

from ostiary.accounts.messages import Message
from ostiary.accounts.model import AuditEvent, Instant, NewSession, Opened, UiaUse
from ostiary.accounts.values import (
    AccountChange,
    AccountDetails,
    Connection,
    Consent,
    Expiring,
    LoggedEvent,
    OpenSession,
    Swept,
    Traces,
)
from ostiary.api.identifiers import Localpart
from ostiary.storage.parts.part import Part
from ostiary.storage.works import accounts, audit, devices, states, traces


class StatesPart(Part):
    """What accounts are allowed, and what happened to them."""

    async def find_details(self, localpart: str) -> AccountDetails | None:
        return await self._engine.read(states.find_details(localpart))

    async def list_details(
        self, after: str | None, limit: int, *, backward: bool = False, waiting: bool = False
    ) -> Sequence[AccountDetails]:
        return await self._engine.read(states.list_details(after, limit, backward=backward, waiting=waiting))

    async def change_account(
        self, localpart: Localpart, change: AccountChange, event: AuditEvent, messages: Sequence[Message] = ()
    ) -> Sequence[int]:
        return await self._engine.write(lambda: states.change_account(localpart, change, event, messages))

    async def deactivate(
        self, localpart: Localpart, event: AuditEvent, *, erase: bool, use: UiaUse | None, messages: Sequence[Message]
    ) -> Sequence[int]:
        return await self._engine.write(
            lambda: states.deactivate(localpart, event, erase=erase, use=use, messages=messages)
        )

    async def reactivate(self, localpart: Localpart, password_hash: str | None, event: AuditEvent) -> bool:
        return await self._engine.write(lambda: states.reactivate(localpart, password_hash, event))

    async def reject(self, localpart: Localpart, event: AuditEvent, messages: Sequence[Message]) -> bool:
        return await self._engine.write(lambda: states.reject(localpart, event, messages))

    async def find_expiring(self, after: Instant, before: Instant, limit: int) -> Sequence[Expiring]:
        return await self._engine.read(states.find_expiring(after, before, limit))

    async def note_expiry_told(self, told: Expiring, at: Instant, messages: Sequence[Message]) -> None:
        await self._engine.write(lambda: states.note_expiry_told(told, at, messages))

    async def expire_accounts(self, at: Instant, limit: int) -> Swept:
        return await self._engine.write(lambda: states.expire_accounts(at, limit))

    async def upgrade_guest(
        self, localpart: Localpart, password_hash: str | None, session: NewSession | None, event: AuditEvent,
        use: UiaUse | None,
    ) -> Opened:  # fmt: skip
        return await self._engine.write(lambda: accounts.upgrade_guest(localpart, password_hash, session, event, use))

    async def list_consents(self, localpart: Localpart) -> Sequence[Consent]:
        return await self._engine.read(accounts.list_consents(localpart))

    async def list_events(
        self, localpart: Localpart | None, start: int | None, limit: int, *, newest_first: bool, since: Instant = 0
    ) -> Sequence[LoggedEvent]:
        work = audit.list_events(localpart, start, limit, newest_first=newest_first, since=since)
        return await self._engine.read(work)

    async def record(self, event: AuditEvent) -> None:
        await self._engine.write(lambda: audit.record_alone(event))

    async def list_connections(self, localpart: Localpart) -> Sequence[Connection]:
        return await self._engine.read(devices.list_connections(localpart))

    async def list_open_sessions(self, localpart: Localpart) -> Sequence[OpenSession]:
        return await self._engine.read(traces.list_open_sessions(localpart))

    async def find_traces(self, localpart: Localpart) -> Traces:
        return await self._engine.read(traces.find_traces(localpart))
