"""``ostiary admin accounts``. NAME is a localpart or a whole user ID everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ostiary.cli.admin.working import Moment, confirm, confirmed, listing, plain, say_done, say_page, with_services
from ostiary.cli.options import as_json, database_options, password_stdin
from ostiary.cli.output import fail, say, say_json, when
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.server.services import Services

_MARKS: Final = ("admin", "locked", "suspended", "expired", "awaits_approval", "erased")


@click.group()
def accounts() -> None:
    """Accounts: made, looked at, locked, ended."""


@accounts.command(name="list")
@click.option("--waiting", is_flag=True, help="Only those that wait for approval.")
@listing()
@as_json
@database_options
def list_accounts(waiting: bool, start: str | None, limit: int, backward: bool, as_json: bool, **options: Any) -> None:
    """List the accounts, in the order of their names."""

    async def use(services: "Services") -> tuple[list[Any], str | None]:
        from ostiary.server.handlers.administration.answers import account_response

        page = await services.administration.list(start, limit, backward=backward, waiting=waiting)
        return [account_response(account, services.server_name) for account in page.items], page.next

    answers, following = with_services(options, use)
    say_page(
        "accounts", answers, following, ("name", "kind", "state", "admin", "created (UTC)"), _row,
        as_json=as_json, empty="There are no accounts.",
    )  # fmt: skip


def _row(account: dict[str, Any]) -> tuple[str, ...]:
    localpart = account["user_id"][1:].partition(":")[0]
    admin = "yes" if account["admin"] else ""
    return localpart, account["kind"], account["state"], admin, when(account["created_at"])


@accounts.command()
@click.argument("name")
@as_json
@database_options
def show(name: str, as_json: bool, **options: Any) -> None:
    """Show the account NAME."""
    account = with_services(options, lambda services: _account(services, name))
    if as_json:
        say_json(account)
        return
    marks = [mark.replace("_", " ") for mark in _MARKS if account[mark]]
    say(f"{account['user_id']}: {account['kind']}, {account['state']}{', '.join(['', *marks]) if marks else ''}")
    say(f"created       {when(account['created_at'])} UTC")
    if "expires_at" in account:
        say(f"expires       {when(account['expires_at'])} UTC")
    if "deactivated_at" in account:
        say(f"deactivated   {when(account['deactivated_at'])} UTC")
    say(f"password      {'yes' if account['has_password'] else 'none'}")


@accounts.command(name="create")
@click.argument("localpart")
@click.option("--no-password", is_flag=True, help="Make an account that no password logs in to.")
@click.option("--admin", "is_admin", is_flag=True, help="Make it an administrator's.")
@password_stdin
@as_json
@database_options
def create_account(
    localpart: str, no_password: bool, is_admin: bool, password_stdin: bool, as_json: bool, **options: Any
) -> None:
    """Make an account. LOCALPART is the part of its user ID between @ and the colon."""
    password = None if no_password else ask_password("New password", from_stdin=password_stdin, twice=True)

    async def use(services: "Services") -> str:
        from ostiary.accounts.administration import Administrator

        return await services.administration.create(localpart, password, Administrator(), is_admin=is_admin)

    user_id = with_services(options, use)
    say_done(f"Made {user_id}", {"user_id": user_id}, as_json=as_json)


# --- What an account may do ------------------------------------------------------------------------------------------


def _changes(command: str, said: str, does: str, **change: Any) -> None:
    """A command that changes one thing of an account."""

    @accounts.command(name=command, help=f"{does[0].upper()}{does[1:]}.")
    @click.argument("name")
    @as_json
    @database_options
    def run(name: str, as_json: bool, **options: Any) -> None:
        _change(name, said, as_json, options, **change)


_changes("lock", "is locked", "lock the account NAME: its sessions rest until it is unlocked", is_locked=True)
_changes("unlock", "is unlocked", "unlock the account NAME", is_locked=False)
_changes("suspend", "is suspended", "suspend the account NAME: it may look, but not do much", is_suspended=True)
_changes("unsuspend", "is not suspended", "let the suspended account NAME go on", is_suspended=False)
_changes("make-admin", "is an administrator's", "make the account NAME an administrator's", is_admin=True)
_changes("unmake-admin", "is no administrator's", "make the account NAME one like others again", is_admin=False)


@accounts.command()
@click.argument("name")
@click.option("--at", "expires_at", type=Moment(), help="When: as 2030-12-31 or 2030-12-31T18:00, or 30d from now.")
@click.option("--never", is_flag=True, help="Not at all.")
@as_json
@database_options
def expire(name: str, expires_at: int | None, never: bool, as_json: bool, **options: Any) -> None:
    """Let the account NAME expire at some time, from when on it is locked."""
    if never == (expires_at is not None):
        fail("when? Give --at or --never")
    said = "does not expire" if expires_at is None else f"expires {when(expires_at)} UTC"
    _change(name, said, as_json, options, expires_at=expires_at or 0)


def _change(name: str, said: str, as_json: bool, options: dict[str, Any], **change: Any) -> None:
    async def use(services: "Services") -> Any:
        from ostiary.accounts.administration import Administrator
        from ostiary.accounts.values import AccountChange

        wanted: AccountChange = AccountChange(**change)
        await services.administration.change(name, wanted, Administrator())
        return await _account(services, name)

    account = with_services(options, use)
    say_done(f"{account['user_id']} {said}", account, as_json=as_json)


# --- Beginning and end -----------------------------------------------------------------------------------------------


@accounts.command()
@click.argument("name")
@as_json
@database_options
def approve(name: str, as_json: bool, **options: Any) -> None:
    """Let the account NAME be used, which waits for approval. Its owner is told by mail."""

    async def use(services: "Services") -> Any:
        from ostiary.accounts.administration import Administrator

        await services.administration.approve(name, Administrator())
        return await _account(services, name)

    account = with_services(options, use)
    say_done(f"{account['user_id']} is approved", account, as_json=as_json)


@accounts.command()
@click.argument("name")
@confirmed
@as_json
@database_options
def reject(name: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Delete the account NAME, which waits for approval. Its owner is told by mail, its name is free again."""
    confirm(f"Delete the account {name}?", yes=yes)

    async def use(services: "Services") -> str:
        from ostiary.accounts.administration import Administrator

        user_id = services.administration.user_id(await services.administration.get(name))
        await services.administration.reject(name, Administrator())
        return user_id

    user_id = with_services(options, use)
    say_done(f"{user_id} is rejected", {"user_id": user_id}, as_json=as_json)


