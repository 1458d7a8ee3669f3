"""Lists that come in pages: some of the things, and where the next page begins.

A store is asked for one more than a page holds, which tells whether another follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ostiary.api.errors import InvalidParam

T = TypeVar("T")

_GREATEST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some things of a list. ``next``: what to ask for the following page with; None on the last."""

    items: Sequence[T]
    next: str | None


def page_of(found: Sequence[T], limit: int, name: Callable[[T], str]) -> Page[T]:
    """The first ``limit`` (1 or more) of what was found; ``name`` tells where the page after a thing begins."""
    items = found[:limit]
    return Page(items, name(items[-1]) if len(found) > limit else None)


def parse_place(start: str | None) -> int | None:
    """Where a page of numbered things begins. Raises InvalidParam."""
    return None if start is None else parse_number(start, "from")


def parse_number(text: str, field: str) -> int:
    """The number of a thing. Raises InvalidParam, which names the field."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_GREATEST)) or int(text) > _GREATEST:
        raise InvalidParam(f"'{field}' must be a number", field=field)
    return int(text)
