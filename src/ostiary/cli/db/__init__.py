"""``ostiary db``: the database itself, as a whole: looked at, brought up to date, backed up, moved."""

import click

from ostiary.cli.db.copying import copy
from ostiary.cli.db.upkeep import backup, status, upgrade


@click.group()
def db() -> None:
    """The server's database as a whole: status, upgrade, backup, and the copy into another."""


for _command in (status, upgrade, backup, copy):
    db.add_command(_command)
