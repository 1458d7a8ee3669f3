"""The devices of an account, and when they were last seen."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Caller, Device, Instant, Origin, UiaUse
from ostiary.accounts.ports import Clock, DeviceStore
from ostiary.api.errors import NotFound
from ostiary.api.identifiers import Localpart

STEP: Final = 100
"""Accounts whose devices are written at once, so that nobody else's write waits long."""


class LastSeen:
    """When and whence devices were last seen: noted in memory on every request, written in batches."""

    def __init__(self, store: DeviceStore) -> None:
        self._store = store
        self._seen: dict[Localpart, dict[str, tuple[Instant, Origin]]] = {}

    def note(self, localpart: Localpart, device_id: str, at: Instant, origin: Origin) -> None:
        """Remember that a device has called."""
        self._seen.setdefault(localpart, {})[device_id] = (at, origin)

    async def write(self) -> None:
        """Write what was noted since the last time."""
        noted = list(self._seen)
        for start in range(0, len(noted), STEP):
            await self._write(noted[start : start + STEP])

    async def write_of(self, localpart: Localpart) -> None:
        """Write what was noted of one account, for who is to be shown it."""
        await self._write([localpart])

    async def _write(self, localparts: Iterable[Localpart]) -> None:
        seen = {
            (localpart, device_id): noted
            for localpart in localparts
            for device_id, noted in self._seen.pop(localpart, {}).items()
        }
        if seen:
            await self._store.note_last_seen(seen)


class Devices:
    """Lists, renames and deletes the devices of an account."""

    def __init__(
        self, store: DeviceStore, clock: Clock, last_seen: LastSeen,
        forget_sessions: Callable[[Iterable[int]], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._last_seen = last_seen
        self._forget_sessions = forget_sessions

    async def list(self, localpart: Localpart) -> Sequence[Device]:
        """All devices of an account."""
        await self._last_seen.write_of(localpart)
        return await self._store.list_devices(localpart)

    async def get(self, localpart: Localpart, device_id: str) -> Device:
        """One device. Raises NotFound."""
        await self._last_seen.write_of(localpart)
        device = await self._store.find_device(localpart, device_id)
        if device is None:
            raise NotFound("There is no such device")
        return device

    async def put(self, localpart: Localpart, device_id: str, display_name: str | None) -> bool:
        """Give a device another name, or make it where it is not there: then True. For application services."""
        return await self._store.put_device(localpart, device_id, display_name, self._clock.now())

    async def rename(self, localpart: Localpart, device_id: str, display_name: str | None) -> None:
        """Give a device another name; None leaves it alone. Raises NotFound."""
        if not await self._store.rename_device(localpart, device_id, display_name):
            raise NotFound("There is no such device")

    async def delete(self, caller: Caller, device_ids: Sequence[str], origin: Origin, use: UiaUse | None) -> None:
        """Delete devices and end their sessions; those that are gone already are passed over."""
        wanted = tuple(dict.fromkeys(device_ids))
        event = AuditEvent(
            AuditKind.DEVICES_DELETED, caller.localpart, self._clock.now(), origin, {"device_ids": list(wanted)}
        )
        self._forget_sessions(await self._store.delete_devices(caller.localpart, wanted, event, use))
