"""``ostiary db status``, ``upgrade``, ``backup``."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.db.progress import progress
from ostiary.cli.db.which import Place, configured_place, inspect, opened, run
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import fail, say, say_json, say_table
from ostiary.config import SqliteDatabase

if TYPE_CHECKING:
    from ostiary.storage.inspecting import Inspection
    from ostiary.storage.migrations import Migration
    from ostiary.storage.moving.copying import Told


@click.command()
@as_json
@database_options
def status(as_json: bool, **options: Any) -> None:
    """Show what the database holds, and the version of its schema. Changes nothing."""
    place = configured_place(options)
    found, tables = run(_status(place))
    engine = "SQLite" if isinstance(place.database, SqliteDatabase) else "PostgreSQL"
    if as_json:
        say_json(
            {
                "engine": engine, "database": place.shown, "schema": found.version, "newest_schema": found.newest,
                "pending": list(found.pending), "problem": found.mismatch or None,
                "tables": {name: {"rows": rows, "bytes": size} for name, (rows, size) in tables.items()},
            }
        )  # fmt: skip
        return
    say(f"{engine}, {place.shown}")
    say(_schema(found))
    rows = [(name, str(count), "" if size is None else str(size)) for name, (count, size) in tables.items()]
    known = [size for _, size in tables.values() if size is not None]
    if rows and known:
        rows.append(("all", str(sum(count for count, _ in tables.values())), str(sum(known))))
    say_table(("table", "rows", "bytes"), rows, empty="There are no tables yet.")


async def _status(place: Place) -> "tuple[Inspection, Mapping[str, tuple[int, int | None]]]":
    """What was found, and for each table its rows and bytes."""
    from ostiary.storage.schema import all_tables
    from ostiary.storage.works.copying import count_rows

    found = await inspect(place)
    async with opened(place, writes=False) as end:
        sizes = await end.bytes_of_tables()
        async with end.snapshot():
            return found, {
                table.name: (await end.read(count_rows(table)), sizes[table.name])
                for table in sorted(all_tables(), key=lambda one: one.name)
                if table.name in sizes
            }


def _schema(found: "Inspection") -> str:
    if found.mismatch:
        return f"The schema cannot be used: {found.mismatch}"
    if found.version is None:
        return "There is no schema yet; `ostiary db upgrade` makes it, and so does the first start"
    if found.pending:
        return f"schema {found.version} of {found.newest}; pending: {', '.join(found.pending)}"
    return f"schema {found.version}, up to date"


@click.command()
@as_json
@database_options
def upgrade(as_json: bool, **options: Any) -> None:
    """Bring the schema up to date, as a start of the server does. Make a backup before."""
    place = configured_place(options)
    steps = [step.title for step in run(_upgrade(place))]
    if as_json:
        say_json({"steps": steps})
        return
    for step in steps:
        say(f"carried out {step}")
    say(f"{place.shown} {'is' if steps else 'was'} up to date.")


async def _upgrade(place: Place) -> "Sequence[Migration]":
    from ostiary.storage.migrations import migrate

    async with opened(place, writes=True) as end:
        return await end.write(migrate(end.translate))


@click.command()
@click.argument("copy", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--quiet", is_flag=True, help="Print nothing but what is wrong.")
@database_options
def backup(copy: Path, quiet: bool, **options: Any) -> None:
    """Copy the SQLite database to a new FILE, whether the server runs or not.

    The copy is whole, of one moment, and readable by you alone. To restore it, stop the server and put it in the
    database's place.
    """
    place = configured_place(options)
    if not isinstance(place.database, SqliteDatabase):
        fail("PostgreSQL has its own programs for this: pg_dump --format=custom, and pg_restore")
    with closing(progress(quiet=quiet)) as told:
        size = run(_back_up(place.database.path, copy, told))
    if not quiet:
        say(f"{copy}: {size} bytes, a whole copy of {place.shown}")


async def _back_up(path: Path, copy: Path, told: "Told") -> int:
    from ostiary.storage.backup import back_up

    done = 0

    def tell(pages: int, total: int) -> None:
        nonlocal done
        if not done:
            told.begin("pages", total, 0)
        told.advance(pages - done)
        done = pages

    size = back_up(path, copy, tell)
    told.end()
    return size
