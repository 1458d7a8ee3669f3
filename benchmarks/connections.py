"""Sends requests over many connections at once, each waiting for its answer before the next."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 32


@dataclass
class Connection:
    """A kept-alive connection. ``number``: which of the many."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        head = f"{method} /_matrix/client/{path} HTTP/1.1\r\nHost: localhost\r\n"
        if token is not None:
            head += f"Authorization: Bearer {token}\r\n"
        if raw:
            head += f"Content-Length: {len(raw)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + raw)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return status, await self.reader.readexactly(length)


Work = Callable[[Connection, int], Awaitable[None]]
"""Makes one request; the number says which of all."""


async def spread(address: str, count: int, work: Work) -> None:
    """Make ``count`` requests over the connections."""
    parts = urlsplit(address)
    numbers = iter(range(count))

    async def run(number: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        connection = Connection(reader, writer, number)
        for which in numbers:
            await work(connection, which)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(run(number) for number in range(CONNECTIONS)))
