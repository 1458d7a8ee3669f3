"""All commands, put together."""

from typing import Annotated

import typer

from ostiary import __version__
from ostiary.cli import admin, configuration, serving, sessions
from ostiary.cli.output import say

app = typer.Typer(
    name="ostiary",
    help="Accounts and sessions for Matrix: a server that gives sessions out, a client that holds them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _part in (serving, configuration, admin, sessions):
    _part.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"ostiary {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accounts and sessions for Matrix: a server that gives sessions out, a client that holds them."""
