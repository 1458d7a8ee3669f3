"""Starts a server for a test and stops it: ``with serve() as server``, ``async with aserve() as server``."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from ostiary.testing.loops import LoopThread
from ostiary.testing.running import running
from ostiary.testing.server import Server
from ostiary.testing.settings import Options


@contextmanager
def serve(*, socket: bool = True, **options: Any) -> Iterator[Server]:
    """A server until the context ends, with a socket on 127.0.0.1 or without. ``options``: see :class:`Options`.

    Raises ConfigError, and OSError where the port asked for is taken.
    """
    server, thread = _start(Options(**options), has_socket=socket)
    try:
        yield server
    finally:
        thread.stop()


@asynccontextmanager
async def aserve(*, socket: bool = True, **options: Any) -> AsyncIterator[Server]:
    """The same, whose start and end do not hold the event loop up."""
    server, thread = await asyncio.to_thread(_start, Options(**options), has_socket=socket)
    try:
        yield server
    finally:
        await asyncio.to_thread(thread.stop)


def _start(options: Options, *, has_socket: bool) -> tuple[Server, LoopThread[Any]]:
    thread = LoopThread(running(options, has_socket=has_socket))
    server = Server(thread, thread.start())
    try:
        if options.admin is not None:
            server.account(options.admin, admin=True)
    except BaseException:
        thread.stop()
        raise
    return server, thread
