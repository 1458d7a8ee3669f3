"""``ostiary threepids``: the mail addresses and phone numbers of the account whose session is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ostiary.cli.answering import Terminal, patience, waits
from ostiary.cli.keeping import kept_session, which_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import say, say_json, say_table, tell, when
from ostiary.cli.prompting import ask_password
from ostiary.cli.unfinished import ADD_EMAIL, Keeping, later

if TYPE_CHECKING:
    from ostiary.client import Validation

id_server = click.option("--id-server", metavar="HOST", help="Where it is bound, if the server does not know.")


@click.group()
def threepids() -> None:
    """The mail addresses and phone numbers of the account."""


@threepids.command(name="list")
@which_session
@as_json
def list_threepids(which: str | None, as_json: bool) -> None:
    """List the addresses of the account."""
    with kept_session(which) as session:
        found = session.third_party_ids()
        if as_json:
            say_json(
                [
                    {
                        "medium": one.medium,
                        "address": one.address,
                        "validated_at": one.validated_at,
                        "added_at": one.added_at,
                    }
                    for one in found
                ]
            )
            return
        rows = [(one.medium, one.address, when(one.added_at)) for one in found]
        say_table(("medium", "address", "added (UTC)"), rows, empty="There are no addresses.")


@threepids.command(name="add-email")
@click.argument("address")
@patience
@later
@password_stdin
@which_session
@as_json
def add_email(
    address: str, wait_s: int | None, later: Path | None, password_stdin: bool, which: str | None, as_json: bool
) -> None:
    """Add the mail address ADDRESS, once the link in a mail to it has been followed."""
    with kept_session(which) as session:
        keeping = Keeping(later, ADD_EMAIL, session.record.homeserver, session.record.key)
        secret = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        answers = Terminal(password_stdin, waits(wait_s, later)).answers()

        def on_sent(validation: Validation) -> None:
            keeping.keep(validation)
            tell(f"A mail to {address} is on its way. Waiting for the link in it to be followed…")

        with keeping.until_done(as_json=as_json):
            session.add_email(address, password=secret, stages=answers, waiting=answers.waiting, on_sent=on_sent)
            tell_added("email", address, as_json=as_json)


@threepids.command(name="add-phone")
@click.argument("country")
@click.argument("number")
@patience
@password_stdin
@which_session
@as_json
def add_phone(
    country: str, number: str, wait_s: int | None, password_stdin: bool, which: str | None, as_json: bool
) -> None:
    """Add the phone number NUMBER, as it is dialed in COUNTRY (two letters), by a code that is sent to it.

    On standard input: the password, then the code.
    """
    terminal = Terminal(password_stdin, waits(wait_s))
    with kept_session(which) as session:
        secret = ask_password(f"Password of {session.user_id}", from_stdin=password_stdin)
        answers = terminal.answers()
        session.add_phone(country, number, code=terminal.code, password=secret, stages=answers, waiting=answers.waiting)
        tell_added("msisdn", number, as_json=as_json)


@threepids.command()
@click.argument("sid")
@click.option("--id-server", metavar="HOST", required=True, help="Where the address has been validated.")
@password_stdin
@which_session
@as_json
def bind(sid: str, id_server: str, password_stdin: bool, which: str | None, as_json: bool) -> None:
    """Have an identity server tell others whose address it is, by the validation SID that it has.

    On standard input: the client secret of the validation, then the token for the identity server.
    """
    with kept_session(which) as session:
        client_secret = ask_password("Client secret", from_stdin=password_stdin)
        token = ask_password(f"Token for {id_server}", from_stdin=password_stdin)
        session.bind_third_party_id(sid, client_secret, id_server=id_server, id_access_token=token)
        if as_json:
            say_json({"sid": sid, "id_server": id_server})
        else:
            say(f"Bound at {id_server}")


@threepids.command()
@click.argument("medium", type=click.Choice(["email", "msisdn"]))
@click.argument("address")
@id_server
@which_session
@as_json
def unbind(medium: str, address: str, id_server: str | None, which: str | None, as_json: bool) -> None:
    """Have an identity server forget whose ADDRESS is; the account keeps it."""
    with kept_session(which) as session:
        unbound = session.unbind_third_party_id(medium, address, id_server=id_server)
        told = f"Unbound {address}" if unbound else f"The server cannot unbind {address}"
        _tell(told, medium, address, as_json=as_json, is_unbound=unbound)


@threepids.command()
@click.argument("medium", type=click.Choice(["email", "msisdn"]))
@click.argument("address")
@id_server
@which_session
@as_json
def remove(medium: str, address: str, id_server: str | None, which: str | None, as_json: bool) -> None:
    """Remove ADDRESS from the account, as `threepids list` shows it."""
    with kept_session(which) as session:
        unbound = session.remove_third_party_id(medium, address, id_server=id_server)
        _tell(f"Removed {address}", medium, address, as_json=as_json, is_unbound=unbound)


def tell_added(medium: str, address: str, *, as_json: bool) -> None:
    """Say that an address has been added."""
    _tell(f"Added {address}", medium, address, as_json=as_json)


def _tell(text: str, medium: str, address: str, *, as_json: bool, **more: bool) -> None:
    """Say what has become of an address. ``more``: what JSON says of it besides."""
    if as_json:
        say_json({"medium": medium, "address": address, **more})
    else:
        say(text)
