"""``ostiary serve``."""

import typer

from ostiary.cli.options import ConfigFile, Database, Dev, Host, Port, ServerName, configure
from ostiary.cli.output import fail


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    config: ConfigFile = None,
    server_name: ServerName = None,
    host: Host = None,
    port: Port = None,
    database: Database = None,
    dev: Dev = False,
) -> None:
    """Run the account server until it is told to stop (SIGTERM, Ctrl-C)."""
    loaded = configure(
        config, server_name=server_name, server__host=host, server__port=port, database=database, dev=dev or None
    )
    try:
        from ostiary.server.run import CannotListen, run
        from ostiary.storage.sqlite import DatabaseUnusable
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")
    try:
        run(loaded.config)
    except (CannotListen, DatabaseUnusable) as error:
        fail(str(error))
