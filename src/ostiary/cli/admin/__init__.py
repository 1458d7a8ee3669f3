"""``ostiary admin``: the server's accounts, on its database, whether it runs or not.

One module for each group of commands; this one puts them together. Each command is a few lines: from its arguments to
``accounts.administration`` and from there to the screen.
"""

import copy
from typing import Final

import click

from ostiary.cli.admin.accounts import accounts, create_account, list_accounts
from ostiary.cli.admin.audit import audit
from ostiary.cli.admin.devices import devices, sessions
from ostiary.cli.admin.mail import mail
from ostiary.cli.admin.passwords import password, set_password
from ostiary.cli.admin.registration_tokens import invite, registration_tokens
from ostiary.cli.admin.threepids import threepids

_EARLIER: Final = {"create-account": create_account, "list-accounts": list_accounts, "set-password": set_password}
"""Names that commands had at first, which scripts may know."""


@click.group()
def admin() -> None:
    """The server's accounts, on its database, whether the server runs or not."""


for _command in (accounts, password, devices, sessions, threepids, registration_tokens, invite, mail, audit):
    admin.add_command(_command)
for _name, _command in _EARLIER.items():
    _hidden = copy.copy(_command)
    _hidden.hidden = True
    admin.add_command(_hidden, _name)
