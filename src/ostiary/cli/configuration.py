"""``ostiary config``."""

from typing import Any

import click

from ostiary.cli.options import configure, server_options
from ostiary.cli.output import say, say_lines


@click.group()
def config() -> None:
    """The server's configuration."""


@config.command()
@server_options
def show(**options: Any) -> None:
    """Print the effective configuration as TOML, secrets hidden."""
    from ostiary.config import show

    loaded = configure(options)
    say_lines(show(loaded.config, loaded.sources).rstrip())


@config.command()
@server_options
def check(**options: Any) -> None:
    """Say whether the configuration can be used."""
    configure(options)
    say("The configuration is in order.")
