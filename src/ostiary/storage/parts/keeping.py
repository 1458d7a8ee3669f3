"""``accounts.stores.CountStore`` and ``ChoreStore``; and forgetting."""

from ostiary.accounts.model import Instant
from ostiary.accounts.values import CountedCall, Counting, Perishable, Turn
from ostiary.storage.parts.part import Part
from ostiary.storage.works import buckets, chores, forgetting


class KeepingPart(Part):
    """What goes on beside the requests, and what bounds them."""

    async def count_call(self, call: CountedCall) -> Counting:
        return await self._engine.write_singly(lambda: buckets.take(call))

    async def forget_counts(self, after: bytes, limit: int, *, before_us: int, beyond_us: int) -> bytes | None:
        return await self._engine.write(lambda: buckets.forget(after, limit, before_us, beyond_us))

    async def take_turn(self, turn: Turn, at: Instant, *, until: Instant, beyond: Instant) -> Instant | None:
        return await self._engine.write(lambda: chores.take(turn, at, until, beyond))

    async def put_off(self, turn: Turn, due_at: Instant) -> bool:
        return await self._engine.write(lambda: chores.put_off(turn, due_at))

    async def forget(self, what: Perishable, before: Instant, limit: int) -> int:
        return await self._engine.write(lambda: forgetting.forget(what, before, limit))
