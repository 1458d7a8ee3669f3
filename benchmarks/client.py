"""Run the client's benchmark: ``python -m benchmarks.client``. Knows the client and a tiny server, no other parts.

What one call (``whoami``) of ``ostiary.client`` costs over the same request by the bare HTTP library, ``get`` and
``json`` of httpx2, on one connection that is kept alive. The server is another process and answers at once. Prints
CPU µs per call of this process, the median of rounds in which both take turns, and what the client adds in percent.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import httpx2

from ostiary.api.secret import Secret
from ostiary.client import AsyncClient, Client, SessionRecord

TARGET = 15.0
"""What a call may cost more than the bare library's, in percent."""

WARM_UP = 200
"""Calls before counting begins."""

PATH = "/_matrix/client/v3/account/whoami"
USER, DEVICE, TOKEN = "@alice:example.org", "LAPTOP", "syt_a_token_of_the_usual_length_1a2b3c"
BODY = b'{"user_id":"@alice:example.org","device_id":"LAPTOP","is_guest":false}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

Figures = list[tuple[float, float]]
"""Of each round: CPU µs per call of the bare library, and of the client."""


class Answering(asyncio.Protocol):
    """A connection to the tiny server: the same answer to each request without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        *whole, self._received = (self._received + data).split(b"\r\n\r\n")
        if whole:
            self._transport.write(ANSWER * len(whole))


async def serve() -> None:
    """Serve on a port that the system chooses, which is printed, until killed."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served() -> Iterator[str]:
    """The URL of a tiny server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.client", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def record(url: str) -> SessionRecord:
    return SessionRecord(url, USER, DEVICE, Secret(TOKEN))


def cost(call: Callable[[], Any], calls: int) -> float:
    """CPU µs per call."""
    begun = time.process_time_ns()
    for _ in range(calls):
        call()
    return (time.process_time_ns() - begun) / 1000 / calls


async def async_cost(call: Callable[[], Awaitable[Any]], calls: int) -> float:
    begun = time.process_time_ns()
    for _ in range(calls):
        await call()
    return (time.process_time_ns() - begun) / 1000 / calls


def measured(url: str, rounds: int, calls: int) -> Figures:
    """Both, waiting."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client() as bare, Client(url) as client:
        session = client.restore(record(url))

        def plain() -> Any:
            return bare.get(url + PATH, headers=headers).json()

        assert plain()["user_id"] == session.whoami().user_id == USER
        for call in (plain, session.whoami):
            cost(call, WARM_UP)
        return [(cost(plain, calls), cost(session.whoami, calls)) for _ in range(rounds)]


async def async_measured(url: str, rounds: int, calls: int) -> Figures:
    """Both, awaiting."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient() as bare, AsyncClient(url) as client:
        session = client.restore(record(url))

        async def plain() -> Any:
            return (await bare.get(url + PATH, headers=headers)).json()

        assert (await plain())["user_id"] == (await session.whoami()).user_id == USER
        for call in (plain, session.whoami):
            await async_cost(call, WARM_UP)
        return [(await async_cost(plain, calls), await async_cost(session.whoami, calls)) for _ in range(rounds)]


def shown(face: str, figures: Figures) -> float:
    """Print a row, and return what the client adds, in percent of the medians that stand in it."""
    bare, ours = (statistics.median(column) for column in zip(*figures, strict=True))
    added: float = ours * 100 / bare - 100
    print(f"{face:12} {bare:12.0f} {ours:12.0f} {added:+11.1f} % {TARGET:9.0f} %", "" if added <= TARGET else "MISSED")
    return added


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calls", type=int, default=100, help="in each round, of each of the two")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(serve())
        return 0
    print(f"{'whoami':12} {'httpx2, µs':>12} {'ostiary, µs':>12} {'added':>13} {'at most':>11}")
    with served() as url:
        added = [
            shown("synchronous", measured(url, options.rounds, options.calls)),
            shown("asynchronous", asyncio.run(async_measured(url, options.rounds, options.calls))),
        ]
    return 0 if max(added) <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
