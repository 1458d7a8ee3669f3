"""HTTP on a real socket: what comes in odd pieces, what is not HTTP, what takes too long, the order of answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ostiary.server.protocol import BoundedProtocol, bounded

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LIMIT_S = 10.0
"""How long a test waits for what must come."""


async def echo(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Answers with the method, the path and the body that it was sent."""
    parts = [f"{scope['method']} {scope['path']} {scope['query_string'].decode()}|".encode()]
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        parts.append(message["body"])
        if not message["more_body"]:
            break
    await answer(send, b"".join(parts))


async def deaf(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Answers without a look at the body."""
    await answer(send, b"heard enough")


async def answer(send: Any, body: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Listening:
    """A server of one application."""

    def __init__(self, port: int, state: ServerState) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self.state = state

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)
        if self.state.tasks:
            await asyncio.wait(self.state.tasks, timeout=LIMIT_S)

    async def ask(self, *pieces: bytes) -> bytes:
        """All that is answered to these pieces, each sent by itself, until the server ends the connection."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await until_the_end(reader)

    @property
    def protocols(self) -> list[BoundedProtocol]:
        return list(self.state.connections)  # type: ignore[arg-type]


@asynccontextmanager
async def listening(
    app: App = echo, *, max_header_bytes: int = 1000, header_timeout_ms: int = 60_000, keep_alive_s: float = 60
) -> AsyncIterator[Listening]:
    bounds = bounded(
        max_header_bytes=max_header_bytes, header_timeout_ms=header_timeout_ms, answer_timeout_ms=60_000
    )  # fmt: skip
    settings = uvicorn.Config(
        app, http=bounds, ws="none", lifespan="off", log_config=None,
        timeout_keep_alive=keep_alive_s,  # type: ignore[arg-type] # less than a second
    )  # fmt: skip
    settings.load()
    state = ServerState()
    make: Any = settings.http_protocol_class
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: make(config=settings, server_state=state, app_state={}), "127.0.0.1", 0)
    opened = Listening(server.sockets[0].getsockname()[1], state)
    try:
        yield opened
    finally:
        server.close()
        await opened.close()


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


CLOSE = "Connection: close"


async def until(holds: Callable[[], Any]) -> None:
    """Let the server work until something holds."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110 - of the server's insides, which tell nobody
            await asyncio.sleep(0)


async def until_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server ends the connection, one way or another."""
    came = b""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(LIMIT_S):
            while piece := await reader.read(65_536):
                came += piece
    return came


def bodies(answered: bytes) -> list[bytes]:
    """The bodies of answers that are all 200."""
    found = []
    while answered:
        head, _, rest = answered.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), answered
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(rest[:length])
        answered = rest[length:]
    return found


