"""``ostiary devices``: the devices of the account whose session is kept."""

from __future__ import annotations

import click

from ostiary.cli.answering import Terminal
from ostiary.cli.keeping import kept_session, which_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import say, say_json, say_table, when
from ostiary.cli.prompting import ask_password


@click.group()
def devices() -> None:
    """The devices of the account."""


@devices.command(name="list")
@which_session
@as_json
def list_devices(which: str | None, as_json: bool) -> None:
    """List the devices of the account."""
    with kept_session(which) as session:
        found = session.devices()
        if as_json:
            say_json(
                [
                    {
                        "device_id": device.device_id,
                        "display_name": device.display_name,
                        "last_seen_ip": device.last_seen_ip,
                        "last_seen_ts": device.last_seen_ts,
                    }
                    for device in found
                ]
            )
            return
        rows = [
            (
                f"{device.device_id}{' (this one)' if device.device_id == session.device_id else ''}",
                device.display_name or "",
                when(device.last_seen_ts),
                device.last_seen_ip or "",
            )
            for device in found
        ]
        say_table(("device", "name", "last seen (UTC)", "from"), rows, empty="There are no devices.")


@devices.command()
@click.argument("device_id")
@click.argument("name")
@which_session
@as_json
def rename(device_id: str, name: str, which: str | None, as_json: bool) -> None:
    """Call the device DEVICE_ID NAME from now on."""
    with kept_session(which) as session:
        session.rename_device(device_id, name)
        if as_json:
            say_json({"device_id": device_id, "display_name": name})
        else:
            say(f"Renamed {device_id}")


@devices.command()
@click.argument("device_ids", nargs=-1, required=True)
@password_stdin
@which_session
@as_json
def delete(device_ids: tuple[str, ...], password_stdin: bool, which: str | None, as_json: bool) -> None:
    """Delete devices and end their sessions."""
    with kept_session(which) as session:
        secret = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        session.delete_devices(device_ids, password=secret, stages=Terminal(password_stdin).answers())
        if as_json:
            say_json({"deleted": list(device_ids)})
        else:
            say(f"Deleted {', '.join(device_ids)}")
