"""The devices of an account, and when they were last seen."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Caller, Device, Instant, Origin, UiaUse
from ostiary.accounts.ports import Clock, DeviceStore, StoreUnavailable
from ostiary.accounts.values import DeviceKey
from ostiary.api.errors import NotFound
from ostiary.api.identifiers import Localpart

Notes = dict[DeviceKey, tuple[Instant, Origin]]

STEP: Final = 100
"""Devices that are written at once, so that nobody else's write waits long."""


class LastSeen:
    """When and whence devices were last seen: noted in memory on every request, written in batches."""

    def __init__(self, store: DeviceStore) -> None:
        self._store = store
        self._seen: Notes = {}
        self._being_written: Notes = {}

    def note(self, localpart: Localpart, device_id: str, at: Instant, origin: Origin) -> None:
        """Remember that a device has called."""
        self._seen[localpart, device_id] = (at, origin)

    async def write(self) -> None:
        """Write what was noted since the last time. Raises StoreUnavailable; then it is kept for the next time."""
        noted = list(self._seen)
        for start in range(0, len(noted), STEP):
            await self._write(noted[start : start + STEP])

    async def _write(self, keys: Iterable[DeviceKey]) -> None:
        seen = {key: self._seen.pop(key) for key in keys if key in self._seen}
        self._being_written |= seen
        try:
            await self._store.note_last_seen(seen)
        except StoreUnavailable:
            self._seen = {**seen, **self._seen}
            raise
        finally:
            for key in seen:
                self._being_written.pop(key, None)

    async def write_if_possible(self) -> None:
        """The same for who is about to read, or to end: what cannot be written now must not keep anybody from it."""
        with suppress(StoreUnavailable):
            await self.write()

    def on(self, localpart: Localpart, device: Device) -> Device:
        """A device as it is stored, with what has been noted since."""
        key = localpart, device.device_id
        noted = self._seen.get(key) or self._being_written.get(key)
        if noted is None or noted[0] < (device.last_seen_at or 0):
            return device
        at, origin = noted
        return replace(device, last_seen_at=at, last_seen_ip=origin.address, last_seen_user_agent=origin.user_agent)


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

    async def bring_up_to_date(self) -> None:
        """Have in the store when devices were seen last, for who is about to read it there."""
        await self._last_seen.write_if_possible()

    async def list(self, localpart: Localpart) -> Sequence[Device]:
        """All devices of an account."""
        return [self._last_seen.on(localpart, device) for device in await self._store.list_devices(localpart)]

    async def get(self, localpart: Localpart, device_id: str) -> Device:
        """One device. Raises NotFound."""
        device = await self._store.find_device(localpart, device_id)
        if device is None:
            raise NotFound("There is no such device")
        return self._last_seen.on(localpart, device)

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
