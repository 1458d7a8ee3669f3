"""``ostiary admin``: accounts, on the server's database, whether the server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ostiary.api.errors import MatrixError
from ostiary.cli.options import as_json, configure, database_options, logout_devices, password_stdin
from ostiary.cli.output import fail, say, say_json, say_table, told_in_one_line, when
from ostiary.cli.prompting import ask_password
from ostiary.config import Config, ConfigError

if TYPE_CHECKING:
    from ostiary.server.services import Services

T = TypeVar("T")


@click.group()
def admin() -> None:
    """Accounts, on the server's database, whether the server runs or not."""


@admin.command()
@click.argument("localpart")
@click.option("--no-password", is_flag=True, help="Make an account that no password logs in to.")
@password_stdin
@as_json
@database_options
def create_account(localpart: str, no_password: bool, password_stdin: bool, as_json: bool, **options: Any) -> None:
    """Make an account. LOCALPART is the part of its user ID between @ and the colon."""
    loaded = configure(options)
    password = None if no_password else ask_password("New password", from_stdin=password_stdin, twice=True)
    user_id = _with_services(loaded.config, lambda services: services.registrations.create(localpart, password))
    if as_json:
        say_json({"user_id": user_id})
    else:
        say(f"Made {user_id}")


@admin.command()
@click.option("--from", "start", metavar="NAME", help="List the accounts behind this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@as_json
@database_options
def list_accounts(start: str | None, limit: int, as_json: bool, **options: Any) -> None:
    """List the accounts, in the order of their names."""
    config = configure(options).config
    page = _with_services(config, lambda services: services.accounts.list(start, limit))
    if as_json:
        accounts = [
            {
                "user_id": f"@{account.localpart}:{config.server_name}",
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


@admin.command()
@click.argument("localpart")
@password_stdin
@logout_devices
@database_options
def set_password(localpart: str, password_stdin: bool, logout_devices: bool, **options: Any) -> None:
    """Give the account LOCALPART a new password."""
    loaded = configure(options)
    password = ask_password("New password", from_stdin=password_stdin, twice=True)
    _with_services(
        loaded.config,
        lambda services: services.passwords.set(localpart, password, logout_devices=logout_devices),
    )
    say(f"The password of {localpart} has been changed")


def _with_services(config: Config, use: "Callable[[Services], Awaitable[T]]") -> T:
    try:
        from ostiary.server.wiring import open_services
        from ostiary.storage.work import DatabaseUnusable
    except ImportError as error:
        fail(f"the server is not installed ({error.name} is missing): pip install 'ostiary[server]'")

    async def run() -> T:
        async with open_services(config) as services:
            return await use(services)

    with told_in_one_line(ConfigError, MatrixError, DatabaseUnusable):
        return asyncio.run(run())
