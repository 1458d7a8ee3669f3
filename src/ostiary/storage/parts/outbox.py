"""``accounts.outbox.OutboxStore``."""

from collections.abc import Sequence

from ostiary.accounts.model import Instant
from ostiary.accounts.outbox import OutboxEntry
from ostiary.storage.parts.part import Part
from ostiary.storage.works import outbox


class OutboxPart(Part):
    """Messages that wait to be sent."""

    async def lease(self, now: Instant, lease_ms: int, marks: Sequence[bytes]) -> Sequence[OutboxEntry]:
        return await self._engine.write(lambda: outbox.lease(now, lease_ms, marks))

    async def delivered(self, entry_id: int) -> None:
        await self._engine.write(lambda: outbox.delete(entry_id))

    async def failed(self, entry_id: int, error: str, next_attempt_at: Instant) -> None:
        await self._engine.write(lambda: outbox.failed(entry_id, error, next_attempt_at))

    async def give_up(self, entry_id: int, error: str, at: Instant) -> None:
        await self._engine.write(lambda: outbox.give_up(entry_id, error, at))

    async def list_outbox(
        self, after: int | None, limit: int, *, stuck_only: bool, backward: bool = False
    ) -> Sequence[OutboxEntry]:
        return await self._engine.read(outbox.list_entries(after, limit, stuck_only=stuck_only, backward=backward))

    async def retry(self, entry_id: int, at: Instant) -> bool:
        return await self._engine.write(lambda: outbox.retry(entry_id, at))

    async def drop(self, entry_id: int) -> bool:
        return await self._engine.write(lambda: outbox.delete(entry_id))
