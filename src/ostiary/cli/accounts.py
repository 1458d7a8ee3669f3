"""``ostiary deactivate``, ``login-token``, ``openid-token``, ``whois``: the account as a whole, and tokens for others.

A token that a command was asked for is its result, and printed; nothing else prints any.
"""

from __future__ import annotations

import click

from ostiary.cli.answering import Terminal
from ostiary.cli.keeping import kept_session, which_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import fail, say, say_json, say_table, when
from ostiary.cli.prompting import ask_password, ask_yes


@click.command()
@click.option("--erase", is_flag=True, help="Have what the account leaves behind forgotten as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@password_stdin
@which_session
@as_json
def deactivate(erase: bool, yes: bool, password_stdin: bool, which: str | None, as_json: bool) -> None:
    """End the account for good. Nobody can have its name again."""
    with kept_session(which) as session:
        user_id = session.user_id
        if not yes and not ask_yes(f"End the account {user_id} for good?", instead="--yes"):
            fail("nothing was done")
        secret = ask_password(f"Password of {user_id}", from_stdin=password_stdin)
        unbound = session.deactivate(password=secret, erase=erase, stages=Terminal(password_stdin).answers())
        if as_json:
            say_json({"user_id": user_id, "is_unbound": unbound})
        else:
            say(f"Ended the account {user_id}")


@click.command(name="login-token")
@password_stdin
@which_session
@as_json
def login_token(password_stdin: bool, which: str | None, as_json: bool) -> None:
    """Print a token by which another device logs in to the account, once: `ostiary login --token`."""
    with kept_session(which) as session:
        secret = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        made = session.login_token(password=secret, stages=Terminal(password_stdin).answers())
        if as_json:
            say_json({"login_token": made.login_token.reveal(), "expires_in_ms": made.expires_in_ms})
        else:
            say(made.login_token.reveal())


@click.command(name="openid-token")
@which_session
@as_json
def openid_token(which: str | None, as_json: bool) -> None:
    """Print a token by which another service learns who the user is, and which opens nothing else."""
    with kept_session(which) as session:
        made = session.openid_token()
        if as_json:
            say_json(
                {
                    "access_token": made.access_token.reveal(),
                    "token_type": made.token_type,
                    "matrix_server_name": made.matrix_server_name,
                    "expires_in": made.expires_in,
                }
            )
        else:
            say(made.access_token.reveal())


@click.command()
@click.argument("user_id", required=False)
@which_session
@as_json
def whois(user_id: str | None, which: str | None, as_json: bool) -> None:
    """Show from where the account has called; as an administrator, USER_ID's."""
    with kept_session(which) as session:
        answer = session.whois(user_id)
        found = [
            {
                "device_id": device_id,
                "ip": connection.ip or None,
                "last_seen": connection.last_seen or None,
                "user_agent": connection.user_agent or None,
            }
            for device_id, device in (answer.devices or {}).items()
            for one in device.sessions or ()
            for connection in one.connections or ()
        ]
        if as_json:
            say_json({"user_id": user_id or session.user_id, "connections": found})
            return
        rows = [
            (str(one["device_id"]), str(one["ip"] or ""), _seen(one["last_seen"]), str(one["user_agent"] or ""))
            for one in found
        ]
        say_table(("device", "from", "last seen (UTC)", "program"), rows, empty="There are no sessions.")


def _seen(milliseconds: object) -> str:
    return when(milliseconds) if isinstance(milliseconds, int) else ""
