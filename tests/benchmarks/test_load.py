"""What sends the requests: over connections that are kept, in pieces as they come, refusals told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from benchmarks.connections import CONNECTIONS
from benchmarks.load import Refused, answers, each, limited, send
from benchmarks.pace import Pace

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The address of a server, until the context ends and every connection to it with it."""
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await handler(reader, writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*(one.wait_closed() for one in connections), return_exceptions=True)


def answering(*pieces: bytes) -> AbstractAsyncContextManager[str]:
    """A server that answers each request with these pieces, and with the path that was asked for in them."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(1_000):
            for piece in pieces:
                writer.write(piece.replace(b"PATH", request.split(b" ")[1]))
                await writer.drain()
                await asyncio.sleep(0)

    return serving(answer)


def saying(said: bytes) -> AbstractAsyncContextManager[str]:
    """A server that says this once, whatever it is asked, and hangs up."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(said)

    return serving(say)


def asked(count: int) -> list[bytes]:
    return [b"GET /%03d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number for number in range(count)]


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPATH"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"


async def test_answers_are_in_the_order_of_their_requests() -> None:
    async with answering(WHOLE) as address:
        assert await answers(address, asked(100), 7) == [b"/%03d" % number for number in range(100)]


async def test_an_answer_may_come_in_pieces() -> None:
    async with answering(WHOLE[:9], WHOLE[9:30], WHOLE[30:38], WHOLE[38:]) as address:
        assert await answers(address, asked(5), 2) == [b"/%03d" % number for number in range(5)]


async def test_each_is_sent_once_and_timed() -> None:
    heard: list[bytes] = []
    async with answering(WHOLE) as address:
        work = each(asked(50), lambda _, answer: heard.append(answer))
        assert len((await send(address, limited(work, 20), 3)).latencies) == 20
        sent = await send(address, work, 3)
    assert len(sent.latencies) == 30
    assert sorted(heard) == [b"/%03d" % number for number in range(50)]


async def test_what_is_refused_is_told_or_borne() -> None:
    heard: list[bytes] = []
    async with answering(REFUSED) as address:
        with pytest.raises(Refused, match="401 no"):
            await send(address, each(asked(5)), 1)
        sent = await send(address, each(asked(5), lambda _, answer: heard.append(answer), refusal=401), 2)
    assert len(sent.latencies) == 5
    assert heard == []


@pytest.mark.parametrize("said", [b"", b"NOT HTTP AT ALL\r\n\r\n"])
async def test_what_is_no_answer_is_told(said: bytes) -> None:
    async with saying(said) as address:
        with pytest.raises(Exception, match=r"closed the connection|HTTP"):
            await send(address, each(asked(5)), 2)


async def test_what_goes_wrong_with_an_answer_is_told() -> None:
    def hear(_number: int, _answer: bytes) -> None:
        raise ValueError("not this")

    async with answering(WHOLE) as address:
        with pytest.raises(ValueError, match="not this"):
            await send(address, each(asked(5), hear), 1)


async def test_requests_at_a_pace_are_counted_by_kind_with_those_that_failed() -> None:
    due = [("whoami", one) for one in asked(20)] + [("login", one) for one in asked(5)]
    async with answering(WHOLE) as address:
        pace = Pace(address, 1_000, iter(due))
        await pace.run()
        await pace.finish()
    assert {kind: len(times) for kind, times in pace.waits.times_ms.items()} == {"whoami": 20, "login": 5}
    assert pace.waits.summary()["failed"] == 0
    async with answering(REFUSED) as address:
        pace = Pace(address, 1_000, iter(due))
        await pace.run()
        await pace.finish()
    assert pace.waits.failed == ["whoami: 401"] * 20 + ["login: 401"] * 5


@pytest.mark.timeout(20)
async def test_lost_connections_keep_nobody_waiting() -> None:
    async with saying(b"") as address:
        pace = Pace(address, 2_000, iter([("whoami", one) for one in asked(3 * CONNECTIONS)]))
        await pace.run()
        await pace.finish()
    assert len(pace.waits.failed) == 3 * CONNECTIONS
    assert "closed the connection" in pace.waits.failed[0]
