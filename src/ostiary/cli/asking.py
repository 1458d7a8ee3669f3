"""``ostiary about``: what a server says of itself to those who have no account there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.cli.keeping import client_at, client_for
from ostiary.cli.logins import homeserver
from ostiary.cli.options import as_json
from ostiary.cli.output import say, say_json

if TYPE_CHECKING:
    from ostiary.client import Client


@click.command()
@click.argument("server", required=False, metavar="[SERVER_NAME]")
@homeserver
@click.option("--name", metavar="NAME", help="Whether this user name is free.")
@click.option("--registration-token", metavar="TOKEN", help="Whether one could register with this token.")
@as_json
def about(
    server: str | None, homeserver: str | None, name: str | None, registration_token: str | None, as_json: bool
) -> None:
    """Show where a server is, what it speaks, how one logs in, and whom to turn to.

    SERVER_NAME is a domain or a user ID; or give --homeserver.
    """
    opened = (
        client_at(server, homeserver) if server and not server.startswith("@") else client_for(server or "", homeserver)
    )
    with opened as client:
        told = _told(client)
        if name is not None:
            told["is_available"] = client.is_available(name)
        if registration_token is not None:
            told["is_token_valid"] = client.is_registration_token_valid(registration_token)
        if as_json:
            say_json(told)
        else:
            for line in _lines(told, name):
                say(line)


def _told(client: Client) -> dict[str, Any]:
    return {
        "homeserver": client.base_url,
        "versions": list(client.versions()),
        "login": [
            {
                "type": flow.type,
                "identity_providers": [{"id": one.id, "name": one.name} for one in flow.identity_providers or ()],
            }
            for flow in client.login_flows()
        ],
        "support": _support(client),
    }


def _support(client: Client) -> list[str]:
    """Whom to turn to, as addresses; nobody where the server does not say."""
    try:
        told = client.support()
    except (MatrixError, NotMatrix):
        return []
    contacts = [one.email_address or one.matrix_id or "" for one in told.contacts or ()]
    return [text for text in (*contacts, told.support_page or "") if text]


def _lines(told: dict[str, Any], name: str | None) -> list[str]:
    ways = [
        one["type"] + "".join(f" ({each['id']}: {each['name']})" for each in one["identity_providers"])
        for one in told["login"]
    ]
    lines = [
        f"server: {told['homeserver']}",
        f"speaks: {', '.join(told['versions'])}",
        f"log in by: {', '.join(ways) or 'nothing'}",
        f"turn to: {', '.join(told['support']) or 'it does not say'}",
    ]
    if "is_available" in told:
        lines.append(f"{name} is {'free' if told['is_available'] else 'taken'}")
    if "is_token_valid" in told:
        lines.append(f"the token is {'good' if told['is_token_valid'] else 'good no longer, or never was'}")
    return lines
