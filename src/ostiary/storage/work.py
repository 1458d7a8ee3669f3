"""A transaction written once for every engine: a generator that yields statements and is sent their rows.

It does no I/O and knows no driver, so the same text runs in SQLite's writer thread and over an asynchronous connection.
Statements name their parameters ``:name`` and return rows by RETURNING instead of counting them.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Row = tuple[Any, ...]


AT_ONCE: Final = "/* AT ONCE {text} */"
"""What a statement says only where transactions go on at once. A comment where they come one after the other."""

HOLDING: Final = AT_ONCE.format(text="FOR UPDATE")
"""Behind a SELECT, also one within a statement: keep others from changing what it finds until the transaction ends."""

HOLDING_FREE: Final = AT_ONCE.format(text="FOR UPDATE SKIP LOCKED")
"""The same, but for the rows that others hold, which are left out."""

GIVEN: Final = "/* GIVEN */ TRUE"
"""In the condition of a statement of ``Upon``: that the first has given rows."""


class Statement(NamedTuple):
    """A statement and its parameters."""

    sql: str
    parameters: Mapping[str, Any]


class Together(NamedTuple):
    """Writes of which none sees what another does, and none changes a row of another's. Answered by the last's rows.

    Where each trip to the database counts, they are made in one.
    """

    statements: Sequence[Statement]


class Upon(NamedTuple):
    """A write, and others that are made only where it has given rows. Answered by its rows.

    Each of the others has ``GIVEN`` in its condition; none sees what another does, nor what the first does. Where each
    trip to the database counts, all are one statement, so that they may stand alone: done all of them, or none.
    """

    first: Statement
    then: Sequence[Statement]


class Script(NamedTuple):
    """Statements without parameters, each of which sees what those before it have done. Answered by no rows.

    Where each trip to the database counts, they are sent in one.
    """

    statements: Sequence[str]


class SessionsChanged(NamedTuple):
    """Tell the other processes, once the transaction is done, to look at these sessions again. Answered by no rows."""

    session_ids: Sequence[int]


Step = Statement | Together | Upon | Script | SessionsChanged
Work = Generator[Step, Sequence[Row], T_co]


Writing = Work[T] | Callable[[], Work[T]]


def begun(work: Writing[T]) -> Work[T]:
    """A work that is given, or the next that is made."""
    return work() if callable(work) else work


class Watcher(Protocol):
    """Is told what other processes have changed: whoever keeps copies of what is stored."""

    def forget(self, session_ids: Iterable[int]) -> None:
        """These sessions have changed."""
        ...

    def forget_everything(self) -> None:
        """Any session may have changed."""
        ...

    def ask_before_use(self, are_current: Callable[[], bool]) -> None:
        """Whether what is remembered may be believed has to be asked for, whenever a copy is to be used."""
        ...


class Engine(Protocol):
    """Carries works out."""

    async def start(self, watcher: Watcher) -> None:
        """Open the database and bring its schema up to date. Raises DatabaseUnusable."""
        ...

    async def stop(self) -> None:
        """Carry out what was asked for, then close the database."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Carry out a work that changes nothing."""
        ...

    async def write(self, work: Writing[T]) -> T:
        """Carry out a work as one transaction: durable when this returns, undone as a whole when it raises.

        ``work``: or what makes it, so that it can be begun anew where the database breaks it off for another's sake.
        """
        ...

    async def write_singly(self, work: Writing[T]) -> T:
        """The same for a work whose statements may stand alone: where that costs less, without a transaction."""
        ...

    def waiting(self) -> int:
        """How many works wait for their turn, more or less."""
        ...


class DatabaseUnusable(Exception):
    """The database cannot be opened; the message says why, for people."""


def ask(sql: str, **parameters: Any) -> Statement:
    """A statement with its parameters."""
    return Statement(sql, parameters)
