"""``ostiary admin password``."""

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import say_done, with_services
from ostiary.cli.options import as_json, database_options, logout_devices, password_stdin
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.server.services import Services


@click.group()
def password() -> None:
    """Passwords of accounts."""


@password.command(name="set")
@click.argument("name")
@password_stdin
@logout_devices
@as_json
@database_options
def set_password(name: str, password_stdin: bool, logout_devices: bool, as_json: bool, **options: Any) -> None:
    """Give the account NAME a new password."""
    new = ask_password("New password", from_stdin=password_stdin, twice=True)

    async def use(services: "Services") -> str:
        from ostiary.accounts.administration import Administrator

        await services.administration.set_password(name, new, Administrator(), logout_devices=logout_devices)
        return services.administration.user_id(await services.administration.get(name))

    user_id = with_services(options, use)
    say_done(f"The password of {user_id} has been changed", {"user_id": user_id}, as_json=as_json)
