"""What lists that come in pages are asked with: ``from``, ``limit`` and ``dir``, as in Matrix's pagination.

An answer's ``next_batch`` is the ``from`` of the page that follows; it is missing on the last.
"""

from typing import Annotated, Final

from msgspec import Meta as Limits

from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.identifiers import Identifier

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000

PageStart = Identifier
"""Where a page begins: the ``next_batch`` of the one before."""

PageLimit = Annotated[int, Limits(ge=1, le=MAX_LIMIT)]
"""How many entries a page has at most."""

Direction = Annotated[str, Limits(pattern=r"\A[fb]\Z")]
"""``f`` for forward, ``b`` for backward."""

BACKWARD: Final = "b"


def limit_of(limit: int | UnsetType) -> int:
    """How many entries are asked for."""
    return DEFAULT_LIMIT if limit is UNSET else limit
