"""What is done now and then, beside the requests: writing when devices were last seen, deleting what is long dead.

Everything goes in small steps, so that no request waits long for one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.values import Swept
from ostiary.config import Config
from ostiary.server.logs import Log
from ostiary.server.services import Services

ROUND_S: Final = 10.0
FORGET_EVERY: Final = 360
"""Rounds, so once an hour."""

EXPIRE_EVERY: Final = 6
"""Rounds, so once a minute."""

STEP: Final = 100
"""Devices that are changed in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """For how long a dead token is remembered, to tell a replay from a guess; after how long an unused device goes."""

    dead_token_memory_ms: int
    idle_lifetime_ms: int | None


def house_rules(config: Config) -> HouseRules:
    """The rules of this configuration."""
    sessions = config.sessions
    return HouseRules(dead_token_memory_ms=sessions.dead_token_memory_ms, idle_lifetime_ms=sessions.idle_lifetime_ms)


class Housekeeping:
    """The rounds."""

    def __init__(self, services: Services, log: Log, rules: HouseRules) -> None:
        self._services = services
        self._log = log
        self._rules = rules

    async def run(self) -> None:
        """Go on until cancelled. What fails is logged and tried again in a later round."""
        rounds = 0
        while True:
            for every, chore in (
                (1, self._services.last_seen.write),
                (EXPIRE_EVERY, self.tell_of_expiry),
                (EXPIRE_EVERY, self.expire_accounts),
                (EXPIRE_EVERY, self.end_idle_devices),
                (FORGET_EVERY, self.forget_dead),
            ):
                if rounds % every == 0:
                    await self._do(chore)
            rounds += 1
            await asyncio.sleep(ROUND_S)

    async def _do(self, chore: Callable[[], Awaitable[object]]) -> None:
        try:
            await chore()
        except Exception as error:  # noqa: BLE001 - must not end the rounds
            self._log.error("housekeeping failed", cause=error, chore=chore.__name__)

    async def forget_dead(self) -> None:
        """Delete what no answer depends on any longer."""
        now = self._services.clock.now()
        await self._services.store.forget_dead(
            tokens_dead_before=now - self._rules.dead_token_memory_ms, expired_before=now
        )

    async def expire_accounts(self) -> None:
        """End the time of those accounts whose time is over."""
        await self._step_by_step(self._services.expiry.expire_some)

    async def tell_of_expiry(self) -> None:
        """Tell the owners of accounts that these end soon."""
        await self._step_by_step(self._services.expiry.tell_some)

    async def end_idle_devices(self) -> None:
        """Log out the devices that have not been used for long, where the configuration asks for it."""
        if self._rules.idle_lifetime_ms is None:
            return
        await self._services.last_seen.write()
        store, now = self._services.store, self._services.clock.now()
        before = now - self._rules.idle_lifetime_ms
        await self._step_by_step(lambda: store.end_idle_devices(before, now, STEP))

    async def _step_by_step(self, step: Callable[[], Awaitable[Swept]]) -> None:
        while (swept := await step()).count:
            self._services.sessions.forget(swept.session_ids)
            await asyncio.sleep(0)
