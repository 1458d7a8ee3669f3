"""The copy: table by table in the order of keys, each batch in a transaction, so that it goes on after a kill.

Nothing is written down about how far it has come: the target itself says it, by the last key of each table. What has
changed in the source meanwhile, the check at the end finds, and the tables that it concerns are copied anew.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from ostiary.storage.moving.checking import Content, Difference, contents, difference
from ostiary.storage.moving.ends import CannotCopy, End, RowRefused, batches
from ostiary.storage.schema import carried_tables, with_dependents
from ostiary.storage.works.copying import TargetTaken, begin, count_rows, finish, last_key

BATCH_ROWS: Final = 10_000
"""In one transaction, and in memory."""

ROUNDS: Final = 2
"""How often to copy and check: what has changed while an earlier run copied is copied anew by the second."""


class Told(Protocol):
    """Is told how far it is."""

    def begin(self, what: str, total: int, done: int) -> None:
        """Something begins that takes so many rows, of which some are done already."""
        ...

    def advance(self, rows: int) -> None:
        """So many more are done."""
        ...

    def end(self) -> None:
        """What has begun is done."""
        ...

    def note(self, text: str) -> None:
        """Something that people should know."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What is the same on both sides now, by table. ``rows``: how many this run has carried over."""

    contents: dict[str, Content]
    rows: int


async def copy(source: End, target: End, told: Told, batch_rows: int = BATCH_ROWS) -> Copied:
    """Copy all that is carried over, and check it. The schema of the source must be up to date.

    Raises CannotCopy, SchemaUnfit, DatabaseUnusable. Whatever is raised, another call goes on where this one was.
    """
    if source.identity == target.identity:
        raise CannotCopy(f"Source and target are the same: {source.identity}")
    return await _Copy(source, target, told, batch_rows).run()


class _Copy:
    def __init__(self, source: End, target: End, told: Told, batch_rows: int) -> None:
        self._source = source
        self._target = target
        self._told = told
        self._batch_rows = batch_rows
        self._tables = carried_tables()
        self._rows = 0

    async def run(self) -> Copied:
        await self._begin()
        for _ in range(ROUNDS):
            try:
                await self._copy_all()
                await self._claim_source()
                found, differing = await self._check()
            except RowRefused as error:
                await self._start_anew(error.table.refers_to | {error.table.name})
                problems = [str(error)]
            else:
                if not differing:
                    await self._target.settle(self._tables)
                    await self._target.write(finish())
                    return Copied(found, self._rows)
                await self._start_anew(frozenset(one.table.name for one in differing))
                problems = [str(one) for one in differing]
            for problem in problems:
                self._told.note(f"differs: {problem}")
        raise CannotCopy(
            "The target is not the same as the source, as is told above, although it was copied anew. See that nothing "
            "writes to either, and run the same command again"
        )

    async def _begin(self) -> None:
        if not await self._target.claim():
            raise CannotCopy(f"Another program uses {self._target.identity}, a server or another copy: stop it first")
        try:
            resumes = await self._target.write(begin(self._source.identity, self._tables, self._target.translate))
        except TargetTaken as error:
            raise CannotCopy(f"The target cannot be used: {self._target.identity} {error}") from error
        if resumes:
            self._told.note("an earlier copy was not finished: going on where it was")

    async def _copy_all(self) -> None:
        async with self._source.snapshot():
            for table in self._tables:
                total = await self._source.read(count_rows(table))
                done = await self._target.read(count_rows(table))
                after = await self._target.read(last_key(table))
                self._told.begin(table.name, max(total, done), done)
                async with aclosing(batches(self._source, table, after, self._batch_rows)) as reading:
                    async for rows in reading:
                        await self._target.insert(table, rows)
                        self._rows += len(rows)
                        self._told.advance(len(rows))
                self._told.end()

    async def _claim_source(self) -> None:
        """What is written to the source after the check would be lost, so nobody may be there who could."""
        if not await self._source.claim():
            raise CannotCopy(
                "All is copied, but another program uses the source: stop the server, then run the same command again, "
                "which takes what has changed, and finishes the copy"
            )

    async def _check(self) -> tuple[dict[str, Content], Sequence[Difference]]:
        found: dict[str, Content] = {}
        differing = []
        async with self._source.snapshot(), self._target.snapshot():
            for table in self._tables:
                total = await self._source.read(count_rows(table)) + await self._target.read(count_rows(table))
                self._told.begin(f"checking {table.name} on both sides", total, 0)
                ours, theirs = await contents(self._source, self._target, table, self._batch_rows, self._told.advance)
                self._told.end()
                found[table.name] = ours
                if ours != theirs:
                    differing.append(await difference(self._source, self._target, table, self._batch_rows))
        return found, differing

    async def _start_anew(self, names: frozenset[str]) -> None:
        """Remove from the target what has to be copied once more, and what refers to it."""
        tables = with_dependents(names)
        self._told.note(f"copying anew: {', '.join(table.name for table in tables)}")
        await self._target.empty(tables)
