"""A connection that is cut after any number of bytes of the answer to a refresh: the session is never lost."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from ostiary.api.errors import NotMatrix
from ostiary.api.secret import Secret
from ostiary.client import AsyncClient, Client, ConnectionFailed, FileStore, MemoryStore, RetryPolicy, SessionRecord
from tests.client.listening import TokenListener

ONCE = RetryPolicy(attempts=1)
AT_ONCE = RetryPolicy(attempts=3, first_delay_ms=0)


class Cutter:
    """Forwards connections to a server, and cuts the answers of the next ones after ``cuts`` bytes; None: does not."""

    def __init__(self, port: int) -> None:
        self.cuts: list[int | None] = []
        self.whole: list[int] = []
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with near, socket.create_connection(("127.0.0.1", self._port)) as far:
                self._forward(near, far)

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        request = b""
        while not _is_whole(request):
            if not (part := near.recv(65536)):
                return
            request += part
        far.sendall(request)
        answer = b""
        while not _is_whole(answer):
            answer += far.recv(65536)
        self.whole.append(len(answer))
        cut = self.cuts.pop(0) if self.cuts else None
        near.sendall(answer if cut is None else answer[:cut])


def _is_whole(message: bytes) -> bool:
    head, end, body = message.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= sum(lengths)


@pytest.fixture
def server() -> Iterator[TokenListener]:
    with TokenListener() as one:
        yield one


@pytest.fixture
def cutter(server: TokenListener) -> Iterator[Cutter]:
    with Cutter(server.server_port) as one:
        yield one


def record(cutter: Cutter, generation: int = 0) -> SessionRecord:
    return SessionRecord(cutter.url, "@a:b", "D", Secret(f"access-{generation}"), Secret(f"refresh-{generation}"))


def length_of_the_answer(cutter: Cutter) -> int:
    with Client(cutter.url, retries=ONCE) as client:
        client.restore(record(cutter)).refresh()
    return cutter.whole[-1]


def test_cut_at_every_byte_leaves_a_session_that_goes_on(server: TokenListener, cutter: Cutter, tmp_path: Path) -> None:
    """The server has rotated the tokens each time; the client has them only in the end."""
    length = length_of_the_answer(cutter)
    store = FileStore(tmp_path / "s.json")
    store.save(record(cutter, 0))
    for count in range(length):
        with Client(cutter.url, store=store, retries=ONCE) as client:
            cutter.cuts = [count]
            with pytest.raises((ConnectionFailed, NotMatrix)) as caught:
                client.restore(record(cutter, 0)).refresh()
            assert getattr(caught.value, "sent", True), count
        assert store.list() == [record(cutter, 0)], count
    with Client(cutter.url, store=store, retries=ONCE) as client:
        session = client.restore(record(cutter, 0))
        assert session.refresh().access_token == Secret("access-1")
        assert session.whoami().user_id == "@a:b"
    assert store.list() == [record(cutter, 1)]
    assert server.made == 1


async def test_the_same_asynchronously(server: TokenListener, cutter: Cutter) -> None:
    length = length_of_the_answer(cutter)
    store = MemoryStore()
    store.save(record(cutter, 0))
    for count in range(length):
        async with AsyncClient(cutter.url, store=store, retries=ONCE) as client:
            cutter.cuts = [count]
            with pytest.raises((ConnectionFailed, NotMatrix)):
                await client.restore(record(cutter, 0)).refresh()
        assert store.list() == [record(cutter, 0)], count
    async with AsyncClient(cutter.url, store=store) as client:
        await client.restore(record(cutter, 0)).refresh()
    assert server.made == 1
    assert store.list() == [record(cutter, 1)]


@pytest.mark.parametrize("count", [0, 1, 40, 120, 150, 200])
def test_retries_get_over_it(server: TokenListener, cutter: Cutter, count: int) -> None:
    """A refresh may be repeated: the server gives the same answer."""
    cutter.cuts = [min(count, length_of_the_answer(cutter) - 1), 0]
    with Client(cutter.url, retries=AT_ONCE) as client:
        assert client.restore(record(cutter, 0)).refresh().access_token == Secret("access-1")
    assert (server.made, server.refreshes) == (1, 4)


def test_login_is_not_repeated_whatever_was_cut(server: TokenListener, cutter: Cutter) -> None:
    for count in range(0, 60, 7):
        cutter.cuts = [count]
        asked = len(cutter.whole)
        with Client(cutter.url, retries=AT_ONCE) as client, pytest.raises(ConnectionFailed) as caught:
            client.login("alice", "password")
        assert caught.value.sent
        assert len(cutter.whole) == asked + 1