@accounts.command()
@click.argument("name")
@click.option("--erase", is_flag=True, help="Delete its profile, too, and what tells where it was used.")
@confirmed
@as_json
@database_options
def deactivate(name: str, erase: bool, yes: bool, as_json: bool, **options: Any) -> None:
    """End the account NAME: its sessions, its password, its addresses. Its name stays taken."""
    confirm(f"{'Deactivate and erase' if erase else 'Deactivate'} the account {name}?", yes=yes)

    async def use(services: "Services") -> Any:
        from ostiary.accounts.administration import Administrator

        await services.administration.deactivate(name, Administrator(), erase=erase)
        return await _account(services, name)

    account = with_services(options, use)
    say_done(f"{account['user_id']} is deactivated", account, as_json=as_json)


@accounts.command()
@click.argument("name")
@click.option("--no-password", is_flag=True, help="Without a password.")
@password_stdin
@as_json
@database_options
def reactivate(name: str, no_password: bool, password_stdin: bool, as_json: bool, **options: Any) -> None:
    """Let the deactivated account NAME be used again, with a new password."""
    password = None if no_password else ask_password("New password", from_stdin=password_stdin, twice=True)

    async def use(services: "Services") -> Any:
        from ostiary.accounts.administration import Administrator

        await services.administration.reactivate(name, password, Administrator())
        return await _account(services, name)

    account = with_services(options, use)
    say_done(f"{account['user_id']} is active again", account, as_json=as_json)


@accounts.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
@database_options
def export(name: str, output: Path | None, **options: Any) -> None:
    """Print all that is stored about the person of the account NAME, as JSON."""

    async def use(services: "Services") -> dict[str, Any]:
        from ostiary.accounts.administration import Administrator

        return await services.administration.export(name, Administrator())

    exported = plain(with_services(options, use))
    if output is None:
        say_json(exported)
        return
    from ostiary.cli.admin.files import write_private

    write_private(output, exported)
    say(f"Wrote {output}")


async def _account(services: "Services", name: str) -> Any:
    from ostiary.server.handlers.administration.answers import account_response

    return plain(account_response(await services.administration.get(name), services.server_name))
