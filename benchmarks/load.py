"""Sends requests over many connections at once, each waiting for its answer before its next. Knows no endpoint.

About 25 µs a request.
"""

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from benchmarks.connections import CONNECTIONS, Connection

T = TypeVar("T")


def _ignore(_number: int, _answer: bytes) -> None:
    pass


@dataclass(frozen=True)
class Work:
    """What is asked. ``ask``: from a connection's number to its next request, None where there is no more.

    ``hear``: is given the number and the answer, before that connection asks again. ``refusal``: a status, beside 200,
    that is borne; its answers are not heard.
    """

    ask: Callable[[int], bytes | None]
    hear: Callable[[int, bytes], None] = _ignore
    refusal: int = 200


@dataclass(frozen=True)
class Sent:
    """Requests that were answered. ``latencies``: of each, in milliseconds; ``seconds``: for all."""

    latencies: Sequence[float]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile(self, percent: int) -> float:
        """The latency in milliseconds that so many percent stay below."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]


class Refused(Exception):
    """A request was answered by something else than 200, or what is borne."""


class _Asking(Connection):
    """One connection, which asks until it has nothing to ask any more."""

    def __init__(self, number: int, work: Work, latencies: list[float]) -> None:
        super().__init__()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number = number
        self._work = work
        self._latencies = latencies
        self._sent_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._send_next()

    def heard(self, status: int, body: bytes) -> None:
        self._latencies.append((time.perf_counter_ns() - self._sent_at) / 1e6)
        if status == 200:
            self._work.hear(self._number, body)
        elif status != self._work.refusal:
            raise Refused(f"{status} {body.decode(errors='replace')}")
        self._send_next()

    def failed(self, error: BaseException) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)

    def _send_next(self) -> None:
        request = self._work.ask(self._number)
        if request is None:
            self.finished.set_result(None)
            self.close()
            return
        self._sent_at = time.perf_counter_ns()
        self.send(request)


async def send(address: str, work: Work, connections: int = CONNECTIONS) -> Sent:
    """Ask over all connections until nobody has anything to ask. Raises Refused, OSError."""
    latencies: list[float] = []
    made = [_Asking(number, work, latencies) for number in range(connections)]
    started = time.perf_counter()
    with ExitStack() as stack:
        for one in made:
            stack.callback((await one.open(address)).close)
        await asyncio.gather(*(one.finished for one in made))
    return Sent(latencies, time.perf_counter() - started)


def each(requests: Iterable[bytes], hear: Callable[[int, bytes], None] = _ignore, refusal: int = 200) -> Work:
    """Each of these once, by whichever connection is free."""
    left = iter(requests)
    return Work(lambda _: next(left, None), hear, refusal)


def limited(work: Work, count: int) -> Work:
    """No more than so many requests, over all connections."""
    left = itertools.repeat(None, count)

    def ask(number: int) -> bytes | None:
        return work.ask(number) if next(left, left) is None else None

    return replace(work, ask=ask)


async def answers(address: str, requests: Sequence[bytes], connections: int = CONNECTIONS) -> list[bytes]:
    """The answers to all these requests, in their order."""
    found = [b""] * len(requests)
    under_way: dict[int, int] = {}
    numbers = iter(range(len(requests)))

    def ask(connection: int) -> bytes | None:
        if (number := next(numbers, None)) is None:
            return None
        under_way[connection] = number
        return requests[number]

    def hear(connection: int, answer: bytes) -> None:
        found[under_way[connection]] = answer

    await send(address, Work(ask, hear), min(connections, len(requests)))
    return found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end, on the quickest event loop that there is."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
