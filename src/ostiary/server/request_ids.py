"""The ID of each request: told to its sender where it failed, and on every line that is logged while it is handled.

An ID is made when somebody first asks for it, so that a request of which nothing is told or logged costs nothing. A
proxy that the configuration trusts may give its own, which then runs through its log and this one alike.
"""

import itertools
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from ostiary.accounts.ports import Entropy
from ostiary.server.addresses import ClientAddresses

HEADER: Final = b"x-request-id"
PREFIX_BYTES: Final = 4
"""Of a process's own, so that two processes, or one before and after a restart, give no ID twice."""

_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Gives IDs out. ``addresses``: whom to believe."""

    def __init__(self, entropy: Entropy, addresses: ClientAddresses) -> None:
        self._prefix = entropy.token_bytes(PREFIX_BYTES).hex()
        self._numbers = itertools.count(1)
        self._addresses = addresses

    def make(self, scope: Mapping[str, Any]) -> str:
        """The ID that a trusted proxy gave, or a new one."""
        for name, value in scope["headers"]:
            if name == HEADER and _WELL_FORMED.fullmatch(value) and self._addresses.trusts(scope["client"]):
                given: str = value.decode("ascii")
                return given
        return f"{self._prefix}-{next(self._numbers)}"


class Handled:
    """A request that is being handled. ``request_id``: the same whenever it is asked for."""

    __slots__ = ("_ids", "_request_id", "_scope")

    def __init__(self, ids: RequestIds, scope: Mapping[str, Any]) -> None:
        self._ids = ids
        self._scope = scope
        self._request_id: str | None = None

    @property
    def request_id(self) -> str:
        """Its ID."""
        if self._request_id is None:
            self._request_id = self._ids.make(self._scope)
        return self._request_id


CURRENT: Final[ContextVar[Handled | None]] = ContextVar("ostiary_request", default=None)
"""The request that this task is about. Set by ``app`` alone."""


def current_request_id() -> str | None:
    """The ID of the request that is being handled; None between requests."""
    handled = CURRENT.get()
    return None if handled is None else handled.request_id
