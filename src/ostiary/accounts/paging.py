"""Lists that come in pages: some of the things, and where the next page begins.

A store is asked for one more than a page holds, which tells whether another follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some things of a list. ``next``: what to ask for the following page with; None on the last."""

    items: Sequence[T]
    next: str | None


def page_of(found: Sequence[T], limit: int, name: Callable[[T], str]) -> Page[T]:
    """The first ``limit`` (1 or more) of what was found; ``name`` tells where the page after a thing begins."""
    items = found[:limit]
    return Page(items, name(items[-1]) if len(found) > limit else None)
