"""Carry flows out: ``drive`` waits, ``adrive`` awaits. Neither knows what any flow is about.

Whatever a step raises is thrown into the flow, an interrupt and a cancellation too, so that the flow can unlock.
"""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from ostiary.client import environment
from ostiary.client.async_queues import AsyncRequestQueue
from ostiary.client.limits import Timeouts, within
from ostiary.client.queues import RequestQueue
from ostiary.client.record import SessionRecord
from ostiary.client.steps import (
    Ask,
    Await,
    Draw,
    Exchange,
    Flow,
    Jitter,
    Kept,
    Load,
    Lock,
    Now,
    Remove,
    Save,
    Sleep,
    Step,
    Ticks,
    Unlock,
    Whole,
)
from ostiary.client.stores import SessionStore
from ostiary.client.transports import AsyncTransport, SyncTransport

T = TypeVar("T")

CLOSING_S: Final = 30.0
"""How long a client that is closed lets refreshes that are under way go on."""


def drive(flow: Flow[T], do: Callable[[Step], Any]) -> T:
    """Carry a flow out, each of its steps by ``do``."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as end:
            value: T = end.value
            return value
        result = error = None
        try:
            result = do(step)
        except BaseException as raised:  # noqa: BLE001 - thrown into the flow, which lets it pass or handles it
            error = raised


async def adrive(flow: Flow[T], do: Callable[[Step], Any]) -> T:
    """The same, where ``do`` is a coroutine function."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as end:
            value: T = end.value
            return value
        result = error = None
        try:
            result = await do(step)
        except BaseException as raised:  # noqa: BLE001 - as above
            error = raised


class World:
    """Carries steps out for a synchronous client. Each session has its own lock; transport and store may be shared."""

    def __init__(
        self, transport: SyncTransport, store: SessionStore, *, timeouts: Timeouts | None = None,
        now: Callable[[], int] = environment.now_ms, sleep: Callable[[int], None] = environment.sleep_ms,
    ) -> None:  # fmt: skip
        self.transport = transport
        self.store = store
        self.timeouts = timeouts
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._held = contextlib.ExitStack()
        self._queues: dict[str, RequestQueue] = {}
        self._all_queues: list[RequestQueue] = []

    def another(self) -> "World":
        """The same world with a lock and queues of its own."""
        other = World(self.transport, self.store, timeouts=self.timeouts, now=self._now, sleep=self._sleep)
        other._all_queues = self._all_queues
        return other

    def run(self, flow: Flow[T], timeouts: Timeouts | None = None) -> T:
        """Carry a flow out. ``timeouts``: instead of the world's."""
        limits = timeouts or self.timeouts
        return drive(flow if limits is None else within(flow, limits), self.do)

    def queue(self, name: str, make: Callable[[], RequestQueue]) -> RequestQueue:
        """The queue of this name, made where there is none."""
        if name not in self._queues:
            queue = self._queues.setdefault(name, make())
            self._all_queues.append(queue)
        return self._queues[name]

    def close(self) -> None:
        """Let go of connections, once what is running in queues has come to its end."""
        for queue in self._all_queues:
            queue.close()
        self.transport.close()

    def do(self, step: Step) -> Any:
        """Carry a step out."""
        match step:
            case Exchange(base_url, request, timeouts):
                return self.transport.exchange(base_url, request, timeouts)
            case Sleep(milliseconds):
                return self._sleep(milliseconds)
            case Lock(record):
                return self._acquire(record)
            case Unlock():
                return self._release()
            case Ask(function, argument):
                return _not_to_be_awaited(function(argument))
            case Await(future, timeout_ms):
                return future.result(timeout_ms / 1000)
            case Whole(flow):
                return drive(flow, self.do)
            case _:
                return do_at_once(step, self.store, self._now)

    def _acquire(self, record: SessionRecord) -> None:
        self._lock.acquire()
        try:
            self._held.enter_context(self.store.lock(record))
        except BaseException:
            self._lock.release()
            raise

    def _release(self) -> None:
        try:
            self._held.close()
        finally:
            self._lock.release()


