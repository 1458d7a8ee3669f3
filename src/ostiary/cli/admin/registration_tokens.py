"""``ostiary admin registration-tokens`` and ``ostiary admin invite``."""

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import Moment, listing, plain, say_done, say_page, with_services
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import fail, say, say_json, when

if TYPE_CHECKING:
    from ostiary.server.services import Services

_uses = click.option("--uses", type=click.IntRange(0, 2**31 - 1), help="How many may register with it.")
_expires = click.option("--expires", type=Moment(), help="When it ends: as 2030-12-31, or 30d from now.")


@click.group()
def registration_tokens() -> None:
    """Tokens that let one register."""


@registration_tokens.command(name="list")
@listing()
@as_json
@database_options
def list_tokens(start: str | None, limit: int, backward: bool, as_json: bool, **options: Any) -> None:
    """List the tokens."""

    async def use(services: "Services") -> tuple[list[Any], str | None]:
        from ostiary.server.handlers.administration.answers import token_response

        page = await services.invitations.list(start, limit, backward=backward)
        return [token_response(token) for token in page.items], page.next

    answers, following = with_services(options, use)
    columns = ("token", "used", "of", "pending", "expires (UTC)", "for")
    say_page(
        "registration_tokens", answers, following, columns, _row, as_json=as_json, empty="There are no tokens."
    )  # fmt: skip


def _row(token: dict[str, Any]) -> tuple[str, ...]:
    return (
        token["token"], str(token["completed"]), str(token.get("uses_allowed", "any")), str(token["pending"]),
        when(token.get("expires_at")) or "never", token.get("invited_address", ""),
    )  # fmt: skip


@registration_tokens.command()
@click.argument("token")
@as_json
@database_options
def show(token: str, as_json: bool, **options: Any) -> None:
    """Show the token TOKEN."""
    _say_token(with_services(options, lambda services: _token(services, token)), as_json)


@registration_tokens.command()
@click.argument("token", required=False)
@_uses
@_expires
@as_json
@database_options
def create(token: str | None, uses: int | None, expires: int | None, as_json: bool, **options: Any) -> None:
    """Make a token, of a name made up unless TOKEN is given."""

    async def use(services: "Services") -> Any:
        made = await services.invitations.create(token=token, uses_allowed=uses, expires_at=expires)
        return await _token(services, made.token)

    _say_token(with_services(options, use), as_json)


@registration_tokens.command()
@click.argument("token")
@_uses
@click.option("--any-uses", is_flag=True, help="Let any number register with it.")
@_expires
@click.option("--never", is_flag=True, help="Let it never end.")
@as_json
@database_options
def change(
    token: str, uses: int | None, any_uses: bool, expires: int | None, never: bool, as_json: bool, **options: Any
) -> None:
    """Give the token TOKEN other limits; those not named stay."""
    if (any_uses and uses is not None) or (never and expires is not None):
        fail("--uses and --any-uses, and --expires and --never, exclude each other")

    async def use(services: "Services") -> Any:
        found = await services.invitations.get(token)
        uses_allowed = None if any_uses else found.uses_allowed if uses is None else uses
        expires_at = None if never else found.expires_at if expires is None else expires
        await services.invitations.change(token, uses_allowed, expires_at)
        return await _token(services, token)

    _say_token(with_services(options, use), as_json)


@registration_tokens.command()
@click.argument("token")
@as_json
@database_options
def delete(token: str, as_json: bool, **options: Any) -> None:
    """End the token TOKEN."""
    with_services(options, lambda services: services.invitations.delete(token))
    say_done(f"Deleted {token}", {"deleted": token}, as_json=as_json)


@click.command()
@click.argument("address", required=False)
@click.option("--name", metavar="LOCALPART", help="The user name to propose.")
@click.option("--lifetime", default="7d", show_default=True, help="How long it is good, like 12h or 7d.")
@as_json
@database_options
def invite(address: str | None, name: str | None, lifetime: str, as_json: bool, **options: Any) -> None:
    """Invite a person to register: by mail to ADDRESS, or by a link that you pass on."""
    from ostiary.config.kinds import duration

    kind = duration(60_000)
    try:
        lifetime_ms = int(kind.read(lifetime))
    except ValueError:
        fail(f"--lifetime must be {kind.allowed}")

    async def use(services: "Services") -> tuple[Any, str]:
        made, link = await services.invitations.invite(address, name, lifetime_ms=lifetime_ms)
        return await _token(services, made.token), link

    token, link = with_services(options, use)
    if as_json:
        say_json({"registration_token": token, "link": link})
        return
    say(f"Invited {address}" if address else "Made an invitation")
    say(link)


def _say_token(token: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(token)
        return
    say(token["token"])
    say(f"used          {token['completed']} of {token.get('uses_allowed', 'any number')}, {token['pending']} pending")
    say(f"expires       {when(token.get('expires_at')) or 'never'}")
    if "invited_address" in token:
        say(f"for           {token['invited_address']}")


async def _token(services: "Services", token: str) -> Any:
    from ostiary.server.handlers.administration.answers import token_response

    return plain(token_response(await services.invitations.get(token)))
