"""What answers on the metrics' own listener: one path, for Prometheus. Must not know what is counted."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Figures(Protocol):
    """What is told."""

    async def refresh(self) -> None:
        """Look at what is not known without asking."""
        ...

    def text(self) -> bytes:
        """All figures."""
        ...


class MetricsApp:
    """An ASGI application. ``content_type``: of the figures."""

    def __init__(self, figures: Figures, path: str, content_type: str) -> None:
        self._figures = figures
        self._path = path
        self._content_type = content_type

    async def __call__(self, scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        status, content_type, body = 404, "text/plain", f"There is only {self._path}\n".encode()
        if scope["path"] == self._path and scope["method"] in ("GET", "HEAD"):
            await self._figures.refresh()
            # In a thread: there are thousands of lines, and requests must not wait for them.
            status, content_type, body = 200, self._content_type, await asyncio.to_thread(self._figures.text)
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
