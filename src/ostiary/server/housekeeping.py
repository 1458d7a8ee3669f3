"""What is done now and then, beside the requests: writing when devices were last seen, deleting what is long dead.

Everything goes in small steps, so that no request waits long for one. What is not of this process alone is done by one
process (``turns``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ostiary.accounts.values import DeviceKey, Perishable, Swept
from ostiary.config import Config
from ostiary.server.environment import SystemEntropy
from ostiary.server.limits import US_PER_MS, WRONG_CLOCK_US, longest_us
from ostiary.server.logs import Log
from ostiary.server.services import Services
from ostiary.server.turns import Chore, Rest, Turns, pause

ROUND_S: Final = 10.0
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS

DEVICES_PER_LOOK: Final = 1_000
"""Devices that are looked at in one go, for idle ones: a few milliseconds."""

STEP: Final = 100
"""Devices that are changed in one transaction."""

LOOKS_PER_LIFETIME: Final = 100
"""How often all devices are looked at within the time after which one is idle; not more often than every minute."""

ROWS_PER_STEP: Final = 200
"""Rows that are deleted in one transaction: a few milliseconds."""

SEEN_ROUNDS: Final = 6
"""Of the rounds each so-manieth writes when devices were last seen: more often would be most of all that is written."""

UNWRITTEN_MS: Final = 120_000
"""For how long another process may know of a device's use without having written it."""

CLOCKS_DIFFER_US: Final = 60 * 1_000_000
"""How long ago a limit was full again before it is forgotten: another process may be behind."""

REMEMBERED: Final = frozenset({Perishable.SESSIONS, Perishable.MESSAGES})
"""What is kept for a while after its end; the rest goes at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """For how long a dead token is remembered, to tell a replay from a guess; after how long an unused device goes.

    ``longest_limit_us``: how long it takes at most until an account has all its calls again.
    """

    dead_token_memory_ms: int
    idle_lifetime_ms: int | None
    longest_limit_us: int = 0


def house_rules(config: Config) -> HouseRules:
    """The rules of this configuration."""
    sessions = config.sessions
    return HouseRules(
        dead_token_memory_ms=sessions.dead_token_memory_ms,
        idle_lifetime_ms=sessions.idle_lifetime_ms,
        longest_limit_us=longest_us(config.rate_limits),
    )


class Housekeeping:
    """The rounds. ``rest``: what is done between two steps, for others to be served."""

    def __init__(self, services: Services, log: Log, rules: HouseRules, rest: Rest = pause) -> None:
        self._services = services
        self._log = log
        self._rules = rules
        self._rest = rest
        self._rounds = 0
        self._turns = Turns(services.store, services.clock, SystemEntropy().token_bytes(8).hex(), rest)
        self._chores = [
            Chore("tell of expiry", MINUTE_MS, self.tell_of_expiry),
            Chore("expire accounts", MINUTE_MS, self.expire_accounts),
            Chore("forget dead", HOUR_MS, self.forget_dead),
        ]
        if rules.idle_lifetime_ms is not None:
            every_ms = min(max(rules.idle_lifetime_ms // LOOKS_PER_LIFETIME, MINUTE_MS), HOUR_MS)
            self._chores.append(Chore("end idle devices", every_ms, self.end_idle_devices))

    async def run(self) -> None:
        """Go on until cancelled. What fails is logged and tried again in a later round."""
        while True:
            await self.go_round()
            await asyncio.sleep(ROUND_S)

    async def go_round(self) -> None:
        """Do what is due, and is nobody else's turn."""
        if self._rounds % SEEN_ROUNDS == 0:
            await self._do("write last seen", self._services.last_seen.write)
        self._rounds += 1
        for chore in self._chores:
            await self._do(chore.name, partial(self._turns.do, chore))

    async def _do(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - must not end the rounds
            self._log.error("housekeeping failed", cause=error, chore=name)

    async def forget_dead(self, rest: Rest | None = None) -> None:
        """Delete what no answer depends on any longer."""
        rest = rest or self._rest
        store, now = self._services.store, self._services.clock.now()
        for what in Perishable:
            before = now - self._rules.dead_token_memory_ms if what in REMEMBERED else now
            while await store.forget(what, before, ROWS_PER_STEP):
                await rest()
        await self._forget_limits(rest)

    async def _forget_limits(self, rest: Rest) -> None:
        """Delete the counts of limits that are full again. Goes through all: there are those of an hour, or so."""
        store, now_us = self._services.store, self._services.clock.now() * US_PER_MS
        came_to: bytes | None = b""
        while came_to is not None:
            came_to = await store.forget_counts(
                came_to,
                ROWS_PER_STEP,
                before_us=now_us - CLOCKS_DIFFER_US,
                beyond_us=now_us + self._rules.longest_limit_us + WRONG_CLOCK_US,
            )
            await rest()

    async def expire_accounts(self, rest: Rest | None = None) -> None:
        """End the time of those accounts whose time is over."""
        await self._step_by_step(self._services.expiry.expire_some, rest)

    async def tell_of_expiry(self, rest: Rest | None = None) -> None:
        """Tell the owners of accounts that these end soon."""
        await self._step_by_step(self._services.expiry.tell_some, rest)

    async def end_idle_devices(self, rest: Rest | None = None) -> None:
        """Log out the devices that have not been used for long, where the configuration asks for it."""
        if self._rules.idle_lifetime_ms is None:
            return
        await self._services.last_seen.write()
        rest = rest or self._rest
        store, now = self._services.store, self._services.clock.now()
        before = now - self._rules.idle_lifetime_ms - UNWRITTEN_MS
        came_to: DeviceKey | None = None
        while True:
            idle = await store.look_for_idle_devices(came_to, before, DEVICES_PER_LOOK)
            for first in range(0, len(idle.found), STEP):
                some = idle.found[first : first + STEP]
                self._services.sessions.forget(await store.end_idle_devices(some, before, now))
                await rest()
            if (came_to := idle.last) is None:
                return
            await rest()

    async def _step_by_step(self, step: Callable[[], Awaitable[Swept]], rest: Rest | None) -> None:
        rest = rest or self._rest
        while (swept := await step()).count:
            self._services.sessions.forget(swept.session_ids)
            await rest()
