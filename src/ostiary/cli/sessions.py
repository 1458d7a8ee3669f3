"""``ostiary login``, ``register``, ``whoami``, ``logout``, ``password``: the client, on kept sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ostiary.cli.keeping import client_for, kept_session, which_session
from ostiary.cli.options import as_json, logout_devices, password_stdin
from ostiary.cli.output import say, say_json
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.client import Session

homeserver = click.option("--homeserver", metavar="URL", help="The server's URL; else it is found by the user ID.")
device_name = click.option("--device-name", help="What to call this device.")


@click.command()
@click.argument("user")
@homeserver
@device_name
@password_stdin
@as_json
def login(user: str, homeserver: str | None, device_name: str | None, password_stdin: bool, as_json: bool) -> None:
    """Log in, and keep the session for the other commands.

    USER is a user ID (@name:server), or a name together with --homeserver.
    """
    with client_for(user, homeserver) as client:
        secret = ask_password(f"Password of {user}", from_stdin=password_stdin)
        _tell(client.login(user, secret, device_name=device_name), "Logged in as", as_json=as_json)


@click.command()
@click.argument("user", required=False)
@homeserver
@device_name
@password_stdin
@as_json
def register(
    user: str | None, homeserver: str | None, device_name: str | None, password_stdin: bool, as_json: bool
) -> None:
    """Make an account, log in to it, and keep the session.

    USER is the wished-for user ID or name; the server makes one up without it.
    """
    with client_for(user or "", homeserver) as client:
        secret = ask_password("New password", from_stdin=password_stdin, twice=True)
        name = user[1:].partition(":")[0] if user and user.startswith("@") else user
        _tell(client.register(name, secret, device_name=device_name), "Made", as_json=as_json)


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


@click.command()
@password_stdin
@logout_devices
@which_session
@as_json
def password(password_stdin: bool, logout_devices: bool, which: str | None, as_json: bool) -> None:
    """Change the account's password (on standard input: the old one, then the new one)."""
    with kept_session(which) as session:
        old = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        new = ask_password("New password", from_stdin=password_stdin, twice=True)
        session.change_password(new, password=old, logout_devices=logout_devices)
        if as_json:
            say_json({"user_id": session.user_id})
        else:
            say(f"The password of {session.user_id} has been changed")


def _tell(session: Session, done: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"user_id": session.user_id, "device_id": session.device_id, "homeserver": session.record.homeserver})
    else:
        say(f"{done} {session.user_id} on device {session.device_id}")
