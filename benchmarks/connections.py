"""A connection to a server that is kept alive, with one request under way at a time. Knows no endpoint.

Made to be cheap, since it shares the machine with what is measured: requests are bytes made by the caller, answers are
parsed by httptools, and there is nothing between it and the event loop. ``load`` asks again as soon as it is answered,
``pace`` when something is due.
"""

import asyncio
from typing import Self, cast
from urllib.parse import urlsplit

import httptools

CONNECTIONS = 32
"""As many as there are where nothing else is said."""


class Connection(asyncio.Protocol):
    """What becomes of answers is for the class that derives from it to say."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    async def open(self, address: str) -> Self:
        """Connect. Raises OSError."""
        parts = urlsplit(address)
        await asyncio.get_running_loop().create_connection(lambda: self, parts.hostname or "", parts.port or 80)
        return self

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def heard(self, status: int, body: bytes) -> None:
        """An answer has come."""
        raise NotImplementedError

    def failed(self, error: BaseException) -> None:
        """No answer will come any more; also called, for nothing, when the connection was closed here."""
        raise NotImplementedError

    # --- Called by the event loop, and by the parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the answer
            self.failed(error.__context__ or error)  # the parser wraps what "heard" raises
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed(exc or ConnectionError("the server has closed the connection"))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        self.heard(self._parser.get_status_code(), body)
