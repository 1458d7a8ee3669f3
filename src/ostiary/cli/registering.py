"""``ostiary register``: an account, through whatever the server asks for before it makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ostiary.cli.answering import Terminal, patience
from ostiary.cli.keeping import client_for
from ostiary.cli.logins import device_id, device_name, homeserver, phone, tell_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.api.secret import Secret
    from ostiary.client import Client, Session


@click.command()
@click.argument("user", required=False)
@homeserver
@click.option("--guest", is_flag=True, help="Make a guest's account, without a name or password.")
@click.option("--registration-token", metavar="TOKEN", help="The token by which the server lets people in.")
@click.option("--email", metavar="ADDRESS", help="A mail address; a link that is sent there is to be followed.")
@phone
@click.option("--accept-terms", is_flag=True, help="Agree to the server's policies without being asked.")
@patience
@device_id
@device_name
@password_stdin
@as_json
def register(user: str | None, homeserver: str | None, guest: bool, as_json: bool, **options: Any) -> None:
    """Make an account, log in to it, and keep the session.

    USER is the wished-for user ID or name; the server makes one up without it. What the server asks for besides, and
    no option says, is asked on the terminal, or done on a page whose address is printed.
    """
    if guest and user:
        raise click.UsageError("A guest has no name: leave USER out.")
    with client_for(user or "", homeserver) as client:
        if guest:
            tell_session(client.register_guest(device_name=options["device_name"]), "Made", as_json=as_json)
            return
        password = ask_password("New password", from_stdin=options["password_stdin"], twice=True)
        name = user[1:].partition(":")[0] if user and user.startswith("@") else user
        tell_session(_registered(client, name, password, options), "Made", as_json=as_json)


def _registered(client: Client, name: str | None, password: Secret, options: dict[str, Any]) -> Session:
    """Register, asking for what is missing when the server says that it is."""
    from ostiary.client import InteractiveAuthUnsupported, Phone

    terminal = Terminal(options["password_stdin"], options["wait_s"])
    answers = terminal.registering(
        accept_terms=options["accept_terms"],
        registration_token=options["registration_token"],
        email=options["email"],
        phone=Phone(country=options["phone"][0], number=options["phone"][1]) if options["phone"] else None,
    )
    device = {key: options[key] for key in ("device_id", "device_name")}
    dialogue = None
    while True:
        try:
            if dialogue is None:
                return client.register(name, password, stages=answers, **device)
            return client.go_on_registering(dialogue, stages=answers)
        except InteractiveAuthUnsupported as error:
            answers = terminal.wanted(error, answers)
            dialogue = error.dialogue
