"""An event loop in a thread of its own, in which a server lives whatever the test is: synchronous or asynchronous.

All that the server is made of runs there; a test, in any thread or loop, hands its calls over. Must not know what runs.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class LoopThread(Generic[T]):
    """Opens a context in a loop of its own, keeps it open, and closes it there. ``opened``: what the context gave."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self._context = context
        self._started: Future[T] = Future()
        self._ended: Future[None] = Future()
        self._stop: asyncio.Event
        self.loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="ostiary-testing", daemon=True)

    def start(self) -> T:
        """Start the thread and wait until the context is open. Raises what opening it raises."""
        self._thread.start()
        return self._started.result()

    def stop(self) -> None:
        """Close the context and wait for the thread's end. Raises what closing it raises."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._ended.result()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine in the loop, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have a function called in the loop, without waiting; nothing happens once the loop is closed."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the start or the end
            for waiting in (self._started, self._ended):
                if not waiting.done():
                    waiting.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._context as opened:
            self._started.set_result(opened)
            await self._stop.wait()


async def over_there(coroutine: Coroutine[Any, Any, R], loop: asyncio.AbstractEventLoop) -> R:
    """Await a coroutine that runs in another thread's loop. Cancelling this cancels that."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


async def awaited(awaitable: Awaitable[R]) -> R:
    """Any awaitable as a coroutine."""
    return await awaitable
