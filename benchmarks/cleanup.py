"""What requests notice of a clean-up: ``python -m benchmarks.cleanup --database URL``.

The database is one that ``benchmarks.grow --forgettable N`` has filled: with so many dead tokens, ended sessions and
expired dialogues that were to be deleted long ago. A server that starts on it begins with that. Requests come in at a
fixed pace until nothing is left to delete, and for as long again as a clean-up takes at least, and each is timed from
when it was due: one that has to wait makes those behind it late as well. Printed: how long the clean-up took, and how
long requests waited for their answers beside it and afterwards.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.connections import CONNECTIONS, Connection
from benchmarks.grown import Database, Grown, connected, opened
from benchmarks.population import DAY_MS, PASSWORD

REMEMBERED_MS: Final = 30 * DAY_MS
"""As the configuration has it where it says nothing: for how long the dead are remembered."""

LOOK_EVERY_S: Final = 2.0
AT_REST_S: Final = 15.0


@dataclass
class Waits:
    """How many ms requests waited, by kind; ``failed``: which were not answered with 200."""

    times_ms: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def note(self, kind: str, ms: float, status: int) -> None:
        self.times_ms.setdefault(kind, []).append(ms)
        if status != 200:
            self.failed.append(f"{kind}: {status}")

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
    """Requests at a fixed rate, each timed from when it was due. ``waits``: where their times go at the moment.

    Each kind has connections of its own, so that those of one kind do not wait for those of another but in the server.
    """

    def __init__(self, grown: Grown, per_second: float) -> None:
        self._grown = grown
        self._interval_s = 1 / per_second
        self._free: dict[str, asyncio.Queue[Connection]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.waits = Waits()

    async def run(self) -> None:
        """Go on until cancelled."""
        parts = urlsplit(self._grown.server.address)
        for kind in ("whoami", "login", "refresh"):
            self._free[kind] = asyncio.Queue()
            for number in range(CONNECTIONS):
                opened = await asyncio.open_connection(parts.hostname, parts.port)
                self._free[kind].put_nowait(Connection(*opened, number))
        due = time.monotonic()
        for kind, path, body, token in self._requests():
            task = asyncio.create_task(self._one(kind, path, body, token, due))
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
                writer = free.get_nowait().writer
                writer.close()
                await writer.wait_closed()

    async def _one(self, kind: str, path: str, body: Any, token: str | None, due: float) -> None:
        waits = self.waits
        connection = await self._free[kind].get()
        status, _answer = await connection.ask("GET" if body is None else "POST", path, body, token)
        self._free[kind].put_nowait(connection)
        waits.note(kind, (time.monotonic() - due) * 1e3, status)

    def _requests(self) -> Iterator[tuple[str, str, Any, str | None]]:
        """Four look-ups of tokens, one login and one refresh, over and over."""
        people = self._grown.people
        for number in itertools.count():
            if number % 6 < 4:
                (session,) = self._grown.sessions(1, refreshing=False)
                yield "whoami", "v3/account/whoami", None, people.access_token(session)
            elif number % 6 == 4:
                (name,) = self._grown.localparts(1)
                yield "login", "v3/login", {"type": "m.login.password", "user": name, "password": PASSWORD}, None
            else:
                (session,) = self._grown.sessions(1, refreshing=True)
                yield "refresh", "v3/refresh", {"refresh_token": people.refresh_token(session)}, None


async def measure(url: str, per_second: float, most_s: float, at_rest_s: float) -> dict[str, Any]:
    """Time requests while a server cleans up, at most for ``most_s``, and afterwards."""
    async with connected(url) as (_, database):
        first = await _left(database)
    with tempfile.TemporaryDirectory() as directory:
        async with opened(url, Path(directory)) as grown:
            started = time.monotonic()
            pace = Pace(grown, per_second)
            beside = pace.waits
            running = asyncio.create_task(pace.run())
            left = await _left(grown.database)
            while left and time.monotonic() - started < most_s:
                await asyncio.sleep(LOOK_EVERY_S)
                left = await _left(grown.database)
            took_s = time.monotonic() - started
            pace.waits = Waits()
            await asyncio.sleep(at_rest_s)
            running.cancel()
            await pace.finish()
            return {
                "accounts": grown.people.accounts,
                "forgettable": first,
                "left": left,
                "took_s": round(took_s, 1),
                "beside": beside.summary(),
                "afterwards": pace.waits.summary(),
            }


async def _left(database: Database) -> int:
    now = int(time.time() * 1000)
    # Nothing that was generated dies between the memory's end now and when the server looked.
    return await database.count_forgettable(now - REMEMBERED_MS - DAY_MS, now - DAY_MS)


def show(found: dict[str, Any]) -> None:
    deleted = found["forgettable"] - found["left"]
    print(
        f"{deleted:,} of {found['forgettable']:,} deleted in {found['took_s']:.0f} s"
        f" ({deleted / found['took_s']:,.0f} a second)"
    )
    print(f"{'ms':<12}{'requests':>10}{'median':>10}{'99 %':>10}{'longest':>10}")
    for when in ("beside", "afterwards"):
        print(f"{when}: {found[when]['failed']} failed")
        for kind, times in found[when].items():
            if kind != "failed":
                print(f"  {kind:<10}", *(f"{figure:>9}" for figure in times.values()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleanup", description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--per-second", type=float, default=60.0, help="requests, of which four in six look a token up")
    parser.add_argument("--most-seconds", type=float, default=900.0, help="give up after so long")
    parser.add_argument("--at-rest-seconds", type=float, default=AT_REST_S, help="how long to go on afterwards")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    chosen = parser.parse_args(arguments)
    found = asyncio.run(measure(chosen.database, chosen.per_second, chosen.most_seconds, chosen.at_rest_seconds))
    show(found)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if found["left"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
