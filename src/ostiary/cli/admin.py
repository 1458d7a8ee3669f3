"""``ostiary admin``: accounts, on the server's database, whether the server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ostiary.api.errors import MatrixError
from ostiary.cli.options import AsJson, ConfigFile, Database, ServerName, configure
from ostiary.cli.output import fail, say, say_json, say_table, told_in_one_line, when
from ostiary.cli.prompting import ask_password
from ostiary.config import Config

if TYPE_CHECKING:
    from ostiary.server.services import Services

T = TypeVar("T")

PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Localpart = Annotated[str, typer.Argument(help="The account's name: the part of its user ID between @ and the colon.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        help="Accounts, on the server's database, whether the server runs or not.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command in (create_account, list_accounts, set_password):
        commands.command()(command)
    app.add_typer(commands, name="admin")


def create_account(
    localpart: Localpart,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Make an account that cannot log in by one.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    server_name: ServerName = None,
    database: Database = None,
) -> None:
    """Make an account."""
    loaded = configure(config, server_name=server_name, database=database)
    password = None if no_password else ask_password("New password", from_stdin=password_stdin, twice=True)
    user_id = _with_services(loaded.config, lambda services: services.registrations.create(localpart, password))
    if as_json:
        say_json({"user_id": user_id})
    else:
        say(f"Made {user_id}")


def list_accounts(
    start: Annotated[str, typer.Option("--from", metavar="NAME", help="List the accounts behind this one.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
    config: ConfigFile = None,
    server_name: ServerName = None,
    database: Database = None,
) -> None:
    """List the accounts, in the order of their names."""
    loaded = configure(config, server_name=server_name, database=database)
    page = _with_services(loaded.config, lambda services: services.accounts.list(start or None, limit))
    if as_json:
        accounts = [
            {
                "user_id": f"@{account.localpart}:{loaded.config.server_name}",
                "kind": account.kind.value,
                "state": account.state.value,
                "created_at": account.created_at,
            }
            for account in page.accounts
        ]
        say_json({"accounts": accounts, "next": page.next})
        return
    rows = [(one.localpart, one.kind.value, one.state.value, when(one.created_at)) for one in page.accounts]
    say_table(("name", "kind", "state", "created (UTC)"), rows, empty="There are no accounts.")
    if page.next is not None:
        say(f"There are more: --from {page.next}")


def set_password(
    localpart: Localpart,
    password_stdin: PasswordStdin = False,
    logout_devices: Annotated[
        bool, typer.Option("--logout-devices/--keep-devices", help="Whether to end all sessions of the account.")
    ] = True,
    config: ConfigFile = None,
    server_name: ServerName = None,
    database: Database = None,
) -> None:
    """Give an account a new password."""
    loaded = configure(config, server_name=server_name, database=database)
    password = ask_password("New password", from_stdin=password_stdin, twice=True)
    _with_services(
        loaded.config,
        lambda services: services.passwords.set(localpart, password, logout_devices=logout_devices),
    )
    say(f"The password of {localpart} has been changed")


def _with_services(config: Config, use: "Callable[[Services], Awaitable[T]]") -> T:
    try:
        from ostiary.server.wiring import open_services
        from ostiary.storage.sqlite import DatabaseUnusable
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")

    async def run() -> T:
        async with open_services(config) as services:
            return await use(services)

    with told_in_one_line(MatrixError, DatabaseUnusable):
        return asyncio.run(run())
