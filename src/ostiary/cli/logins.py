"""``ostiary login`` by every way there is, and ``ostiary import-token``: how sessions come to be kept.

Passwords and tokens are asked for or read from standard input, never taken from the arguments, which others can see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from ostiary.cli.keeping import choose, client_for
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import say, say_json, tell
from ostiary.cli.prompting import ask_password

if TYPE_CHECKING:
    from ostiary.client import Client, Session

Way = Literal["password", "token", "jwt", "browser"]

homeserver = click.option("--homeserver", metavar="URL", help="The server's URL; else it is found by the user ID.")
device_name = click.option("--device-name", metavar="NAME", help="What to call this device.")
device_id = click.option("--device-id", metavar="ID", help="Which device this is; else the server makes up an ID.")
phone = click.option(
    "--phone", nargs=2, metavar="COUNTRY NUMBER", help="A phone number, and the two letters of where it is dialed so."
)


@click.command()
@click.argument("user", required=False)
@homeserver
@phone
@click.option("--token", "way", flag_value="token", help="Log in with a token that another session made.")
@click.option("--jwt", "way", flag_value="jwt", help="Log in with a JSON web token.")
@click.option("--browser", "way", flag_value="browser", help="Log in with the browser of this machine.")
@click.option("--print-url", is_flag=True, help="With --browser: print the page's address instead of opening it.")
@click.option("--identity-provider", metavar="ID", help="With --browser: with which of the server's providers.")
@device_id
@device_name
@password_stdin
@as_json
def login(user: str | None, homeserver: str | None, as_json: bool, **options: Any) -> None:
    """Log in, and keep the session for the other commands.

    USER is a user ID (@name:server); or, together with --homeserver, a name or a mail address. A token is read where
    a password would be.
    """
    way: Way = options.pop("way") or "password"
    if way == "password" and not user and not options["phone"]:
        raise click.UsageError("Say who logs in: USER or --phone.")
    if user and options["phone"]:
        raise click.UsageError("Say who logs in: either USER or --phone.")
    with client_for(user or "", homeserver) as client:
        tell_session(_opened(client, way, user, options), "Logged in as", as_json=as_json)


def _opened(client: Client, way: Way, user: str | None, options: dict[str, Any]) -> Session:
    device = {name: options[name] for name in ("device_id", "device_name")}
    from_stdin = options["password_stdin"]
    match way:
        case "browser":
            opener = _show if options["print_url"] else None
            return client.login_by_browser(
                open_browser=opener, identity_provider=options["identity_provider"], **device
            )
        case "token":
            return client.login_with_token(ask_password("Login token", from_stdin=from_stdin), **device)
        case "jwt":
            return client.login_with_jwt(ask_password("JSON web token", from_stdin=from_stdin), **device)
        case "password":
            from ostiary.api.users import ByPhone

            who = ByPhone(*options["phone"]) if options["phone"] else user or ""
            told = options["phone"][1] if options["phone"] else user
            return client.login(who, ask_password(f"Password of {told}", from_stdin=from_stdin), **device)


def _show(url: str) -> None:
    tell(f"Log in on this page, in a browser on this machine: {url}")


@click.command(name="import-token")
@click.argument("user", required=False)
@homeserver
@click.option("--device-id", metavar="ID", help="The token's device, for servers that do not tell.")
@password_stdin
@as_json
def import_token(
    user: str | None, homeserver: str | None, device_id: str | None, password_stdin: bool, as_json: bool
) -> None:
    """Keep a session that was opened elsewhere, by its access token.

    USER is whose it is, to find the server by; else give --homeserver.
    """
    with client_for(user or "", homeserver) as client:
        token = ask_password("Access token", from_stdin=password_stdin)
        tell_session(client.import_token(token, device_id=device_id), "Going on as", as_json=as_json)


def tell_session(session: Session, done: str, *, as_json: bool) -> None:
    """Make the session that has been opened the current one, and say which it is."""
    choose(session.record)
    if as_json:
        say_json({"user_id": session.user_id, "device_id": session.device_id, "homeserver": session.record.homeserver})
    else:
        say(f"{done} {session.user_id} on device {session.device_id}")