class TestPieces:
    async def test_request_byte_by_byte_is_as_good_as_whole(self) -> None:
        request = post("/a?b=c", b"hello", CLOSE)
        async with listening() as server:
            whole = await server.ask(request)
            assert await server.ask(*(request[place : place + 1] for place in range(len(request)))) == whole
            assert bodies(whole) == [b"POST /a b=c|hello"]

    async def test_requests_in_one_piece_are_answered_in_their_order(self) -> None:
        request = get("/1") + post("/2", b"two") + get("/3") + post("/4", b"four", CLOSE)
        async with listening() as server:
            answered = bodies(await server.ask(request))
        assert answered == [b"GET /1 |", b"POST /2 |two", b"GET /3 |", b"POST /4 |four"]

    async def test_answer_of_a_slow_request_comes_before_that_of_a_quick_one(self) -> None:
        may_go_on = asyncio.Event()

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if scope["path"] == "/slow":
                await may_go_on.wait()
            await answer(send, scope["path"].encode())

        async with listening(app) as server:
            asked = asyncio.create_task(server.ask(get("/slow"), get("/quick", CLOSE)))
            await until(lambda: server.protocols and server.protocols[0]._waiting)
            may_go_on.set()
            assert bodies(await asked) == [b"/slow", b"/quick"]

    async def test_who_sends_requests_ahead_without_end_is_cut_off(self) -> None:
        may_go_on = asyncio.Event()

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await may_go_on.wait()
            await answer(send, b"")

        async with listening(app) as server:
            _, writer = await server.connect()
            writer.write(get("/") * 200_000)
            await until(lambda: server.protocols)
            await until(lambda: not server.protocols)
            assert len(server.state.tasks) == 1  # the one that was begun
            writer.transport.abort()
            may_go_on.set()

    async def test_body_in_chunks_is_put_together(self) -> None:
        head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        async with listening() as server:
            answered = await server.ask(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
        assert bodies(answered) == [b"POST /a |abcde"]

    async def test_large_body_is_taken_as_fast_as_it_is_wanted(self) -> None:
        body = b"x" * 1_000_000
        async with listening() as server:
            assert bodies(await server.ask(post("/", body, CLOSE))) == [b"POST / |" + body]

    async def test_body_that_nobody_wants_does_not_spoil_the_next_request(self) -> None:
        async with listening(deaf) as server:
            request = post("/", b"GET /no HTTP/1.1\r\n\r\n" * 9)
            answered = await server.ask(request[:60], request[60:], get("/", CLOSE))
        assert bodies(answered) == [b"heard enough", b"heard enough"]

    async def test_client_that_expects_it_is_told_to_go_on(self) -> None:
        async with listening() as server:
            reader, writer = await server.connect()
            request = post("/", b"hello", "Expect: 100-continue", CLOSE)
            writer.write(request[:-5])
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(request[-5:])
            assert bodies(await reader.read()) == [b"POST / |hello"]


class TestHeads:
    @pytest.mark.parametrize(
        ("target", "path"),
        [
            ("/a%2Fb%20c?d=e%20f", b"GET /a/b c d=e%20f|"),
            ("http://example.org/a?b", b"GET /a b|"),
            ("//a", b"GET //a |"),
            ("/a#b", b"GET /a |"),
        ],
    )
    async def test_target_is_read(self, target: str, path: bytes) -> None:
        async with listening() as server:
            assert bodies(await server.ask(get(target, CLOSE))) == [path]

    async def test_answer_to_head_has_no_body(self) -> None:
        async with listening() as server:
            answered = await server.ask(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answered == b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\n"

    @pytest.mark.parametrize(
        "request_", [b"GET / HTTP/1.0\r\n\r\n", get("/", CLOSE), get("/", "Connection: Upgrade", "Upgrade: h2c")]
    )
    async def test_connection_ends_where_it_must(self, request_: bytes) -> None:
        async with listening() as server:
            answered = await server.ask(request_)
        assert b"\r\nconnection: close\r\n" in answered
        assert bodies(answered) == [b"GET / |"]

    async def test_application_can_end_the_connection(self) -> None:
        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await answer(send, b"", (b"connection", b"close"))

        async with listening(app) as server:
            assert (await server.ask(get("/"))).count(b"connection: close") == 1

    @pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
    async def test_header_that_would_be_two_is_not_sent(self, value: bytes) -> None:
        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await answer(send, b"", (b"x", value))

        async with listening(app) as server:
            assert await server.ask(get("/")) == b""


class TestNotHttp:
    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x00\xf5\x01\x00\x00\xf1",
            b"GET / HTTP/1.1\nHost x\n\n",
            post("/", b"a", "Transfer-Encoding: chunked"),
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n",
            b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        ],
    )
    async def test_is_answered_400_and_the_end(self, sent: bytes) -> None:
        async with listening() as server:
            assert (await server.ask(sent)).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    async def test_body_that_breaks_off_is_answered_400(self) -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with listening() as server:
            assert (await server.ask(head, b"no length\r\n")).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert not server.state.tasks or await _ended(server)

    async def test_does_not_take_the_answers_to_what_came_before(self) -> None:
        async with listening() as server:
            assert bodies(await server.ask(get("/1") + get("/2") + b"\0\0\0")) == [b"GET /1 |", b"GET /2 |"]


