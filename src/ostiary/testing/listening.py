"""A socket before a test's server: uvicorn's protocol in an event loop that is there already.

Leans on uvicorn's parts, not on its server, which would look only every tenth of a second whether it is to stop.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import uvicorn
from uvicorn.server import ServerState

from ostiary.server.protocol import BoundedProtocol
from ostiary.testing.interception import ABORT, AsgiApp, Scope

HOST: Final = "127.0.0.1"
STOP_LIMIT_S: Final = 5.0
"""How long requests under way may take when the server is stopped, though nobody hears their answers any longer."""

ROUNDS_TO_ACCEPT: Final = 4
"""Of the event loop, until a connection that was accepted just now is one that can be ended."""


class AbortableProtocol(BoundedProtocol):
    """A connection that the application can end without an answer."""

    def make_scope(self) -> Scope:
        return {**super().make_scope(), "extensions": {ABORT: self.transport.abort}}


def bind(port: int) -> socket.socket:
    """A socket on the loopback address; ``port`` 0 picks a free one. Raises OSError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except BaseException:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """The base URL of whoever listens there."""
    return f"http://{HOST}:{bound.getsockname()[1]}"


@asynccontextmanager
async def listening(bound: socket.socket, app: AsgiApp) -> AsyncIterator[None]:
    """Serve an application on a socket until the context ends; connections end with it."""
    settings = uvicorn.Config(
        cast("Any", app),
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    settings.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: AbortableProtocol(config=settings, server_state=state, app_state={}), sock=bound
    )
    try:
        yield
    finally:
        server.close()
        for _ in range(ROUNDS_TO_ACCEPT):
            await asyncio.sleep(0)
        for connection in list(state.connections):
            cast("AbortableProtocol", connection).transport.abort()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=STOP_LIMIT_S)
        await server.wait_closed()
