"""``login``, ``register``, ``whoami``, ``logout``, ``devices``, ``password``: the client, on kept sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.cli.options import AsJson
from ostiary.cli.output import fail, say, say_json, say_table, told_in_one_line, when
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.client import Client, FileStore, Session

LOCAL_SERVER: Final = "http://127.0.0.1:8008"

Homeserver = Annotated[
    str | None, typer.Option("--homeserver", metavar="URL", help="The server's URL; else it is found by the user ID.")
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read passwords from standard input, a line each.")
]
Which = Annotated[
    str | None, typer.Option("--session", metavar="USER_ID", help="Whose session; else the one used last.")
]
DeviceName = Annotated[str | None, typer.Option("--device-name", help="What to call this device.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (login, whoami, register, logout, password):
        app.command()(command)
    commands = typer.Typer(help="The devices of the account.", no_args_is_help=True, rich_markup_mode=None)
    commands.command(name="list")(list_devices)
    commands.command(name="rename")(rename_device)
    commands.command(name="delete")(delete_devices)
    app.add_typer(commands, name="devices")


def login(
    user: Annotated[str, typer.Argument(help="A user ID, or a localpart together with --homeserver.")],
    homeserver: Homeserver = None,
    password_stdin: PasswordStdin = False,
    device_name: DeviceName = None,
    as_json: AsJson = False,
) -> None:
    """Log in, and keep the session for the other commands."""
    with _client(user, homeserver) as client:
        secret = ask_password(f"Password of {user}", from_stdin=password_stdin)
        _tell_session(client.login(user, secret, device_name=device_name), "Logged in as", as_json)


def register(
    user: Annotated[
        str | None, typer.Argument(help="The wished-for name or user ID; made up by the server if missing.")
    ] = None,
    homeserver: Homeserver = None,
    password_stdin: PasswordStdin = False,
    device_name: DeviceName = None,
    as_json: AsJson = False,
) -> None:
    """Make an account, log in to it, and keep the session."""
    with _client(user or "", homeserver) as client:
        secret = ask_password("New password", from_stdin=password_stdin, twice=True)
        name = user[1:].partition(":")[0] if user and user.startswith("@") else user
        _tell_session(client.register(name, secret, device_name=device_name), "Made", as_json)


def whoami(which: Which = None, as_json: AsJson = False) -> None:
    """Say whose session is kept, as the server sees it."""
    with _session(which) as session:
        answer = session.whoami()
        guest = answer.is_guest is True
        if as_json:
            say_json({"user_id": answer.user_id, "device_id": answer.device_id or None, "is_guest": guest})
        else:
            say(f"{answer.user_id} on device {answer.device_id}{' (a guest)' if guest else ''}")


def logout(
    which: Which = None,
    everywhere: Annotated[bool, typer.Option("--all", help="End all sessions of the account.")] = False,
    as_json: AsJson = False,
) -> None:
    """End the session and forget it."""
    with _session(which) as session:
        user_id = session.user_id
        if everywhere:
            session.logout_all()
        else:
            session.logout()
        if as_json:
            say_json({"user_id": user_id})
        else:
            say(f"Logged {user_id} out{' everywhere' if everywhere else ''}")


def password(
    which: Which = None,
    password_stdin: PasswordStdin = False,
    logout_devices: Annotated[
        bool, typer.Option("--logout-devices/--keep-devices", help="Whether to end all other sessions of the account.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Change the account's password (on standard input: the old one, then the new one)."""
    with _session(which) as session:
        old = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        new = ask_password("New password", from_stdin=password_stdin, twice=True)
        session.change_password(new, password=old, logout_devices=logout_devices)
        if as_json:
            say_json({"user_id": session.user_id})
        else:
            say(f"The password of {session.user_id} has been changed")


def list_devices(which: Which = None, as_json: AsJson = False) -> None:
    """List the devices of the account."""
    with _session(which) as session:
        devices = session.devices()
        if as_json:
            say_json(
                [
                    {
                        "device_id": device.device_id,
                        "display_name": device.display_name,
                        "last_seen_ip": device.last_seen_ip,
                        "last_seen_ts": device.last_seen_ts,
                    }
                    for device in devices
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
            for device in devices
        ]
        say_table(("device", "name", "last seen (UTC)", "from"), rows, empty="There are no devices.")


def rename_device(
    device_id: Annotated[str, typer.Argument(help="The device's ID.")],
    name: Annotated[str, typer.Argument(help="Its new name.")],
    which: Which = None,
) -> None:
    """Give a device another name."""
    with _session(which) as session:
        session.rename_device(device_id, name)
        say(f"Renamed {device_id}")


def delete_devices(
    device_ids: Annotated[list[str], typer.Argument(help="The devices' IDs.")],
    which: Which = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Delete devices and end their sessions."""
    with _session(which) as session:
        secret = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        session.delete_devices(device_ids, password=secret)
        say(f"Deleted {', '.join(device_ids)}")


def _tell_session(session: Session, done: str, as_json: bool) -> None:
    if as_json:
        say_json({"user_id": session.user_id, "device_id": session.device_id, "homeserver": session.record.homeserver})
    else:
        say(f"{done} {session.user_id} on device {session.device_id}")


@contextmanager
def _client(user: str, homeserver: str | None) -> Iterator[Client]:
    from ostiary.client import Client, ClientError

    with told_in_one_line(MatrixError, NotMatrix, ClientError):
        _, _, server_name = user.partition(":") if user.startswith("@") else ("", "", "")
        store = _store()
        if homeserver is None and server_name.partition(":")[0] == "localhost":
            homeserver = LOCAL_SERVER
        if homeserver is None and not server_name:
            fail("which server? Give a whole user ID (@name:server) or --homeserver URL")
        with Client(homeserver, store=store) if homeserver else Client.discover(server_name, store=store) as client:
            yield client


@contextmanager
def _session(which: str | None) -> Iterator[Session]:
    from ostiary.client import Client, ClientError

    with told_in_one_line(MatrixError, NotMatrix, ClientError):
        store = _store()
        kept = [record for record in store.list() if which is None or record.user_id == which]
        if not kept:
            fail(f"no session of {which} is kept" if which else "no session is kept: log in first (ostiary login)")
        with Client(kept[-1].homeserver, store=store) as client:
            yield client.restore(kept[-1])


def _store() -> FileStore:
    from ostiary.client import FileStore

    if named := os.environ.get("OSTIARY_SESSIONS_FILE"):
        return FileStore(named)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return FileStore(Path(state) / "ostiary" / "sessions.json")
