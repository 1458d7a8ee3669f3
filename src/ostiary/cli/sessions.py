"""``ostiary whoami``, ``logout``, ``sessions``: the sessions that are kept, and which of them is current."""

from __future__ import annotations

import click

from ostiary.cli.keeping import choose, current, kept_session, session_store, told_plainly, which_session
from ostiary.cli.options import as_json
from ostiary.cli.output import fail, say, say_json, say_table, when


@click.command()
@which_session
@as_json
def whoami(which: str | None, as_json: bool) -> None:
    """Say whose session is kept, as the server sees it."""
    with kept_session(which) as session:
        answer = session.whoami()
        guest = answer.is_guest is True
        if as_json:
            say_json({"user_id": answer.user_id, "device_id": answer.device_id or None, "is_guest": guest})
        else:
            say(f"{answer.user_id} on device {answer.device_id}{' (a guest)' if guest else ''}")


@click.command()
@click.option("--all", "everywhere", is_flag=True, help="End all sessions of the account.")
@which_session
@as_json
def logout(everywhere: bool, which: str | None, as_json: bool) -> None:
    """End the session and forget it."""
    with kept_session(which) as session:
        user_id = session.user_id
        if everywhere:
            session.logout_all()
        else:
            session.logout()
        if as_json:
            say_json({"user_id": user_id})
        else:
            say(f"Logged {user_id} out{' everywhere' if everywhere else ''}")


@click.group()
def sessions() -> None:
    """The sessions that are kept on this machine."""


@sessions.command(name="list")
@as_json
def list_sessions(as_json: bool) -> None:
    """List the sessions that are kept; no server is asked. The current one is what commands use."""
    with told_plainly():
        kept = session_store().list()
        used = current(kept)
    if as_json:
        say_json(
            [
                {
                    "user_id": record.user_id,
                    "device_id": record.device_id,
                    "homeserver": record.homeserver,
                    "expires_at": record.expires_at,
                    "is_current": record is used,
                }
                for record in kept
            ]
        )
        return
    rows = [
        (
            f"{record.user_id}{' (current)' if record is used else ''}",
            record.device_id,
            record.homeserver,
            when(record.expires_at),
        )
        for record in kept
    ]
    say_table(("user", "device", "server", "token good until (UTC)"), rows, empty="No session is kept.")


@sessions.command()
@click.argument("user_id")
@click.argument("device_id", required=False)
@as_json
def use(user_id: str, device_id: str | None, as_json: bool) -> None:
    """Use the session of USER_ID from now on; of several, the one on DEVICE_ID."""
    with told_plainly():
        found = [one for one in session_store().list() if one.user_id == user_id and device_id in (None, one.device_id)]
        if not found:
            fail(f"no session of {user_id}{f' on device {device_id}' if device_id else ''} is kept")
        record = found[-1]
        choose(record)
    if as_json:
        say_json({"user_id": record.user_id, "device_id": record.device_id, "homeserver": record.homeserver})
    else:
        say(f"Using {record.user_id} on device {record.device_id}")
