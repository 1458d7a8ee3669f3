"""``ostiary admin devices`` and ``ostiary admin sessions``."""

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.admin.working import plain, say_done, with_services
from ostiary.cli.options import as_json, database_options
from ostiary.cli.output import say_json, say_table, when

if TYPE_CHECKING:
    from ostiary.server.services import Services


@click.group()
def devices() -> None:
    """Devices of accounts."""


@devices.command(name="list")
@click.argument("name")
@as_json
@database_options
def list_devices(name: str, as_json: bool, **options: Any) -> None:
    """List the devices of the account NAME, and when they were seen last."""

    async def use(services: "Services") -> Any:
        from ostiary.server.handlers.administration.answers import device_response

        return [plain(device_response(one)) for one in await services.administration.list_devices(name)]

    found = with_services(options, use)
    if as_json:
        say_json({"devices": found})
        return
    rows = [
        (
            one["device_id"], one.get("display_name", ""), when(one.get("last_seen_at")), one.get("last_seen_ip", ""),
            one.get("last_seen_user_agent", ""),
        )
        for one in found
    ]  # fmt: skip
    say_table(("device", "name", "last seen (UTC)", "from", "by"), rows, empty="There are no devices.")


@devices.command()
@click.argument("name")
@click.argument("device_id")
@as_json
@database_options
def delete(name: str, device_id: str, as_json: bool, **options: Any) -> None:
    """Delete a device of the account NAME, and end its session."""

    async def use(services: "Services") -> None:
        from ostiary.accounts.administration import Administrator

        await services.administration.delete_device(name, device_id, Administrator())

    with_services(options, use)
    say_done(f"Deleted {device_id}", {"deleted": [device_id]}, as_json=as_json)


@click.group()
def sessions() -> None:
    """Sessions of accounts."""


@sessions.command(name="list")
@click.argument("name")
@as_json
@database_options
def list_sessions(name: str, as_json: bool, **options: Any) -> None:
    """List the sessions of the account NAME that have not ended."""

    async def use(services: "Services") -> Any:
        from ostiary.server.handlers.administration.answers import session_response

        return [plain(session_response(one)) for one in await services.administration.list_sessions(name)]

    found = with_services(options, use)
    if as_json:
        say_json({"sessions": found})
        return
    rows = [
        (
            one["device_id"], one.get("device_name", ""), when(one["created_at"]), when(one.get("last_seen_at")),
            one.get("last_seen_ip", ""),
        )
        for one in found
    ]  # fmt: skip
    columns = ("device", "name", "since (UTC)", "last seen (UTC)", "from")
    say_table(columns, rows, empty="There are no sessions.")


@sessions.command()
@click.argument("name")
@as_json
@database_options
def end(name: str, as_json: bool, **options: Any) -> None:
    """End all sessions of the account NAME, and delete its devices."""

    async def use(services: "Services") -> int:
        from ostiary.accounts.administration import Administrator

        return await services.administration.end_sessions(name, Administrator())

    ended = with_services(options, use)
    say_done(f"Ended {ended} session{'s' if ended != 1 else ''}", {"ended": ended}, as_json=as_json)
