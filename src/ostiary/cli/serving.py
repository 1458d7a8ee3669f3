"""``ostiary serve``."""

from typing import Any

import click

from ostiary.cli.options import configure, server_options
from ostiary.cli.output import fail
from ostiary.config import ConfigError


@click.command()
@server_options
def serve(**options: Any) -> None:
    """Run the account server until it is told to stop (SIGTERM, Ctrl-C)."""
    loaded = configure(options)
    try:
        from ostiary.server.run import CannotListen, WorkersFailed, run
        from ostiary.storage.work import DatabaseUnusable
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")
    try:
        run(loaded.config)
    except (CannotListen, ConfigError, DatabaseUnusable, WorkersFailed) as error:
        fail(str(error))
