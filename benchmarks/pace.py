"""Sends requests at a fixed pace, however long the answers take, each timed from when it was due. Knows no endpoint."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.connections import CONNECTIONS, Connection

Due = tuple[str, bytes]
"""A request, and the kind that it is of."""


class Answered(Connection):
    """A connection whose answers are waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[int] | None = None
        self._error: BaseException | None = None

    async def ask(self, request: bytes) -> int:
        """Answers with the status. Raises what has gone wrong with the connection."""
        if self._error is not None:
            raise self._error
        self._answer = asyncio.get_running_loop().create_future()
        self.send(request)
        return await self._answer

    def heard(self, status: int, body: bytes) -> None:
        del body
        if self._answer is not None:
            self._answer.set_result(status)

    def failed(self, error: BaseException) -> None:
        self._error = error
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


@dataclass
class Waits:
    """How many ms requests waited, by kind; ``failed``: which were not answered with 200."""

    times_ms: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def note(self, kind: str, ms: float, outcome: object) -> None:
        """``outcome``: the answer's status, or the error in its place."""
        self.times_ms.setdefault(kind, []).append(ms)
        if outcome != 200:
            self.failed.append(f"{kind}: {outcome}")

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = {"failed": len(self.failed)}
        for kind, unsorted in self.times_ms.items():
            times = sorted(unsorted)
            found[kind] = {
                "requests": len(times),
                "p50_ms": round(times[len(times) // 2], 1),
                "p99_ms": round(times[len(times) * 99 // 100], 1),
                "longest_ms": round(times[-1], 1),
            }
        return found


class Pace:
    """Requests at a fixed rate. ``waits``: where their times go at the moment.

    Each kind has connections of its own, so that those of one kind do not wait for those of another but in the server.
    """

    def __init__(self, address: str, per_second: float, requests: Iterator[Due]) -> None:
        self._address = address
        self._interval_s = 1 / per_second
        self._requests = requests
        self._free: dict[str, asyncio.Queue[Answered]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waits = Waits()

    async def run(self) -> None:
        """Go on until cancelled, or until there are no more requests."""
        due = time.monotonic()
        for kind, request in self._requests:
            if kind not in self._free:
                self._free[kind] = await self._connections()
                due = time.monotonic()
            task = asyncio.create_task(self._one(kind, request, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due += self._interval_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def finish(self) -> None:
        """Wait for the answers that are still to come, and close the connections."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        for free in self._free.values():
            while not free.empty():
                free.get_nowait().close()

    async def _connections(self) -> asyncio.Queue[Answered]:
        opened: asyncio.Queue[Answered] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            opened.put_nowait(await Answered().open(self._address))
        return opened

    async def _one(self, kind: str, request: bytes, due: float) -> None:
        waits = self.waits
        outcome: object
        connection = await self._free[kind].get()
        try:
            outcome = await connection.ask(request)
        except Exception as error:  # noqa: BLE001 - counted with the refusals
            outcome = error
        self._free[kind].put_nowait(connection)
        waits.note(kind, (time.monotonic() - due) * 1e3, outcome)
