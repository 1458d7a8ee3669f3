"""What commands print: plain lines, tables, JSON; and errors, in one line, with the exit code that scripts go by.

Names, and the texts of errors, are other people's: nothing of them reaches the terminal but what can be seen.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from ostiary.api.visible import visible

FAILED = 1
MISUSED = 2


def say(text: str) -> None:
    """Print a line."""
    print(visible(text))


def say_lines(text: str) -> None:
    """Print lines of our own making."""
    for line in text.split("\n"):
        say(line)


def say_json(value: Any) -> None:
    """Print a value as JSON, indented for people."""
    say_lines(json.dumps(value, indent=2, ensure_ascii=False))


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print a table; ``empty`` where there are no rows."""
    if not rows:
        say(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))  # as text: a name is not markup
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def tell(text: str) -> None:
    """Say what goes on, beside the result: on standard error."""
    sys.stderr.write(f"{visible(text)}\n")
    sys.stderr.flush()


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print an error in one line and end."""
    tell(f"ostiary: {' '.join(message.split())}")
    raise click.exceptions.Exit(code)


def fail_lines(messages: Sequence[str], code: int = MISUSED) -> NoReturn:
    """Print several errors, a line each, and end."""
    for message in messages:
        tell(f"ostiary: {message}")
    raise click.exceptions.Exit(code)


@contextmanager
def told_in_one_line(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into a line and an exit code."""
    try:
        yield
    except kinds as error:
        fail(getattr(error, "message", "") or str(error))


def when(milliseconds: int | None) -> str:
    """An instant for people, in UTC; nothing for None."""
    if milliseconds is None:
        return ""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
