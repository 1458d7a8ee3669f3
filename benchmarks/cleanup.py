"""What requests notice of a clean-up: ``python -m benchmarks.cleanup --database URL``.

The database is one that ``benchmarks.grow --forgettable N`` has filled: with so many ended sessions and expired
dialogues that were to be deleted long ago. A server that starts on it begins with that. Requests come in at a fixed
pace until nothing is left to delete, and for as long again as a clean-up takes at least, and each is timed from
when it was due: one that has to wait makes those behind it late as well. Printed: how long the clean-up took, and how
long requests waited for their answers beside it and afterwards.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import requests
from benchmarks.grown import Database, Grown, connected, opened
from benchmarks.kept import keep
from benchmarks.load import run
from benchmarks.pace import Due, Pace, Waits
from benchmarks.population import DAY_MS

REMEMBERED_MS: Final = 30 * DAY_MS
"""As the configuration has it where it says nothing: for how long the dead are remembered."""

LOOK_EVERY_S: Final = 2.0
AT_REST_S: Final = 15.0


def requests_of(grown: Grown) -> Iterator[Due]:
    """Four look-ups of tokens, one login and one refresh, over and over."""
    people = grown.people
    for number in itertools.count():
        if number % 6 < 4:
            (session,) = grown.sessions(1, refreshing=False)
            yield "whoami", requests.whoami(people.access_token(session))
        elif number % 6 == 4:
            (name,) = grown.localparts(1)
            yield "login", requests.login(name)
        else:
            (session,) = grown.sessions(1, refreshing=True)
            yield "refresh", requests.refresh(people.refresh_token(session))


async def measure(url: str, per_second: float, most_s: float, at_rest_s: float) -> dict[str, Any]:
    """Time requests while a server cleans up, at most for ``most_s``, and afterwards."""
    async with connected(url) as (_, database):
        first = await _left(database)
    with tempfile.TemporaryDirectory() as directory:
        async with opened(url, Path(directory)) as grown:
            started = time.monotonic()
            pace = Pace(grown.server.address, per_second, requests_of(grown))
            beside = pace.waits
            running = asyncio.create_task(pace.run())
            left = await _left(grown.database)
            while left and time.monotonic() - started < most_s:
                await _beside(running, LOOK_EVERY_S)
                left = await _left(grown.database)
            took_s = time.monotonic() - started
            pace.waits = Waits()
            await _beside(running, at_rest_s)
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


async def _beside(running: "asyncio.Task[None]", seconds: float) -> None:
    """Wait for so long while requests are sent. Raises what has kept them from being sent."""
    ended, _ = await asyncio.wait({running}, timeout=seconds)
    for task in ended:
        task.result()


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
    found = run(measure(chosen.database, chosen.per_second, chosen.most_seconds, chosen.at_rest_seconds))
    show(found)
    keep(chosen.json, found)
    return 0 if found["left"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
