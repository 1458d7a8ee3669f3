"""Requests that a proxy before this server may read otherwise than it does: where one ends and the next begins.

Whoever finds such a difference sends, inside their own request, the beginning of another person's. Each of these is
sent to a real server, with a whole request behind it, and either refused with the connection closed or read in the one
way that the standard has (RFC 9112).
"""

import re
import socket
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.process import serving

POST: Final = b"POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\n"
GET: Final = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n"
NEXT: Final = GET + b"Connection: close\r\n\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
CHUNKS: Final = b"\r\n2\r\n{}\r\n0\r\n\r\n"
UPGRADE: Final = b"Connection: Upgrade\r\nUpgrade: %s\r\n"

REFUSED: Final = {
    "length and chunks": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks and length": POST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "two lengths in one line": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked, and not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + CHUNKED + b"Transfer-Encoding: identity\r\n" + CHUNKS,
    "vertical tab": POST + b"Transfer-Encoding:\x0bchunked\r\n" + CHUNKS,
    "folded header": POST + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n" + CHUNKS,
    "lines that end in LF": b"GET /_matrix/client/versions HTTP/1.1\nHost: x\n\n",
    "LF inside a header": POST + b"X: a\nContent-Length: 2\r\n\r\n{}",
    "CR inside a header": POST + b"X: a\rContent-Length: 2\r\n\r\n{}",
    "NUL inside a header": POST + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "chunk's extension with LF": POST + CHUNKED + b"\r\n2;a\nb\r\n{}\r\n0\r\n\r\n",
    "chunk's size with LF": POST + CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n",
    "chunk without its end": POST + CHUNKED + b"\r\n2\r\n{}0\r\n\r\n",
    "chunk's size with 0x": POST + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk's size beyond 64 bits": POST + CHUNKED + b"\r\nfffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
    "body with an upgrade": POST + UPGRADE % b"websocket" + b"Content-Length: 2\r\n\r\n{}",
    "chunks with an upgrade": POST + UPGRADE % b"h2c" + CHUNKED + CHUNKS,
    "tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
READ: Final = {
    "chunk's extension": (POST + CHUNKED + b"\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 400),
    "trailers": (POST + CHUNKED + b"\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n", 400),
    "body of a GET": (GET + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT, 200),
    "HEAD of a page": (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    "HEAD of a call": (b"HEAD /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "two hosts": (GET + b"Host: y\r\n\r\n", 400),
    "two tokens": (GET + b"Authorization: Bearer x\r\nAuthorization: Bearer y\r\n\r\n", 400),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with serving(tmp_path_factory.mktemp("wire")) as server:
        parts = urlsplit(server.address)
        yield parts.hostname or "", parts.port or 0


def statuses(address: tuple[str, int], *parts: bytes) -> list[int]:
    """The status of each answer to what is sent, part by part, until the server closes the connection."""
    received = b""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(0.1)  # or the system would hand the server both in one piece
                connection.sendall(part)
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionError:
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_request_is_refused_with_all_that_follows(address: tuple[str, int], name: str) -> None:
    assert statuses(address, REFUSED[name] + NEXT) == [400]


@pytest.mark.parametrize("name", READ)
def test_request_ends_where_it_says(address: tuple[str, int], name: str) -> None:
    request, status = READ[name]
    assert statuses(address, request + NEXT) == [status, 200]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"anything"])
def test_offer_to_speak_another_protocol_ends_the_connection(address: tuple[str, int], protocol: bytes) -> None:
    """Whose rest was passed over where it came at once, and read as another request where it came later."""
    offer = GET + UPGRADE % protocol + b"\r\n"
    assert statuses(address, offer + NEXT) == [200]
    assert statuses(address, offer, NEXT) == [200]


def test_body_behind_such_an_offer_was_read_as_another_request(address: tuple[str, int]) -> None:
    head = POST + UPGRADE % b"websocket" + b"Content-Length: %d\r\n\r\n" % len(NEXT)
    assert statuses(address, head, NEXT) == [400]
