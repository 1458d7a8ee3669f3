"""The queue of the asynchronous faces: as :class:`ostiary.client.queues.RequestQueue`, with ``await``."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Generic, TypeVar

from ostiary.api.endpoint import Struct
from ostiary.api.secret import Secret
from ostiary.client.errors import RequestCancelled
from ostiary.client.queues import (
    CANCEL_REST,
    QueuePolicy,
    Restored,
    cancelled_by,
    log_failure,
    restored_queue,
    stored_queue,
)
from ostiary.client.requests import Answered, Prepared

R = TypeVar("R", bound=Struct)
D = TypeVar("D")


class AsyncPending(Generic[R, D]):
    """A request in a queue, and what will come of it: ``await pending``. Giving up on that leaves the request there."""

    def __init__(self, prepared: Prepared[R, D]) -> None:
        self.prepared = prepared
        self.outcome: asyncio.Future[Answered[R, D]] = asyncio.get_running_loop().create_future()
        self.is_running = False

    def __await__(self) -> Generator[Any, None, Answered[R, D]]:
        return self.result().__await__()

    async def result(self) -> Answered[R, D]:
        """Wait for the answer. Raises what the call raised, or RequestCancelled."""
        return await asyncio.shield(self.outcome)

    def cancel(self) -> bool:
        """Take it out of its queue. False where it is too late: it is running, or done."""
        if self.is_running or self.is_done:
            return False
        self.fail(RequestCancelled("the request was taken out of its queue"))
        return True

    def fail(self, error: BaseException) -> None:
        """For the queue: there will be no answer."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()  # it counts as seen: not everybody who adds a request waits for it

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or an error."""
        return self.outcome.done()


class AsyncRequestQueue:
    """Sends what is added, one after another, in a task that lasts as long as there is something to send.

    ``keep``: holds on to that task, and waits for it before connections are let go of.
    """

    def __init__(
        self,
        name: str,
        policy: QueuePolicy,
        send: Callable[[Prepared[Any, Any]], Awaitable[Answered[Any, Any]]],
        keep: Callable[["asyncio.Task[None]"], object],
    ) -> None:
        self.name = name
        self.policy = policy
        self._send = send
        self._keep = keep
        self._waiting: deque[AsyncPending[Any, Any]] = deque()
        self._running: AsyncPending[Any, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def add(self, prepared: Prepared[R, D]) -> AsyncPending[R, D]:
        """Put a request at the end of the queue. Raises RequestCancelled where the queue has been closed."""
        if self._is_closed:
            raise RequestCancelled(f"the queue {self.name} has been closed")
        pending = AsyncPending(prepared)
        self._waiting.append(pending)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"ostiary-queue-{self.name}")
            self._keep(self._task)
        return pending

    async def send(self, prepared: Prepared[R, D]) -> Answered[R, D]:
        """Put a request at the end of the queue, and wait for its answer.

        Who is cancelled meanwhile takes the request out of the queue, unless it is running.
        """
        pending = self.add(prepared)
        try:
            return await pending
        except asyncio.CancelledError:
            pending.cancel()
            raise

    def contents(self) -> list[Prepared[Any, Any]]:
        """What is running, and what waits, in their order."""
        return [prepared for prepared, _ in self._contents()]

    def to_json(self, *, secrets: bool = False) -> dict[str, Any]:
        """The queue as plain data, to be stored. See ``Prepared.to_json``."""
        return stored_queue(self.name, self.policy, self._contents(), secrets=secrets)

    def restore(
        self, stored: Mapping[str, Any], *, secrets: Mapping[str, Mapping[str, Secret]] | None = None
    ) -> Restored:
        """Queue again what was stored. ``secrets``: those that were left out, by the request's id, then their place.

        Raises ValueError, with nothing queued, where what is stored is no queue.
        """
        restored = restored_queue(stored, secrets or {})
        for prepared in restored.waiting:
            self.add(prepared)
        return restored

    def cancel(self) -> None:
        """Cancel all that waits, each with RequestCancelled. What is running goes on."""
        self._give_up(f"the queue {self.name} was emptied", None)

    async def wait(self) -> None:
        """Wait until nothing is left to send."""
        while (task := self._task) is not None:
            await asyncio.wait([task])

    def close(self) -> None:
        """Cancel all that waits, and take nothing more. What is running goes on; ``wait`` waits for it."""
        self._is_closed = True
        self._give_up(f"the queue {self.name} has been closed", None)

    def _contents(self) -> list[tuple[Prepared[Any, Any], bool]]:
        running = [] if self._running is None else [(self._running.prepared, True)]
        return running + [(one.prepared, False) for one in self._waiting if not one.is_done]

    async def _work(self) -> None:
        try:
            while self._waiting:
                pending = self._waiting.popleft()
                if not pending.is_done:
                    await self._carry_out(pending)
        finally:
            self._task = self._running = None
            self._give_up(f"the queue {self.name} was stopped", None)  # nothing is left but after a cancellation

    async def _carry_out(self, pending: AsyncPending[Any, Any]) -> None:
        self._running, pending.is_running = pending, True
        try:
            answered = await self._send(pending.prepared)
        except asyncio.CancelledError:
            pending.fail(RequestCancelled("the client was closed before the answer came"))
            raise
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets it
            log_failure(pending.prepared, self.name, error)
            if self.policy is CANCEL_REST:
                self._give_up(cancelled_by(pending.prepared), pending.prepared.id)
            pending.fail(error)
        else:
            pending.outcome.set_result(answered)
        finally:
            self._running = None

    def _give_up(self, why: str, cause_id: str | None) -> None:
        given_up, self._waiting = self._waiting, deque()
        for pending in given_up:
            pending.fail(RequestCancelled(why, cause_id=cause_id))
