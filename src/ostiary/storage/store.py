"""The store that the domain asks for, over whatever engine: each method is one work, read or written."""

from collections.abc import Mapping, Sequence

from ostiary.accounts.messages import Message
from ostiary.accounts.model import (
    AuditEvent,
    Credentials,
    Device,
    EndReason,
    Instant,
    NewSession,
    Opened,
    Origin,
    Rotation,
    SessionRecord,
    UiaRecord,
    UiaUse,
)
from ostiary.accounts.values import (
    DeviceKey,
    IdleDevices,
    NewAccount,
)
from ostiary.api.identifiers import Localpart
from ostiary.storage.parts.addresses import AddressesPart
from ostiary.storage.parts.keeping import KeepingPart
from ostiary.storage.parts.outbox import OutboxPart
from ostiary.storage.parts.states import StatesPart
from ostiary.storage.parts.tokens import TokensPart
from ostiary.storage.work import Work
from ostiary.storage.works import accounts, devices, sessions, uia


class SqlStore(StatesPart, AddressesPart, TokensPart, OutboxPart, KeepingPart):
    """``accounts.ports.Store`` and ``accounts.outbox.OutboxStore`` in SQL. What each promises is written there."""

    # --- Sessions ----------------------------------------------------------------------------------------------------

    async def find_session(self, session_id: int) -> SessionRecord | None:
        return await self._engine.read(sessions.find_session(session_id))

    async def open_session(
        self, new: NewSession, event: AuditEvent, *, if_password_is: str | None = None, rehash: str | None = None,
        messages: Sequence[Message] = (),
    ) -> Opened:  # fmt: skip
        if new.device_is_new and rehash is None:
            opened = await self._engine.write_singly(
                lambda: sessions.open_session_of_new_device(new, event, if_password_is, messages)
            )
            if opened is not None:
                return opened
        return await self._engine.write(lambda: sessions.open_session(new, event, if_password_is, rehash, messages))

    async def use_offered_pair(self, session_id: int, generation: int, at: Instant) -> None:
        await self._engine.write_singly(lambda: sessions.use_offered_pair(session_id, generation, at))

    async def offer_pair(self, rotation: Rotation) -> bool:
        return await self._engine.write_singly(lambda: sessions.offer_pair(rotation))

    async def end_session(self, session_id: int, reason: EndReason, event: AuditEvent) -> Sequence[int]:
        return await self._engine.write_singly(lambda: sessions.end_session(session_id, reason, event))

    async def end_all_sessions(self, localpart: Localpart, reason: EndReason, event: AuditEvent) -> Sequence[int]:
        return await self._engine.write(lambda: sessions.end_all_sessions(localpart, reason, event))

    # --- Accounts ----------------------------------------------------------------------------------------------------

    async def find_credentials(self, localpart: str) -> Credentials | None:
        return await self._engine.read(accounts.find_credentials(localpart))

    async def is_taken(self, localpart: Localpart) -> bool:
        return await self._engine.read(accounts.is_taken(localpart))

    async def create_account(
        self, new: NewAccount, event: AuditEvent, *, session: NewSession | None = None, use: UiaUse | None = None
    ) -> Opened:
        return await self._engine.write(lambda: accounts.create_account(new, event, session, use))

    async def set_password(
        self, localpart: Localpart, password_hash: str, event: AuditEvent, *,
        end_other_sessions: bool, keep_session: int | None, use: UiaUse | None = None,
        messages: Sequence[Message] = (),
    ) -> Sequence[int]:  # fmt: skip
        def work() -> Work[Sequence[int]]:
            return accounts.set_password(
                localpart, password_hash, event,
                end_other_sessions=end_other_sessions, keep_session=keep_session, use=use, messages=messages,
            )  # fmt: skip

        return await self._engine.write(work)

    # --- Devices -----------------------------------------------------------------------------------------------------

    async def list_devices(self, localpart: Localpart) -> Sequence[Device]:
        return await self._engine.read(devices.list_devices(localpart))

    async def find_device(self, localpart: Localpart, device_id: str) -> Device | None:
        return await self._engine.read(devices.find_device(localpart, device_id))

    async def rename_device(self, localpart: Localpart, device_id: str, display_name: str | None) -> bool:
        return await self._engine.write(lambda: devices.rename_device(localpart, device_id, display_name))

    async def delete_devices(
        self, localpart: Localpart, device_ids: Sequence[str], event: AuditEvent, use: UiaUse | None
    ) -> Sequence[int]:
        return await self._engine.write(lambda: devices.delete_devices(localpart, device_ids, event, use))

    async def note_last_seen(self, seen: Mapping[DeviceKey, tuple[Instant, Origin]]) -> None:
        await self._engine.write(lambda: devices.note_last_seen(seen))

    async def put_device(self, localpart: Localpart, device_id: str, display_name: str | None, at: Instant) -> bool:
        return await self._engine.write(lambda: devices.put_device(localpart, device_id, display_name, at))

    async def look_for_idle_devices(self, after: DeviceKey | None, before: Instant, limit: int) -> IdleDevices:
        return await self._engine.read(devices.look_for_idle(after, before, limit))

    async def end_idle_devices(self, idle: Sequence[DeviceKey], before: Instant, at: Instant) -> Sequence[int]:
        return await self._engine.write(lambda: devices.end_idle(idle, before, at))

    # --- Interactive authentication ----------------------------------------------------------------------------------

    async def find_uia(self, digest: bytes) -> UiaRecord | None:
        return await self._engine.read(uia.find_uia(digest))

    async def add_uia(self, record: UiaRecord) -> None:
        await self._engine.write(lambda: uia.add_uia(record))

    async def update_uia(self, before: UiaRecord, after: UiaRecord) -> bool:
        return await self._engine.write(lambda: uia.update_uia(before, after))
