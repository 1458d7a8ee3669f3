"""A connection to a server under fire: tells what was answered from what was lost, and from what was never sent."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 30.0
"""For an answer. Whoever has to wait longer was forgotten."""


class NotSent(Exception):
    """Nobody listened: the request was never made."""


class Lost(Exception):
    """The connection ended before the answer: whether the request was carried out is open."""


class Unanswered(Exception):
    """No answer came, and the connection stayed."""


@dataclass(frozen=True)
class Told:
    """An answer. ``headers``: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Line:
    """A kept-alive connection to an address, for one request at a time; opened when it is needed."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname, parts.port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Told:
        """Send JSON below /_matrix/client/. Raises NotSent, Lost, Unanswered."""
        reader, writer = await self._opened()
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(request(method, f"/_matrix/client/{path}", body, token))
                return await read_answer(reader)
        except TimeoutError:
            self.close()
            raise Unanswered(f"{method} {path}") from None
        except (OSError, EOFError):
            self.close()
            raise Lost(f"{method} {path}") from None

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is not None and (self._open[0].at_eof() or self._open[1].is_closing()):
            self.close()
        if self._open is None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    self._open = await asyncio.open_connection(self._host, self._port)
            except (OSError, TimeoutError) as error:
                raise NotSent(str(error)) from None
        return self._open

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._open is not None:
            with suppress(OSError):
                self._open[1].transport.abort()
            self._open = None


def request(method: str, path: str, body: Any = None, token: str | None = None) -> bytes:
    """The bytes of a request."""
    raw = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(raw)}\r\n"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + raw


async def read_answer(reader: asyncio.StreamReader) -> Told:
    """Raises EOFError where the other side closes before the end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Told(int(head[0].split()[1]), headers, json.loads(body) if body else None)