class AsyncWorld:
    """Carries steps out for an asynchronous client. Files are written in a thread, so that nothing else waits."""

    def __init__(
        self, transport: AsyncTransport, store: SessionStore, *, timeouts: Timeouts | None = None,
        now: Callable[[], int] = environment.now_ms, sleep: Callable[[int], Any] | None = None,
    ) -> None:  # fmt: skip
        self.transport = transport
        self.store = store
        self.timeouts = timeouts
        self._now = now
        self._sleep = sleep or _asleep_ms
        self._given_sleep = sleep
        self._lock = asyncio.Lock()
        self._held = contextlib.ExitStack()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._queues: dict[str, AsyncRequestQueue] = {}
        self._all_queues: list[AsyncRequestQueue] = []

    def another(self) -> "AsyncWorld":
        """The same world with a lock and queues of its own."""
        other = AsyncWorld(self.transport, self.store, timeouts=self.timeouts, now=self._now, sleep=self._given_sleep)
        other._under_way, other._all_queues = self._under_way, self._all_queues
        return other

    async def run(self, flow: Flow[T], timeouts: Timeouts | None = None) -> T:
        """Carry a flow out. ``timeouts``: instead of the world's."""
        limits = timeouts or self.timeouts
        return await adrive(flow if limits is None else within(flow, limits), self.do)

    def queue(self, name: str, make: Callable[[], AsyncRequestQueue]) -> AsyncRequestQueue:
        """The queue of this name, made where there is none."""
        if name not in self._queues:
            queue = self._queues.setdefault(name, make())
            self._all_queues.append(queue)
        return self._queues[name]

    async def close(self) -> None:
        """Let go of connections, once what is to be carried out whole has come to its end."""
        for queue in self._all_queues:
            queue.close()
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=CLOSING_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.transport.close()

    async def do(self, step: Step) -> Any:
        """Carry a step out."""
        match step:
            case Exchange(base_url, request, timeouts):
                return await self.transport.exchange(base_url, request, timeouts)
            case Sleep(milliseconds):
                return await self._sleep(milliseconds)
            case Lock(record):
                return await self._acquire(record)
            case Unlock():
                return self._release()
            case Ask(function, argument):
                answer = function(argument)
                return await answer if inspect.isawaitable(answer) else answer
            case Await(future, timeout_ms):
                return await asyncio.wait_for(asyncio.wrap_future(future), timeout_ms / 1000)
            case Whole(flow):
                return await asyncio.shield(self.keep(asyncio.ensure_future(adrive(flow, self.do))))
            case Now() | Ticks() | Jitter() | Draw():
                return do_at_once(step, self.store, self._now)
            case _:
                return await asyncio.to_thread(do_at_once, step, self.store, self._now)

    def keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Hold on to a task, which the event loop alone does not, and let it end before connections are closed."""
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _acquire(self, record: SessionRecord) -> None:
        await self._lock.acquire()
        # In a thread of its own: were all those of a pool waiting here, none would be left to whoever holds the lock.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ostiary-lock")
        entering = asyncio.get_running_loop().run_in_executor(thread, self._enter, record)
        thread.shutdown(wait=False)
        try:
            await asyncio.shield(entering)
        except BaseException:
            # The thread goes on and may get the store's lock yet: let go of both once it has.
            entering.add_done_callback(lambda _: self._release())
            raise

    def _enter(self, record: SessionRecord) -> None:
        self._held.enter_context(self.store.lock(record))

    def _release(self) -> None:
        try:
            self._held.close()
        finally:
            self._lock.release()


def do_at_once(step: Step, store: SessionStore, now: Callable[[], int]) -> Any:
    """Carry out a step that waits for nobody else."""
    match step:
        case Now():
            return now()
        case Ticks():
            return environment.ticks_ms()
        case Jitter():
            return environment.jitter()
        case Draw():
            return environment.unguessable()
        case Save(record):
            return store.save(record)
        case Load(record):
            return store.load(record)
        case Remove(record):
            return store.remove(record)
        case Kept():
            return store.list()
        case _:
            raise TypeError(f"no such step: {step!r}")


def _not_to_be_awaited(answer: T) -> T:
    """An answer, which would count as given, and true, were it something that nobody here awaits."""
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError("an asynchronous function was given to a synchronous client")
    return answer


async def _asleep_ms(milliseconds: int) -> None:
    await asyncio.sleep(milliseconds / 1000)
