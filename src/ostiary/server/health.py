"""Whether the server can do its work, for load balancers and for whoever watches: ``/_ostiary/health``.

Says which part fails and nothing else, since anybody may ask. There is no second question for readiness: the server
listens only once it can answer.
"""

import asyncio
import json
from typing import Final

from ostiary.accounts.ports import Clock
from ostiary.server.logs import Log
from ostiary.storage.work import Engine
from ostiary.storage.works.vitals import read_schema

HEALTH_PATH: Final = "/_ostiary/health"
HEALTH: Final = "health"
"""What it is called beside the endpoints' names."""

TIMEOUT_MS: Final = 2_000
FRESH_MS: Final = 1_000
"""For how long an answer holds, so that asking often costs nothing."""

OK: Final = "ok"
FAILING: Final = "failing"


class Health:
    """Looks whether the parts work. ``timeout_ms``: how long one may take to say so."""

    def __init__(self, engine: Engine, clock: Clock, log: Log, *, timeout_ms: int = TIMEOUT_MS) -> None:
        self._engine = engine
        self._clock = clock
        self._log = log
        self._timeout_s = timeout_ms / 1000
        self._reading: asyncio.Task[Exception | None] | None = None
        self._is_well = True
        self._known_at: int | None = None

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._known_at is None or not 0 <= self._clock.now() - self._known_at < FRESH_MS:
            await self._look()
            self._known_at = self._clock.now()
        if self._is_well:
            return 200, json.dumps({"status": OK}).encode()
        return 503, json.dumps({"status": FAILING, "checks": {"database": FAILING}}).encode()

    async def _look(self) -> None:
        """Read the database. All who ask meanwhile wait for the same read, and one that hangs is not made again."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        reading = self._reading
        done, _ = await asyncio.wait((reading,), timeout=self._timeout_s)
        if not done:
            self._note("did not answer in time")
            return
        if self._reading is reading:
            self._reading = None
        error = reading.result()
        self._note("" if error is None else "cannot be read", error)

    async def _read(self) -> Exception | None:
        try:
            await self._engine.read(read_schema())
        except Exception as error:  # noqa: BLE001 - whatever it is, the database does not do its work
            return error
        return None

    def _note(self, problem: str, cause: Exception | None = None) -> None:
        """Keep what was found; the log is told when it changes."""
        was_well, self._is_well = self._is_well, not problem
        if problem and was_well:
            self._log.error(f"the database {problem}", cause=cause)
        elif not problem and not was_well:
            self._log.info("the database answers again")
