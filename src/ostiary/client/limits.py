"""How long a call may take, and a flow that is held to it. Must not know what any flow is about, nor any transport."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ostiary.client.errors import TimedOut
from ostiary.client.steps import Exchange, Flow, Sleep, Step, Ticks, Unlock

T = TypeVar("T")

MAX_EXCHANGE_MS: Final = 120_000
"""How long one answer may take that keeps trickling in, where nothing shorter is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait, in milliseconds.

    ``connect_ms``: for a connection. ``read_ms``: for the next part of an answer, and for a part of the request to be
    taken. ``total_ms``: for a whole call, with everything that is tried again and waited for; None: not bounded, but
    for each exchange by two minutes.
    """

    connect_ms: int = 10_000
    read_ms: int = 30_000
    total_ms: int | None = None

    def exchange_ms(self) -> int:
        """How long one request and its answer may take."""
        return MAX_EXCHANGE_MS if self.total_ms is None else self.total_ms

    def at_most(self, milliseconds: int) -> "Timeouts":
        """The same, where no more than this is left."""
        return Timeouts(
            connect_ms=min(self.connect_ms, milliseconds),
            read_ms=min(self.read_ms, milliseconds),
            total_ms=milliseconds,
        )


def within(flow: Flow[T], timeouts: Timeouts) -> Flow[T]:
    """A flow whose exchanges have these timeouts, and which is over once ``total_ms`` have passed.

    What it carries out whole, as a refresh, keeps its own limits: others may wait for that. Raises TimedOut, inside
    the flow, so that it can unlock.
    """
    started: int = yield Ticks()
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as end:
            value: T = end.value
            return value
        result = error = None
        try:
            limited = yield from _limited(step, timeouts, started)
            result = yield limited
        except BaseException as raised:  # noqa: BLE001 - thrown into the flow, as drivers do
            error = raised


def _limited(step: Step, timeouts: Timeouts, started: int) -> Flow[Step]:
    """The step as it may be made now. Raises TimedOut where no time is left for it."""
    if isinstance(step, Unlock) or not isinstance(step, (Exchange, Sleep)):
        return step
    left_ms = None
    if timeouts.total_ms is not None:
        left_ms = timeouts.total_ms - ((yield Ticks()) - started)
        needed_ms = step.milliseconds if isinstance(step, Sleep) else 0
        if left_ms <= needed_ms:
            raise TimedOut(f"the call did not succeed within {timeouts.total_ms} ms", sent=False)
    if isinstance(step, Sleep):
        return step
    return Exchange(step.base_url, step.request, timeouts if left_ms is None else timeouts.at_most(left_ms))
