"""The options that the server's commands share, and the configuration that comes of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ostiary.cli.output import fail_lines
from ostiary.config import ConfigError, Loaded, load

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The TOML file to read.")]
ServerName = Annotated[str | None, typer.Option("--server-name", metavar="NAME", help="The name in user IDs.")]
Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="As sqlite:///ostiary.db")]
Host = Annotated[str | None, typer.Option("--host", metavar="H", help="The address to listen on.")]
Port = Annotated[str | None, typer.Option("--port", metavar="P", help="The port to listen on.")]
Dev = Annotated[bool, typer.Option("--dev", help="Registration open to all, no rate limits: for trying it out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def configure(file: Path | None, **options: Any) -> Loaded:
    """The configuration; what is wrong with it is printed, a line each, and ends the command.

    ``options``: by key name, with ``__`` for the dots.
    """
    try:
        return load(file=file, options={name.replace("__", "."): value for name, value in options.items()})
    except ConfigError as error:
        fail_lines(error.problems)
