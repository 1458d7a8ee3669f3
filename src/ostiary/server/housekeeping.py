"""What is done now and then, beside the requests: writing when devices were last seen, deleting what is long dead."""

import asyncio
from typing import Final

from ostiary.server.logs import Log
from ostiary.server.services import Services

LAST_SEEN_EVERY_S: Final = 10.0
FORGET_EVERY: Final = 360
"""Rounds, so once an hour."""


class Housekeeping:
    """The rounds. ``dead_token_memory_ms``: for how long a dead token is remembered, to tell a replay from a guess."""

    def __init__(self, services: Services, log: Log, *, dead_token_memory_ms: int) -> None:
        self._services = services
        self._log = log
        self._dead_token_memory_ms = dead_token_memory_ms

    async def run(self) -> None:
        """Go on until cancelled. What fails is logged and tried again in the next round."""
        rounds = 0
        while True:
            try:
                await self._services.last_seen.write()
                if rounds % FORGET_EVERY == 0:
                    await self.forget_dead()
            except Exception as error:  # noqa: BLE001 - must not end the rounds
                self._log.error("housekeeping failed", cause=error)
            rounds += 1
            await asyncio.sleep(LAST_SEEN_EVERY_S)

    async def forget_dead(self) -> None:
        """Delete what no answer depends on any longer."""
        now = self._services.clock.now()
        await self._services.store.forget_dead(tokens_dead_before=now - self._dead_token_memory_ms, expired_before=now)