class TestBounds:
    async def test_head_that_is_too_large_is_refused(self) -> None:
        async with listening(max_header_bytes=1000) as server:
            for pieces in ([get("/", "X: " + "y" * 1000)], [b"GET / HTTP/1.1\r\nX: ", b"y" * 999]):
                assert (await server.ask(*pieces)).startswith(b"HTTP/1.1 431 ")
            assert bodies(await server.ask(get("/", "X: " + "y" * 900, CLOSE))) == [b"GET / |"]

    async def test_body_does_not_count_as_head(self) -> None:
        async with listening(max_header_bytes=200) as server:
            requests = [post("/", b"y" * 5000), post("/", b"z" * 5000, CLOSE)]
            assert len(bodies(await server.ask(*requests))) == 2

    @pytest.mark.parametrize("sent", [b"", b"GET / HT", get("/") + b"GET /"])
    async def test_head_that_does_not_come_ends_the_connection(self, sent: bytes) -> None:
        async with listening(header_timeout_ms=50) as server:
            reader, writer = await server.connect()
            writer.write(sent)
            answered = await until_the_end(reader)
            assert answered.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")

    async def test_dripping_head_ends_the_connection(self) -> None:
        async with listening(header_timeout_ms=50) as server:
            reader, writer = await server.connect()
            dripped = asyncio.create_task(_drip(writer, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000))
            assert await until_the_end(reader) == b""
            dripped.cancel()

    @pytest.mark.parametrize("sent", [get("/"), post("/", b"x" * 100)[:-50]])
    async def test_idle_connection_ends(self, sent: bytes) -> None:
        """Also one whose request was answered before its body had come, however much of that drips in."""
        async with listening(deaf, keep_alive_s=0.05) as server:
            reader, writer = await server.connect()
            writer.write(sent)
            dripped = asyncio.create_task(_drip(writer, b"x" * 40)) if b"POST" in sent else None
            assert bodies(await until_the_end(reader)) == [b"heard enough"]
            if dripped is not None:
                dripped.cancel()

    async def test_time_does_not_run_while_a_request_is_handled(self) -> None:
        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await asyncio.sleep(0.15)
            await answer(send, b"late")

        async with listening(app, header_timeout_ms=50, keep_alive_s=0.05) as server:
            assert bodies(await server.ask(get("/"))) == [b"late"]


class TestEnds:
    async def test_client_that_goes_away_is_told_to_the_application(self) -> None:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            message = await receive()
            told.set_result(message["type"])
            await answer(send, b"for nobody")

        async with listening(app) as server:
            _, writer = await server.connect()
            writer.write(post("/", b"hello")[:-5])
            await writer.drain()
            await until(lambda: server.state.tasks)
            writer.transport.abort()
            assert await told == "http.disconnect"

    @pytest.mark.parametrize("answers", [True, False])
    async def test_application_that_listens_behind_the_body_hears_of_the_end(self, answers: bool) -> None:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def listen(receive: Any) -> None:
            assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
            told.set_result((await receive())["type"])

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            listens = asyncio.create_task(listen(receive))
            await asyncio.sleep(0)
            if answers:
                await answer(send, b"")
            await listens

        async with listening(app) as server:
            _, writer = await server.connect()
            writer.write(get("/"))
            await until(lambda: server.state.tasks)
            if not answers:
                writer.transport.abort()
            async with asyncio.timeout(LIMIT_S):
                assert await told == "http.disconnect"

    async def test_shutting_down_lets_a_request_come_to_its_end(self) -> None:
        request = post("/", b"hello")
        async with listening() as server:
            reader, writer = await server.connect()
            writer.write(request[:-2])
            await until(lambda: server.state.tasks)
            server.protocols[0].shutdown()
            writer.write(request[-2:])
            answered = await reader.read()
            assert b"\r\nconnection: close\r\n" in answered
            assert bodies(answered) == [b"POST / |hello"]

    async def test_shutting_down_ends_a_connection_without_request(self) -> None:
        async with listening() as server:
            reader, _ = await server.connect()
            await until(lambda: server.protocols)
            server.protocols[0].shutdown()
            assert await reader.read() == b""

    @pytest.mark.parametrize("fails", [True, False])
    async def test_application_that_does_not_answer_ends_the_connection(self, fails: bool) -> None:
        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if fails:
                raise ValueError("a bug")

        async with listening(app) as server:
            assert await server.ask(get("/")) == b""
            assert not server.state.tasks


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for place in range(len(data)):
        writer.write(data[place : place + 1])
        await asyncio.sleep(0.005)


async def _ended(server: Listening) -> bool:
    await asyncio.wait(server.state.tasks, timeout=LIMIT_S)
    return not server.state.tasks
