"""``ostiary profile``: what others see of the account whose session is kept, and what it sees of others."""

from __future__ import annotations

import json

import click

from ostiary.cli.keeping import kept_session, which_session
from ostiary.cli.options import as_json
from ostiary.cli.output import fail, say, say_json, say_table


@click.group()
def profile() -> None:
    """What others see of the account."""


@profile.command()
@click.argument("user_id", required=False)
@click.option("--field", metavar="NAME", help="Only this field.")
@which_session
@as_json
def show(user_id: str | None, field: str | None, which: str | None, as_json: bool) -> None:
    """Show the profile of the account, or of USER_ID."""
    with kept_session(which) as session:
        if field is None:
            fields = dict(session.profile(user_id).fields)
        else:
            fields = {field: session.profile_field(field, user_id)}
        if as_json:
            say_json(fields)
        elif field is None:
            rows = [(name, _plain(value)) for name, value in sorted(fields.items())]
            say_table(("field", "value"), rows, empty="The profile is empty.")
        else:
            say(_plain(fields[field]))


@profile.command(name="set")
@click.argument("field")
@click.argument("value")
@click.option("--parse", is_flag=True, help="VALUE is JSON; else it is a text.")
@which_session
@as_json
def set_field(field: str, value: str, parse: bool, which: str | None, as_json: bool) -> None:
    """Set FIELD to VALUE: `displayname`, `avatar_url` (an mxc URI), `m.tz` (a time zone), or one of your own."""
    try:
        content = json.loads(value) if parse else value
    except ValueError as error:
        fail(f"the value is no JSON: {error}")
    with kept_session(which) as session:
        session.set_profile_field(field, content)
        if as_json:
            say_json({field: content})
        else:
            say(f"Set {field}")


@profile.command()
@click.argument("field")
@which_session
@as_json
def delete(field: str, which: str | None, as_json: bool) -> None:
    """Remove FIELD from the profile."""
    with kept_session(which) as session:
        session.delete_profile_field(field)
        if as_json:
            say_json({"deleted": field})
        else:
            say(f"Deleted {field}")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
