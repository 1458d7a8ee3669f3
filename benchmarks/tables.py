"""Tables in Markdown, for the pages that are written from figures."""

from collections.abc import Iterable, Sequence

ENGINE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
"""As people know them."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column is of words, all others are of figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
