"""Named queues: requests that are sent one after another, in the order in which they were added.

A queue says what becomes of the rest when one fails: it goes on, or the rest is cancelled, each with RequestCancelled.
What is running is never cancelled. What waits can be listed, stored, and restored after a restart. This module has the
queue of the synchronous faces; ``async_queues`` has the same for the others.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from ostiary.api.endpoint import Struct
from ostiary.api.secret import Secret
from ostiary.client.calls import is_repeatable
from ostiary.client.errors import RequestCancelled
from ostiary.client.requests import Answered, Prepared

R = TypeVar("R", bound=Struct)
D = TypeVar("D")

log = logging.getLogger("ostiary.client")

FORMAT: Final = 1

CLOSING_MS: Final = 30_000
"""How long a queue that is closed lets what is running go on before its connections go."""


class QueuePolicy(StrEnum):
    """What becomes of those that wait in a queue when one before them fails."""

    GO_ON = "go_on"
    CANCEL_REST = "cancel_rest"


GO_ON: Final = QueuePolicy.GO_ON
CANCEL_REST: Final = QueuePolicy.CANCEL_REST


@dataclass(frozen=True, slots=True)
class Restored:
    """What a stored queue held: ``waiting``, which is queued again, and ``uncertain``, which is not.

    The latter was running when it was stored and may have reached the server; made twice it could do harm.
    """

    waiting: tuple[Prepared[Any, Any], ...]
    uncertain: tuple[Prepared[Any, Any], ...]


class Pending(Generic[R, D]):
    """A request in a queue, and what will come of it."""

    def __init__(self, prepared: Prepared[R, D]) -> None:
        self.prepared = prepared
        self.outcome: Future[Answered[R, D]] = Future()

    def result(self, *, timeout_ms: int | None = None) -> Answered[R, D]:
        """Wait for the answer. Raises what the call raised, RequestCancelled, or TimeoutError: it goes on then."""
        try:
            return self.outcome.result(None if timeout_ms is None else timeout_ms / 1000)
        except CancelledError:
            raise RequestCancelled("the request was taken out of its queue") from None

    def cancel(self) -> bool:
        """Take it out of its queue. False where it is too late: it is running, or done."""
        return self.outcome.cancel()

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or an error."""
        return self.outcome.done()


class RequestQueue:
    """Sends what is added, one after another, in a thread that lasts as long as there is something to send."""

    def __init__(
        self, name: str, policy: QueuePolicy, send: Callable[[Prepared[Any, Any]], Answered[Any, Any]]
    ) -> None:
        self.name = name
        self.policy = policy
        self._send = send
        self._waiting: deque[Pending[Any, Any]] = deque()
        self._running: Pending[Any, Any] | None = None
        self._has_thread = False
        self._is_closed = False
        self._changed = threading.Condition()

    def add(self, prepared: Prepared[R, D]) -> Pending[R, D]:
        """Put a request at the end of the queue. Raises RequestCancelled where the queue has been closed."""
        pending = Pending(prepared)
        with self._changed:
            if self._is_closed:
                raise RequestCancelled(f"the queue {self.name} has been closed")
            self._waiting.append(pending)
            if not self._has_thread:
                self._has_thread = True
                threading.Thread(target=self._work, name=f"ostiary-queue-{self.name}").start()
        return pending

    def send(self, prepared: Prepared[R, D]) -> Answered[R, D]:
        """Put a request at the end of the queue, and wait for its answer."""
        pending = self.add(prepared)
        try:
            return pending.result()
        except BaseException:
            pending.cancel()  # an interrupt: nobody waits for it any longer
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

    def wait(self, *, timeout_ms: int | None = None) -> bool:
        """Wait until nothing is left to send; False where that takes longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._has_thread, None if timeout_ms is None else timeout_ms / 1000
            )

    def close(self) -> None:
        """Cancel all that waits, take nothing more, and wait for what is running, half a minute at most."""
        with self._changed:
            self._is_closed = True
        self._give_up(f"the queue {self.name} has been closed", None)
        self.wait(timeout_ms=CLOSING_MS)

    def _contents(self) -> list[tuple[Prepared[Any, Any], bool]]:
        with self._changed:
            running = [] if self._running is None else [(self._running.prepared, True)]
            return running + [(one.prepared, False) for one in self._waiting if not one.is_done]

    def _work(self) -> None:
        while (pending := self._next()) is not None:
            try:
                answered = self._send(pending.prepared)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets it
                self._failed(pending, error)
            else:
                self._is_over()
                pending.outcome.set_result(answered)

    def _next(self) -> Pending[Any, Any] | None:
        with self._changed:
            while self._waiting:
                pending = self._waiting.popleft()
                if pending.outcome.set_running_or_notify_cancel():
                    self._running = pending
                    return pending
            self._has_thread = False
            self._changed.notify_all()
            return None

    def _failed(self, pending: Pending[Any, Any], error: BaseException) -> None:
        log_failure(pending.prepared, self.name, error)
        self._is_over()
        if self.policy is CANCEL_REST:
            self._give_up(cancelled_by(pending.prepared), pending.prepared.id)
        pending.outcome.set_exception(error)

    def _is_over(self) -> None:
        with self._changed:
            self._running = None

    def _give_up(self, why: str, cause_id: str | None) -> None:
        with self._changed:
            given_up, self._waiting = self._waiting, deque()
        for pending in given_up:
            if pending.outcome.set_running_or_notify_cancel():
                pending.outcome.set_exception(RequestCancelled(why, cause_id=cause_id))


def cancelled_by(prepared: Prepared[Any, Any]) -> str:
    """Why those are cancelled that stood behind a request."""
    return f"{prepared.name}, which stood before it in the queue, failed"


def log_failure(prepared: Prepared[Any, Any], queue: str, error: BaseException) -> None:
    """Note that a request in a queue has failed, by the id that answers and those cancelled because of it have too."""
    log.info("%s (%s) in the queue %s failed: %s", prepared.name, prepared.id, queue, type(error).__name__)


def stored_queue(
    name: str, policy: QueuePolicy, contents: Iterable[tuple[Prepared[Any, Any], bool]], *, secrets: bool
) -> dict[str, Any]:
    """A queue as plain data; of each request, whether it is running."""
    requests = [{"running": is_running, "request": one.to_json(secrets=secrets)} for one, is_running in contents]
    return {"format": FORMAT, "name": name, "policy": policy.value, "requests": requests}


def restored_queue(stored: Mapping[str, Any], secrets: Mapping[str, Mapping[str, Secret]]) -> Restored:
    """What a stored queue held. Raises ValueError where it is none."""
    waiting: list[Prepared[Any, Any]] = []
    uncertain: list[Prepared[Any, Any]] = []
    try:
        if stored["format"] != FORMAT:
            raise ValueError("the queue was stored by another version of this library")
        for one in stored["requests"]:
            told, is_running = one["request"], one["running"]
            prepared = Prepared.from_json(told, secrets=secrets.get(told["id"], {}))
            may_harm = is_running and not is_repeatable(prepared.request)
            (uncertain if may_harm else waiting).append(prepared)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no stored queue: {error}") from None
    return Restored(tuple(waiting), tuple(uncertain))
