"""Whose turn it is to keep house: of the processes that share a database, one does each chore.

Whoever takes a chore has it for a while, longer with every step, and says when it is due again. One that dies says
nothing: then it is due when that while is over. Clocks may differ by less than ``WRONG_CLOCK_MS``; beyond that a chore
may be done twice, which does no harm, so that a clock that was wrong once does not keep it from being done for years.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.model import Instant
from ostiary.accounts.ports import Clock
from ostiary.accounts.stores import ChoreStore
from ostiary.accounts.values import Turn

LEASE_MS: Final = 60_000
"""For how long whoever has a chore is not taken to be dead. Far more than a step takes."""

WRONG_CLOCK_MS: Final = 300_000
"""Due later than a chore can be, by so much: somebody's clock was wrong."""

PAUSE_S: Final = 0.02
"""Between two steps, in which requests are served."""


Rest = Callable[[], Awaitable[None]]
"""What is done between two steps of a chore: waiting a moment. Raises TurnLost where it is to go on no longer."""


async def pause() -> None:
    """Leave the database to the requests for a moment."""
    await asyncio.sleep(PAUSE_S)


class TurnLost(Exception):
    """Another process has taken the chore, since this one was too slow, or stopped for a while."""


@dataclass(frozen=True, slots=True)
class Chore:
    """What is to be done every so often, in steps."""

    name: str
    every_ms: int
    do: Callable[[Rest], Awaitable[None]]


class Turns:
    """Takes turns with other processes. ``me``: a name that no other has. ``rest``: between two steps of a chore."""

    def __init__(self, store: ChoreStore, clock: Clock, me: str, rest: Rest = pause) -> None:
        self._store = store
        self._clock = clock
        self._me = me
        self._rest = rest
        self._not_before: dict[str, Instant] = {}

    async def do(self, chore: Chore) -> bool:
        """Do a chore if it is due and nobody is at it; whether it was done."""
        now = self._clock.now()
        beyond = now + max(chore.every_ms, LEASE_MS) + WRONG_CLOCK_MS
        if now < self._not_before.get(chore.name, 0) <= beyond:
            return False
        turn = Turn(chore.name, self._me)
        due_at = await self._store.take_turn(turn, now, until=now + LEASE_MS, beyond=beyond)
        if due_at is not None:
            self._not_before[chore.name] = due_at
            return False
        self._not_before[chore.name] = now + LEASE_MS  # also where it fails: then it is tried again
        try:
            await chore.do(_Rests(self._store, self._clock, turn, self._rest, now))
        except TurnLost:
            return False
        self._not_before[chore.name] = due_at = now + chore.every_ms
        await self._store.put_off(turn, due_at)
        return True


class _Rests:
    """Rests between steps, and keeps the turn."""

    def __init__(self, store: ChoreStore, clock: Clock, turn: Turn, rest: Rest, taken_at: Instant) -> None:
        self._store = store
        self._clock = clock
        self._turn = turn
        self._rest = rest
        self._kept_at = taken_at

    async def __call__(self) -> None:
        await self._rest()
        now = self._clock.now()
        if abs(now - self._kept_at) < LEASE_MS // 3:
            return
        if not await self._store.put_off(self._turn, now + LEASE_MS):
            raise TurnLost
        self._kept_at = now
