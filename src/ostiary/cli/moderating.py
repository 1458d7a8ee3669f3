"""``ostiary moderate``: what a server's administrator does to others' accounts, by the calls that Matrix has for it."""

from __future__ import annotations

import click

from ostiary.cli.keeping import kept_session, which_session
from ostiary.cli.options import as_json
from ostiary.cli.output import say, say_json


@click.group()
def moderate() -> None:
    """Others' accounts, for administrators of their server."""


@moderate.command()
@click.argument("user_id")
@which_session
@as_json
def show(user_id: str, which: str | None, as_json: bool) -> None:
    """Say whether USER_ID is locked or suspended."""
    with kept_session(which) as session:
        state = {"locked": session.is_locked(user_id), "suspended": session.is_suspended(user_id)}
        if as_json:
            say_json({"user_id": user_id, **state})
        else:
            say(f"{user_id} is {' and '.join(name for name, holds in state.items() if holds) or 'free'}")


@moderate.command()
@click.argument("user_id")
@which_session
@as_json
def lock(user_id: str, which: str | None, as_json: bool) -> None:
    """Keep USER_ID out. Sessions stay, and go on once the account is unlocked."""
    _set_locked(user_id, True, which, as_json=as_json)


@moderate.command()
@click.argument("user_id")
@which_session
@as_json
def unlock(user_id: str, which: str | None, as_json: bool) -> None:
    """Let USER_ID in again."""
    _set_locked(user_id, False, which, as_json=as_json)


@moderate.command()
@click.argument("user_id")
@which_session
@as_json
def suspend(user_id: str, which: str | None, as_json: bool) -> None:
    """Let USER_ID read, but do nothing."""
    _set_suspended(user_id, True, which, as_json=as_json)


@moderate.command()
@click.argument("user_id")
@which_session
@as_json
def unsuspend(user_id: str, which: str | None, as_json: bool) -> None:
    """Let USER_ID do things again."""
    _set_suspended(user_id, False, which, as_json=as_json)


def _set_locked(user_id: str, locked: bool, which: str | None, *, as_json: bool) -> None:
    with kept_session(which) as session:
        session.set_locked(user_id, locked)
        if as_json:
            say_json({"user_id": user_id, "locked": locked})
        else:
            say(f"{'Locked' if locked else 'Unlocked'} {user_id}")


def _set_suspended(user_id: str, suspended: bool, which: str | None, *, as_json: bool) -> None:
    with kept_session(which) as session:
        session.set_suspended(user_id, suspended)
        if as_json:
            say_json({"user_id": user_id, "suspended": suspended})
        else:
            say(f"{'Suspended' if suspended else 'No longer suspended:'} {user_id}")
