"""``ostiary config show`` and ``ostiary config check``."""

import typer

from ostiary.cli.options import ConfigFile, Database, Dev, Host, Port, ServerName, configure
from ostiary.cli.output import say
from ostiary.config import show


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The server's configuration.", no_args_is_help=True, rich_markup_mode=None)
    commands.command(name="show")(show_config)
    commands.command(name="check")(check_config)
    app.add_typer(commands, name="config")


def show_config(
    config: ConfigFile = None,
    server_name: ServerName = None,
    host: Host = None,
    port: Port = None,
    database: Database = None,
    dev: Dev = False,
) -> None:
    """Print the effective configuration as TOML, secrets hidden."""
    loaded = configure(
        config, server_name=server_name, server__host=host, server__port=port, database=database, dev=dev or None
    )
    say(show(loaded.config, loaded.sources).rstrip())


def check_config(config: ConfigFile = None) -> None:
    """Say whether the configuration can be used."""
    configure(config)
    say("The configuration is in order.")
