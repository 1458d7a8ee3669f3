"""``ostiary db copy``."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.db.progress import progress
from ostiary.cli.db.which import Place, configured_place, given_place, inspect, opened, run
from ostiary.cli.options import FILE_OPTION, as_json
from ostiary.cli.output import MISUSED, fail, say, say_json, say_table

if TYPE_CHECKING:
    from ostiary.storage.moving.copying import Copied, Told

BATCH_ROWS = 10_000
SHOWN_DIGITS = 16


@click.command()
@click.argument("places", metavar="[SOURCE] TARGET", nargs=-1, required=True)
@click.option(
    "--batch-rows", type=click.IntRange(1, 1_000_000), default=BATCH_ROWS, show_default=True,
    help="How many rows are kept in memory, and written in one transaction.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print nothing but what is wrong.")
@as_json
@FILE_OPTION
def copy(places: tuple[str, ...], batch_rows: int, quiet: bool, as_json: bool, **options: Any) -> None:
    """Copy everything into an empty database: from SQLite to PostgreSQL, back, or to another of the same.

    SOURCE and TARGET are URLs like the key `database`; or env:VARIABLE or file:PATH, where one is to be read, as a URL
    with a password should be. Without SOURCE it is the database of the configuration.

    Run it again where it was interrupted: it goes on where it was. At the end both are compared, by the number of rows
    and a hash of all of them. Until then no server starts on the target. The server has to be stopped for the end.
    """
    if len(places) not in (1, 2) or (len(places) == 2 and options["file"] is not None):
        fail("give a source and a target; or --config FILE, which says the source, and a target", MISUSED)
    target = given_place(places[-1])
    source = given_place(places[0]) if len(places) > 1 else configured_place(options)
    with closing(progress(quiet=quiet or as_json)) as told:
        done = run(
            _copy(source, target, told, batch_rows),
            if_interrupted="interrupted; the same command goes on where it was",
        )
    if as_json:
        say_json({"copied_rows": done.rows, "tables": {name: asdict(one) for name, one in done.contents.items()}})
    elif not quiet:
        _say(done, source, target)


async def _copy(source: Place, target: Place, told: "Told", batch_rows: int) -> "Copied":
    from ostiary.storage.moving.copying import copy
    from ostiary.storage.moving.ends import CannotCopy

    found = await inspect(source)
    if found.mismatch:
        raise CannotCopy(f"The source {source.shown} cannot be used: {found.mismatch}")
    if found.version is None:
        raise CannotCopy(f"The source {source.shown} is no database of Ostiary: it has no schema")
    if found.pending:
        raise CannotCopy(f"The source {source.shown} is not up to date: run `ostiary db upgrade` on it first")
    async with opened(source, writes=False) as one, opened(target, writes=True) as other:
        return await copy(one, other, told, batch_rows)


def _say(done: "Copied", source: Place, target: Place) -> None:
    rows = [(name, str(one.rows), one.sha256[:SHOWN_DIGITS]) for name, one in done.contents.items()]
    say_table(("table", "rows", "SHA-256 of them"), rows, empty="")
    say(f"{target.shown} now holds the same as {source.shown}; {done.rows} rows were copied by this run.")
