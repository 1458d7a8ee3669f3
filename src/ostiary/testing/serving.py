"""Starts a server for a test and stops it: ``with serve() as server``, ``async with aserve() as server``."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Unpack

from ostiary.testing.loops import LoopThread
from ostiary.testing.running import running
from ostiary.testing.server import Server
from ostiary.testing.settings import Options, check_names


@contextmanager
def serve(*, socket: bool = True, **options: Unpack[Options]) -> Iterator[Server]:
    """A server until the context ends, with a socket on 127.0.0.1 or without. ``options``: see :class:`Options`.

    Raises TypeError for an option that there is not, ConfigError, and OSError where the port asked for is taken.
    """
    server, thread = _start(options, has_socket=socket)
    try:
        yield server
    finally:
        thread.stop()


@asynccontextmanager
async def aserve(*, socket: bool = True, **options: Unpack[Options]) -> AsyncIterator[Server]:
    """The same, whose start and end do not hold the event loop up."""
    server, thread = await asyncio.to_thread(_start, options, has_socket=socket)
    try:
        yield server
    finally:
        await asyncio.to_thread(thread.stop)


def _start(options: Options, *, has_socket: bool) -> tuple[Server, LoopThread[Any]]:
    check_names(options)
    thread = LoopThread(running(options, has_socket=has_socket))
    server = Server(thread, thread.start())
    try:
        if "admin" in options:
            server.account(options["admin"], admin=True)
    except BaseException:
        thread.stop()
        raise
    return server, thread
