"""A transaction written once for every engine: a generator that yields statements and is sent their rows.

It does no I/O and knows no driver, so the same text runs in SQLite's writer thread and over an asynchronous connection.
Statements name their parameters ``:name`` and return rows by RETURNING instead of counting them.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Row = tuple[Any, ...]


class Statement(NamedTuple):
    """A statement and its parameters."""

    sql: str
    parameters: Mapping[str, Any]


Work = Generator[Statement, Sequence[Row], T_co]


class Engine(Protocol):
    """Carries works out."""

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Carry out a work as one transaction: durable when this returns, undone as a whole when it raises."""
        ...


def ask(sql: str, **parameters: Any) -> Statement:
    """A statement with its parameters."""
    return Statement(sql, parameters)
