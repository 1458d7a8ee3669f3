"""``ostiary password``: a new password for somebody who has the old one, or has lost it."""

from __future__ import annotations

from pathlib import Path

import click

from ostiary.cli.answering import Terminal, patience, waits
from ostiary.cli.keeping import client_for, kept_session, which_session
from ostiary.cli.logins import homeserver, phone
from ostiary.cli.options import as_json, logout_devices, password_stdin
from ostiary.cli.output import say, say_json
from ostiary.cli.prompting import ask_password
from ostiary.cli.unfinished import RESET_PASSWORD, Keeping, later


@click.group(invoke_without_command=True)
@password_stdin
@logout_devices
@which_session
@as_json
@click.pass_context
def password(
    context: click.Context, password_stdin: bool, logout_devices: bool, which: str | None, as_json: bool
) -> None:
    """The account's password. Without a further command it is changed."""
    if context.invoked_subcommand is None:
        _change(which, from_stdin=password_stdin, logout_devices=logout_devices, as_json=as_json)
    elif any(context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE for name in context.params):
        raise click.UsageError(f"Give the options after {context.invoked_subcommand}.")


@password.command()
@password_stdin
@logout_devices
@which_session
@as_json
def change(password_stdin: bool, logout_devices: bool, which: str | None, as_json: bool) -> None:
    """Change the password (on standard input: the old one, then the new one)."""
    _change(which, from_stdin=password_stdin, logout_devices=logout_devices, as_json=as_json)


def _change(which: str | None, *, from_stdin: bool, logout_devices: bool, as_json: bool) -> None:
    with kept_session(which) as session:
        old = ask_password(f"Password of {session.user_id}", from_stdin=from_stdin)
        new = ask_password("New password", from_stdin=from_stdin, twice=True)
        stages = Terminal(from_stdin).answers()
        session.change_password(new, password=old, logout_devices=logout_devices, stages=stages)
        if as_json:
            say_json({"user_id": session.user_id})
        else:
            say(f"The password of {session.user_id} has been changed")


@password.command()
@click.argument("server_or_user", required=False, metavar="[USER_ID]")
@homeserver
@click.option("--email", metavar="ADDRESS", help="The account's mail address; a link is sent there.")
@phone
@patience
@later
@logout_devices
@password_stdin
@as_json
def reset(
    server_or_user: str | None,
    homeserver: str | None,
    email: str | None,
    phone: tuple[str, str] | None,
    wait_s: int | None,
    later: Path | None,
    logout_devices: bool,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Set a new password for an account whose password is lost, by its mail address or phone number.

    USER_ID is only to find the server by; else give --homeserver. On standard input: the new password, then the code.
    """
    if (email is None) == (not phone):
        raise click.UsageError("Give either --email or --phone.")
    with client_for(server_or_user or "", homeserver) as client:
        keeping = Keeping(later, RESET_PASSWORD, client.base_url)
        terminal = Terminal(password_stdin, waits(wait_s, later), keeping.keep)
        new = ask_password("New password", from_stdin=password_stdin, twice=True)
        if phone:
            country, number = phone
            client.reset_password_by_phone(country, number, new, code=terminal.code, logout_devices=logout_devices)
            tell_reset({"phone": number}, as_json=as_json)
            return
        answers = terminal.answers()
        with keeping.until_done(as_json=as_json):
            client.reset_password_by_email(
                email or "", new, logout_devices=logout_devices,
                on_progress=answers.on_progress, waiting=answers.waiting,
            )  # fmt: skip
            tell_reset({"email": email or ""}, as_json=as_json)


def tell_reset(whose: dict[str, str], *, as_json: bool) -> None:
    """Say that the password has been changed. ``whose``: by which address or number."""
    if as_json:
        say_json(whose)
    else:
        say("The password has been changed")
