"""``ostiary register`` and ``upgrade``: an account, through whatever the server asks for before it makes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ostiary.cli.answering import Terminal, patience, waits
from ostiary.cli.keeping import client_for, kept_session, which_session
from ostiary.cli.logins import device_id, device_name, homeserver, phone, tell_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import fail
from ostiary.cli.prompting import ask_password
from ostiary.cli.unfinished import REGISTER, UPGRADE, Keeping, later

if TYPE_CHECKING:
    from ostiary.client import Answers, Dialogue, Validation

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_TOKEN = click.option("--registration-token", metavar="TOKEN", help="The token by which the server lets people in.")
_EMAIL = click.option("--email", metavar="ADDRESS", help="A mail address; a link that is sent there is to be followed.")
_TERMS = click.option("--accept-terms", is_flag=True, help="Agree to the server's policies without being asked.")


def what_servers_ask(command: F) -> F:
    """The options that answer what a server asks for before it makes an account."""
    return _TOKEN(_EMAIL(phone(_TERMS(patience(command)))))


@click.command()
@click.argument("user", required=False)
@homeserver
@click.option("--guest", is_flag=True, help="Make a guest's account, without a name or password.")
@what_servers_ask
@later
@device_id
@device_name
@password_stdin
@as_json
def register(
    user: str | None, homeserver: str | None, guest: bool, later: Path | None, as_json: bool, **options: Any
) -> None:
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
        keeping = Keeping(later, REGISTER, client.base_url)
        password = ask_password("New password", from_stdin=options["password_stdin"], twice=True)
        name = user[1:].partition(":")[0] if user and user.startswith("@") else user
        device = {key: options[key] for key in ("device_id", "device_name")}
        with keeping.until_done(as_json=as_json):
            session = begun(
                Terminal(options["password_stdin"], waits(options["wait_s"], later), keeping.keep),
                options,
                lambda answers: client.register(name, password, stages=answers, **device),
                lambda dialogue, answers: client.go_on_registering(dialogue, stages=answers),
            )
            tell_session(session, "Made", as_json=as_json)


@click.command()
@what_servers_ask
@later
@device_name
@password_stdin
@which_session
@as_json
def upgrade(which: str | None, device_name: str | None, later: Path | None, as_json: bool, **options: Any) -> None:
    """Make a user of the guest whose session is kept. The account stays, and gets a password.

    What the server asks for besides, and no option says, is asked as `register` does.
    """
    with kept_session(which) as guest:
        keeping = Keeping(later, UPGRADE, guest.record.homeserver, guest.record.key)
        if guest.whoami().is_guest is not True:
            fail(f"{guest.user_id} is no guest")
        password = ask_password("New password", from_stdin=options["password_stdin"], twice=True)
        with keeping.until_done(as_json=as_json):
            session = begun(
                Terminal(options["password_stdin"], waits(options["wait_s"], later), keeping.keep),
                options,
                lambda answers: guest.upgrade_guest(password, device_name=device_name, stages=answers),
                lambda dialogue, answers: guest.go_on_upgrading(dialogue, stages=answers),
            )
            tell_session(session, "Made a user of", as_json=as_json)


GoOn = Callable[["Dialogue[Any]", "Answers"], T]


def begun(terminal: Terminal, options: dict[str, Any], begin: Callable[[Answers], T], go_on: GoOn[T]) -> T:
    """Make an account, asking for what is missing when the server says that it is.

    ``options``: those of ``what_servers_ask``.
    """
    from ostiary.client import InteractiveAuthUnsupported

    answers = answers_by(terminal, options)
    while True:
        try:
            return begin(answers)
        except InteractiveAuthUnsupported as error:
            answers = terminal.wanted(error, answers)
            if error.dialogue is not None:
                return held(terminal, answers, error.dialogue, go_on)


def held(terminal: Terminal, answers: Answers, dialogue: Dialogue[Any], go_on: GoOn[T]) -> T:
    """Go on with what was begun, asking in the same way."""
    from ostiary.client import InteractiveAuthUnsupported

    while True:
        try:
            return go_on(dialogue, answers)
        except InteractiveAuthUnsupported as error:
            answers, dialogue = terminal.wanted(error, answers), error.dialogue or dialogue


def with_addresses(answers: Answers, validations: Iterable[Validation]) -> Answers:
    """The answers, with the addresses and numbers of these validations where none were given."""
    from ostiary.client import Phone

    for one in validations:
        if one.country is None:
            answers = replace(answers, email=answers.email or one.address)
        else:
            answers = replace(answers, phone=answers.phone or Phone(country=one.country, number=one.address))
    return answers


def answers_by(terminal: Terminal, options: dict[str, Any]) -> Answers:
    """What the options of ``what_servers_ask`` answer."""
    from ostiary.client import Phone

    return terminal.registering(
        accept_terms=options["accept_terms"],
        registration_token=options["registration_token"],
        email=options["email"],
        phone=Phone(country=options["phone"][0], number=options["phone"][1]) if options["phone"] else None,
    )
