"""``ostiary admin threepids``."""

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import plain, say_done, with_services
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import say, say_json, say_table, when

if TYPE_CHECKING:
    from ostiary.server.services import Services

_medium = click.argument("medium", type=click.Choice(["email", "msisdn"]))


@click.group()
def threepids() -> None:
    """Mail addresses and phone numbers of accounts."""


@threepids.command(name="list")
@click.argument("name")
@as_json
@database_options
def list_threepids(name: str, as_json: bool, **options: Any) -> None:
    """List the addresses of the account NAME."""

    async def use(services: "Services") -> Any:
        from ostiary.server.handlers.administration.answers import threepid_response

        return [plain(threepid_response(one)) for one in await services.administration.list_threepids(name)]

    found = with_services(options, use)
    if as_json:
        say_json({"threepids": found})
        return
    rows = [(one["medium"], one["address"], when(one["added_at"])) for one in found]
    say_table(("medium", "address", "added (UTC)"), rows, empty="There are no addresses.")


@threepids.command()
@click.argument("name")
@_medium
@click.argument("address")
@as_json
@database_options
def add(name: str, medium: str, address: str, as_json: bool, **options: Any) -> None:
    """Give the account NAME an address, which its owner need not prove. Phone numbers begin with the country's code."""

    async def use(services: "Services") -> Any:
        from ostiary.accounts.administration import Administrator
        from ostiary.server.handlers.administration.answers import threepid_response

        return plain(
            threepid_response(await services.administration.add_threepid(name, medium, address, Administrator()))
        )

    added = with_services(options, use)
    say_done(f"Added {added['address']}", added, as_json=as_json)


@threepids.command()
@click.argument("name")
@_medium
@click.argument("address")
@as_json
@database_options
def remove(name: str, medium: str, address: str, as_json: bool, **options: Any) -> None:
    """Take an address from the account NAME."""

    async def use(services: "Services") -> bool:
        from ostiary.accounts.administration import Administrator

        return await services.administration.remove_threepid(name, medium, address, Administrator())

    forgotten = with_services(options, use)
    say_done(f"Removed {address}", {"removed": address, "identity_servers_told": forgotten}, as_json=as_json)
    if not forgotten and not as_json:
        say("An identity server could not be told")
