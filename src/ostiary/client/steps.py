"""What a flow may ask of the world: send a request, wait, lock, save, tell the time. Values that do nothing.

A flow is a generator that yields steps and is sent their results; a driver carries them out, waiting or awaiting. So
all logic is written once and knows no I/O.
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ostiary.api.http import HttpRequest
from ostiary.client.record import SessionRecord

if TYPE_CHECKING:
    from ostiary.client.limits import Timeouts

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Send a request to a server. Result: the HttpResponse. Raises ConnectionFailed.

    ``timeouts``: those of this call; None: those that the transport was made with.
    """

    base_url: str
    request: HttpRequest
    timeouts: "Timeouts | None" = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so many milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Now:
    """Result: milliseconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Result: milliseconds since whenever, by a clock that nobody sets. For measuring how long things take."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """Result: a number from 0 to 1, by chance, that spreads the retries of many clients."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Result: a text that nobody can guess, of letters, digits and ``-_``."""


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until something has come from outside. Result: the future's. Raises TimeoutError."""

    future: "Future[Any]"
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Lock:
    """Wait until nobody else, in this process or another, changes this session; nobody can until Unlock."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class Unlock:
    """Let others change the locked session again."""


@dataclass(frozen=True, slots=True)
class Save:
    """Store a session, durably."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class Load:
    """Result: the session as it is stored now; None where it is not."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class Kept:
    """Result: all stored sessions, the one stored last at the end."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a session from the store."""

    record: SessionRecord


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask whoever uses the client. Result: what the function returns, or what that comes to when awaited."""

    function: Callable[[Any], Any]
    argument: Any


@dataclass(frozen=True, slots=True)
class Whole:
    """Carry out another flow, to its end even when whoever waits for it is cancelled. Result: what it returns."""

    flow: "Flow[Any]"


Step = (
    Exchange | Sleep | Now | Ticks | Jitter | Draw | Await | Lock | Unlock | Save | Load | Kept | Remove | Ask | Whole
)

Flow = Generator[Step, Any, T_co]
