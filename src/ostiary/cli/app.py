"""All commands, put together."""

import click

from ostiary import __version__
from ostiary.cli.accounts import deactivate, login_token, openid_token, whois
from ostiary.cli.admin import admin
from ostiary.cli.completing import completion
from ostiary.cli.configuration import config
from ostiary.cli.devices import devices
from ostiary.cli.doctor import doctor
from ostiary.cli.going_on import go_on
from ostiary.cli.logins import import_token, login
from ostiary.cli.passwords import password
from ostiary.cli.profiles import profile
from ostiary.cli.registering import register, upgrade
from ostiary.cli.serving import serve
from ostiary.cli.sessions import logout, sessions, whoami
from ostiary.cli.threepids import threepids


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="ostiary %(version)s")
def app() -> None:
    """Accounts and sessions for Matrix: a server that gives sessions out, a client that holds them."""


for _command in (
    serve, config, doctor, admin,
    login, import_token, register, upgrade, go_on, whoami, sessions, logout,
    password, devices, threepids, profile, login_token, openid_token, whois, deactivate,
    completion,
):  # fmt: skip
    app.add_command(_command)
