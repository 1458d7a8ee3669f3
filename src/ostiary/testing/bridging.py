"""The ways into a test's server without a socket: from any thread and any event loop into the one it lives in.

Must not know what the server does.
"""

import asyncio

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import AsgiTransport
from ostiary.client.limits import Timeouts
from ostiary.testing.interception import AsgiApp, Message, Receive, Scope, Send
from ostiary.testing.loops import awaited, over_there


class BridgedApp:
    """The server as an ASGI application, for ``httpx.ASGITransport`` and its like. To be called in any event loop.

    Where a test has the connection dropped, it raises ConnectionResetError.
    """

    def __init__(self, app: AsgiApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        here = asyncio.get_running_loop()
        has_answered = False

        async def receive_there() -> Message:
            return await over_there(awaited(receive()), here)

        async def send_there(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await over_there(awaited(send(message)), here)

        await over_there(awaited(self._app(scope, receive_there, send_there)), self._loop)
        if not has_answered and scope["type"] == "http":
            raise ConnectionResetError("The connection was dropped, as the test has asked for")


class BridgedAsyncTransport:
    """``client.transports.AsyncTransport`` into the server."""

    def __init__(self, app: AsgiApp, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = AsgiTransport(app)
        self._loop = loop

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        return await over_there(self._inner.exchange(base_url, request, timeouts), self._loop)

    async def close(self) -> None:
        return


class BridgedTransport:
    """``client.transports.SyncTransport`` into the server."""

    def __init__(self, app: AsgiApp, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = AsgiTransport(app)
        self._loop = loop

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        return asyncio.run_coroutine_threadsafe(self._inner.exchange(base_url, request, timeouts), self._loop).result()

    def close(self) -> None:
        return
