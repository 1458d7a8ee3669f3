"""The sessions that commands keep between them: where they are stored, which is meant, and the client on it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.cli.output import fail, told_in_one_line

if TYPE_CHECKING:
    from ostiary.api.secret import Secret
    from ostiary.client import Client, FileStore, Session, SessionRecord

LOCAL_SERVER: Final = "http://127.0.0.1:8008"

which_session = click.option(
    "--user", "--session", "which", metavar="USER_ID", help="Whose session to use; else the current one."
)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Tell what goes wrong with servers and stores in one line."""
    from ostiary.client import ClientError

    with told_in_one_line(MatrixError, NotMatrix, ClientError, OSError):
        yield


@contextmanager
def client_for(user: str, homeserver: str | None) -> Iterator[Client]:
    """A client at the server of a user, or at the one named. Errors are told in one line."""
    _, _, server_name = user.partition(":") if user.startswith("@") else ("", "", "")
    with client_at(server_name, homeserver) as client:
        yield client


@contextmanager
def client_at(server_name: str, homeserver: str | None) -> Iterator[Client]:
    """A client at the server of a domain, or at the one named. Errors are told in one line."""
    from ostiary.client import Client

    with told_plainly():
        store = session_store()
        if homeserver is None and server_name.partition(":")[0] == "localhost":
            homeserver = LOCAL_SERVER
        if homeserver is None and not server_name:
            fail("which server? Give a whole user ID (@name:server) or --homeserver URL")
        with Client(homeserver, store=store) if homeserver else Client.discover(server_name, store=store) as client:
            yield client


@contextmanager
def kept_session(which: str | None) -> Iterator[Session]:
    """The session of this user, or the current one. Errors are told in one line."""
    from ostiary.client import Client

    with told_plainly():
        store = session_store()
        kept = [record for record in store.list() if which is None or record.user_id == which]
        record = current(kept)
        if record is None:
            fail(f"no session of {which} is kept" if which else "no session is kept: log in first (ostiary login)")
        if which and len(servers := {record.homeserver for record in kept}) > 1:
            # A server can say that anybody is logged in there, and commands send passwords.
            fail(
                f"{which} is kept of several servers ({', '.join(sorted(servers))}): pick one by 'ostiary sessions use'"
            )
        with Client(record.homeserver, store=store, on_soft_logout=_password_again) as client:
            yield client.restore(record)


def _password_again(record: SessionRecord) -> Secret | None:
    """What a session logs in with on its device, when the server has forgotten all but that. None without a person."""
    from ostiary.cli.output import tell
    from ostiary.cli.prompting import ask_password, can_ask

    if not can_ask():
        return None
    tell(f"The server wants {record.user_id} to log in again.")
    return ask_password(f"Password of {record.user_id}", from_stdin=False)


@contextmanager
def session_with(key: tuple[str, ...] | None) -> Iterator[Session]:
    """The session with this key. Errors are told in one line."""
    from ostiary.client import Client

    with told_plainly():
        store = session_store()
        record = next((record for record in store.list() if record.key == key), None)
        if record is None:
            fail("the session that this was begun by is kept no longer")
        with Client(record.homeserver, store=store, on_soft_logout=_password_again) as client:
            yield client.restore(record)


def session_store() -> FileStore:
    """Where the sessions are: as the environment says, or in the folder for such things."""
    from ostiary.client import FileStore

    if named := os.environ.get("OSTIARY_SESSIONS_FILE"):
        return FileStore(named)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return FileStore(Path(state) / "ostiary" / "sessions.json")


# --- Which one is current --------------------------------------------------------------------------------------------


def current(kept: Sequence[SessionRecord]) -> SessionRecord | None:
    """Of these sessions the one that was chosen, else the newest; None where there are none."""
    try:
        chosen = json.loads(_choice().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # nothing has been chosen, which is no reason to do nothing
        chosen = None
    return next((record for record in kept if list(record.key) == chosen), kept[-1] if kept else None)


def choose(record: SessionRecord) -> None:
    """Make a session the current one, until another is chosen. Raises OSError."""
    from ostiary.client.private_files import locked_file, write_privately

    file = _choice()
    with locked_file(file.with_name(f".{file.name}.lock")):
        write_privately(file, json.dumps(record.key))


def _choice() -> Path:
    """The file that says which session is current: not the store, where others go on saving newer tokens."""
    path = session_store().path
    return path.with_name(f"current-{path.name}")
