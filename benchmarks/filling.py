"""What filling a database needs on every engine: rows made by several processes, progress, a note of what is in it."""

import json
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from typing import Final

from benchmarks.population import Part, Population, Row

NOTE: Final = "benchmark_population"
"""The table that says what a database was filled with; the server does not look at it."""

CHUNK: Final = 20_000
"""Rows that are made at once."""

SHOW_EVERY_S: Final = 10.0


def note(people: Population) -> str:
    """What a database was filled with, as text."""
    return json.dumps(asdict(people))


def noted(text: str) -> Population:
    return Population(**json.loads(text))


class Progress:
    """Prints how far it is, every ten seconds: rows so far, rows per second, and how long the rest will take."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = self._shown = time.monotonic()

    def add(self, table: str, rows: int) -> None:
        self._done += rows
        now = time.monotonic()
        if now - self._shown >= SHOW_EVERY_S:
            self._shown = now
            rate = self._done / (now - self._started)
            left_s = (self._total - self._done) / rate
            self.say(
                f"{table:<16}{self._done:>14,} of {self._total:,} rows ({self._done / self._total:.0%})"
                f"{rate:>12,.0f} rows/s, about {left_s / 60:.0f} min to go"
            )

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._started:7.0f} s  {text}", flush=True)


def chunks(part: Part) -> Iterator[tuple[int, int]]:
    for start in range(0, part.size, CHUNK):
        yield start, min(start + CHUNK, part.size)


def all_parts(people: Population) -> list[Part]:
    """What stays, and what comes and goes."""
    return [*people.parts(), *people.passing()]


def make_rows(people: Population, index: int, start: int, end: int) -> list[Row]:
    """Rows of the part with this index. For another process, which is told numbers instead of parts."""
    row = all_parts(people)[index].row
    return [row(number) for number in range(start, end)]


def rows_in_order(pool: ProcessPoolExecutor, people: Population, index: int, ahead: int = 8) -> Iterator[list[Row]]:
    """All rows of a part, chunk by chunk, made ahead by the pool; ``ahead``: chunks at most."""
    waiting: deque[Future[list[Row]]] = deque()
    for start, end in chunks(all_parts(people)[index]):
        waiting.append(pool.submit(make_rows, people, index, start, end))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
