"""The options that several commands share, and the configuration that comes of those of the server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ostiary.cli.output import fail_lines
from ostiary.config import ConfigError, Loaded, load

F = TypeVar("F", bound=Callable[..., Any])

FILE_OPTION = click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="The TOML file to read."
)
_SERVER_NAME = click.option("--server-name", metavar="NAME", help="The server's name in user IDs.")
_DATABASE = click.option("--database", metavar="URL", help="As sqlite:///ostiary.db")
_HOST = click.option("--host", "server__host", metavar="H", help="The address to listen on.")
_PORT = click.option("--port", "server__port", metavar="P", help="The port to listen on.")
_WORKERS = click.option("--workers", "server__workers", metavar="N", help="How many processes serve.")
_DEV = click.option(
    "--dev", is_flag=True, default=None, help="Registration open to all, no rate limits: for trying it out."
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
password_stdin = click.option("--password-stdin", is_flag=True, help="Read passwords from standard input, a line each.")
logout_devices = click.option(
    "--logout-devices/--keep-devices", default=True, help="Whether to end the (other) sessions of the account."
)


def database_options(command: F) -> F:
    """What says which database, and whose."""
    return FILE_OPTION(_SERVER_NAME(_DATABASE(command)))


def server_options(command: F) -> F:
    """Every option of the server's configuration that the command line has."""
    return FILE_OPTION(_SERVER_NAME(_HOST(_PORT(_WORKERS(_DATABASE(_DEV(command)))))))


def configure(options: dict[str, Any]) -> Loaded:
    """The configuration. What is wrong with it is printed, a line each, and ends the command.

    ``options``: what those decorators gave, by key of the configuration with ``__`` for its dots, and the ``file``.
    """
    file = options.pop("file")
    try:
        return load(file=file, options={name.replace("__", "."): value for name, value in options.items()})
    except ConfigError as error:
        fail_lines(error.problems)
