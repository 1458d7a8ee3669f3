"""All commands, put together."""

import click

from ostiary import __version__
from ostiary.cli.admin import admin
from ostiary.cli.configuration import config
from ostiary.cli.devices import devices
from ostiary.cli.doctor import doctor
from ostiary.cli.serving import serve
from ostiary.cli.sessions import login, logout, password, register, whoami


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="ostiary %(version)s")
def app() -> None:
    """Accounts and sessions for Matrix: a server that gives sessions out, a client that holds them."""


for _command in (serve, config, doctor, admin, login, register, whoami, logout, password, devices):
    app.add_command(_command)
