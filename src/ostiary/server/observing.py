"""What is noted of each request once it is answered, and the access log, one of those who note it.

Must not know who sent a request: no address, user, device, header, query, nor anything that stood in a path's fields.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ostiary.server.logs import Log

NO_ENDPOINT: Final = "none"
"""The endpoint's name where the path leads nowhere."""

NO_PATH: Final = "-"
"""The path where it leads nowhere: what a stranger asks for may be anything."""

NS_PER_MS: Final = 1_000_000


@dataclass(slots=True, kw_only=True)  # not frozen: making one costs half as much
class Observed:
    """A request that was answered. ``path``: its pattern, ``{field}`` where a field stands."""

    method: str
    endpoint: str
    path: str
    status: int
    errcode: str | None
    duration_ns: int


Observer = Callable[[Observed], None]


class AccessLog:
    """A line for each request."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, one: Observed) -> None:
        """Log it. The request's ID is on the line as on every other."""
        self._log.info(
            "request", method=one.method, path=one.path, status=one.status, ms=round(one.duration_ns / NS_PER_MS, 1)
        )
