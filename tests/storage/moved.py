"""Copies for tests: databases to copy from and into, and a copy that is stopped, or told about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ostiary.cli.db.which import opened, place_of
from ostiary.storage.moving.copying import Copied, copy
from ostiary.storage.schema import carried_tables
from tests.databases import ON_POSTGRES, fresh_schema_url
from tests.storage.filling import fill, make
from tests.storage.raw import rows_of_each

SQLITE, POSTGRESQL = "sqlite", "postgresql"
PAIRS = [(SQLITE, POSTGRESQL), (POSTGRESQL, SQLITE)] if ON_POSTGRES else [(SQLITE, SQLITE)]
"""From where to where; each pair is in one of the two runs of the suite."""

EVERY_PAIR = [*PAIRS, (POSTGRESQL, POSTGRESQL)] if ON_POSTGRES else PAIRS


class Stopped(Exception):
    """The copy was stopped where a test wanted it to be."""


@dataclass
class Recorder:
    """Keeps what it is told. ``stop``: whether to stop the copy when so many rows have been carried over."""

    stop: Callable[[int], bool] = lambda _: False
    notes: list[str] = field(default_factory=list)
    begun: list[tuple[str, int, int]] = field(default_factory=list)
    rows: int = 0

    def begin(self, what: str, total: int, done: int) -> None:
        self.begun.append((what, total, done))
        if what.startswith("checking") and self.stop(-1):
            raise Stopped

    def advance(self, rows: int) -> None:
        if not self.begun[-1][0].startswith("checking"):
            self.rows += rows
            if self.stop(self.rows):
                raise Stopped

    def end(self) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


def stop_after(rows: int) -> Recorder:
    return Recorder(lambda carried: carried >= rows)


def stop_before_the_check() -> Recorder:
    return Recorder(lambda carried: carried == -1)


def url_in(folder: Path, engine: str, name: str) -> str:
    """The URL of a database that may not be there yet."""
    (folder / name).mkdir(exist_ok=True)
    return fresh_schema_url(folder / name) if engine == POSTGRESQL else f"sqlite:///{folder / name / 'one.db'}"


async def filled(folder: Path, engine: str, rows: int) -> str:
    """A database with so many rows in every table."""
    file = folder / "filled.db"
    await make(file)
    fill(file, rows)
    if engine == SQLITE:
        return f"sqlite:///{file}"
    url = url_in(folder, engine, "source")
    await copied(f"sqlite:///{file}", url)
    return url


async def copied(source: str, target: str, told: Recorder | None = None, batch_rows: int = 25) -> Copied:
    """Copy, in this process."""
    async with opened(place_of(source), writes=False) as one, opened(place_of(target), writes=True) as other:
        return await copy(one, other, told or Recorder(), batch_rows)


async def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that are carried over, in an order of Python's."""
    tables = carried_tables()
    found = await rows_of_each(url, [f"SELECT {', '.join(table.columns)} FROM {table.name}" for table in tables])
    return {table.name: sorted(rows, key=repr) for table, rows in zip(tables, found, strict=True)}
