"""Between the domain's pages and the contract's."""

from typing import Any

from ostiary.accounts.paging import Page
from ostiary.api.endpoint import UNSET, UnsetType


def start_of(start: str | UnsetType) -> str | None:
    """Where the page begins that is asked for; None at the start of the list."""
    return None if start is UNSET else start


def next_batch(page: Page[Any]) -> str | UnsetType:
    """Where the page that follows begins."""
    return UNSET if page.next is None else page.next
