"""Password hashing on a pool of its own: as many threads as configured, and a bounded queue before them.

The queue is bounded in number, and in time: no longer than what the threads do in half a second, at the pace that they
have just now. Where it is full a caller is told to come back, so that a flood of logins neither fills the memory nor
delays anything but logins. Every scheme gives up the interpreter's lock, so the threads use as many cores.

A hash sweeps the processor's caches, and what the event loop and the database do for a login afterwards takes three
times as long as with warm ones. So while many wait, hashes that are done are held for a moment and handed over
several at once: the first of them pays, and the others' commits go along with its own.

When none has been asked for in a while, whoever keeps things ready for the next one is told to let go of them.

Must not know the forms of hashes (``schemes``).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter
from typing import Any, Final, TypeVar

from ostiary.api.errors import LimitExceeded, Reason
from ostiary.api.secret import Secret
from ostiary.server.schemes import SALT_BYTES, Schemes

T = TypeVar("T")

RETRY_AFTER_MS: Final = 1_000
"""What a caller is told when the queue is full: with the default parameters 50 hashes are done by then per core."""

SEED_BYTES: Final = 32

LONGEST_WAIT_S: Final = 0.5
"""For a thread, as far as can be foreseen. Whoever would have to wait longer is better served by being told at once."""

LATEST_S: Final = 1.0
"""Who was not foreseen to wait this long, and had to, is told as well: the machine has become slower meanwhile."""

HANDED_OVER_AT_ONCE: Final = 8
"""At most. What a login costs beside its hash is half as much with four, two fifths with eight, a third with 16."""

LONGEST_HELD_S: Final = 0.1
"""What is done waits for others no longer than this, a fifth of what is borne before a hash."""

IDLE_AFTER_S: Final = 1.0
"""Without a hash. What is let go of costs the next one some 2 ms: nothing, for a server with a login a second."""

NEWEST_WEIGHT: Final = 0.2
"""Of the last hash's duration in the average, which so follows the machine's load within some ten hashes."""


class PasswordHasher:
    """``accounts.ports.Hasher`` over schemes. ``queue``: hashes that may wait for one of the ``threads``.

    ``when_idle``: called a second after the last hash, while no thread does anything; and at the end.
    """

    def __init__(
        self,
        schemes: Schemes,
        *,
        threads: int,
        queue: int,
        random_bytes: Callable[[int], bytes],
        when_idle: Callable[[], None] | None = None,
    ) -> None:
        self._schemes = schemes
        self._random_bytes = random_bytes
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ostiary-hash")
        self._threads = threads
        self._queue = queue
        self._unanswered = 0
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._holding: asyncio.TimerHandle | None = None
        self._when_idle = when_idle or (lambda: None)
        self._idling: asyncio.TimerHandle | None = None
        self._takes_s = 0.0
        self._nobody: str | None = None

    async def hash(self, password: Secret) -> str:
        """A hash with its parameters and salt inside. Raises LimitExceeded when the pool has no room."""
        salt = self._random_bytes(SALT_BYTES)
        return await self._run(lambda: self._schemes.newest.hash(password, salt))

    async def verify(self, password: Secret, password_hash: str | None) -> bool:
        """Whether the password is the one hashed.

        None is never right, nor is a hash of a form that is unknown; to say so takes as long as a hash of today's.
        """
        scheme = self._schemes.find(password_hash) if password_hash is not None else None
        if password_hash is None or scheme is None:
            nobody = self._hash_of_nobody()
            await self._run(lambda: self._schemes.newest.verify(password, nobody))
            return False
        return await self._run(lambda: scheme.verify(password, password_hash))

    def ensure_room(self) -> None:
        """Raise LimitExceeded when the pool has no room."""
        if self._unfinished >= self._threads + self._places():
            raise _no_room()

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made by another scheme, or with other parameters, than are configured now."""
        return not self._schemes.newest.is_current(password_hash)

    @property
    def busy(self) -> int:
        """How many hashes are being made."""
        return min(self._unfinished, self._threads)

    @property
    def waiting(self) -> int:
        """How many hashes wait for a thread."""
        return max(0, self._unfinished - self._threads)

    def close(self) -> None:
        """Let go of the threads, once what is under way is done."""
        self._pool.shutdown()
        self._stop_idling()
        self._when_idle()

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            salt, seed = self._random_bytes(SALT_BYTES), self._random_bytes(SEED_BYTES)
            self._nobody = self._schemes.newest.hash_of_nobody(salt, seed)
        return self._nobody

    async def _run(self, job: Callable[[], T]) -> T:
        self.ensure_room()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        self._unanswered += 1
        self._stop_idling()
        self._pool.submit(self._carry_out, job, waiting, loop, perf_counter())
        self._hold_while_many_wait(loop)
        return await waiting

    def _carry_out(
        self, job: Callable[[], T], waiting: "asyncio.Future[T]", loop: asyncio.AbstractEventLoop, queued_at: float
    ) -> None:  # fmt: skip
        """In a thread: do the work, and have what came of it handed over, at once or with others."""
        result: T | None = None
        error: BaseException | None = None
        try:
            if not waiting.cancelled():  # whoever asked has gone away before it was its turn
                result = self._timed(job, queued_at)
        except BaseException as raised:  # noqa: BLE001 - told to whoever waits
            error = raised
        self._done.append((waiting, result, error))
        if self._holding is None or len(self._done) >= HANDED_OVER_AT_ONCE or not self._many_wait:
            with suppress(RuntimeError):  # the event loop has ended meanwhile
                loop.call_soon_threadsafe(self._hand_over_all, loop)

    def _hand_over_all(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop: tell everybody whose hash is done."""
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None  # first of all: what is done from here on is heard of, or found below
        while self._done:
            self._hand_over(*self._done.popleft())
        self._hold_while_many_wait(loop)
        if not self._unanswered:
            self._stop_idling()
            self._idling = loop.call_later(IDLE_AFTER_S, self._when_idle)

    def _hold_while_many_wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._holding is None and self._many_wait:
            self._holding = loop.call_later(LONGEST_HELD_S, self._hand_over_all, loop)

    def _hand_over(self, waiting: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self._unanswered -= 1  # not when the caller goes away: that leaves its hash behind in the thread
        if waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(result)

    def _stop_idling(self) -> None:
        if self._idling is not None:
            self._idling.cancel()
            self._idling = None

    @property
    def _unfinished(self) -> int:
        return self._unanswered - len(self._done)

    @property
    def _many_wait(self) -> bool:
        """Whether each thread has its next hash at hand, so that none is idle while what is done is held."""
        return self._unfinished >= 2 * self._threads

    def _places(self) -> int:
        """How many may wait. Where a hash takes longer than anybody should wait, one for each thread still may."""
        if self._takes_s == 0:
            return self._queue
        return min(self._queue, max(self._threads, int(LONGEST_WAIT_S * self._threads / self._takes_s)))

    def _timed(self, job: Callable[[], T], queued_at: float) -> T:
        """Do it, in a thread, and keep how long it takes on the average. Raises LimitExceeded where it is late."""
        began = perf_counter()
        if began - queued_at > max(LATEST_S, 2 * self._takes_s):
            raise _no_room()
        try:
            return job()
        finally:
            took = perf_counter() - began
            known = self._takes_s or took
            self._takes_s = known + NEWEST_WEIGHT * (took - known)


def _no_room() -> LimitExceeded:
    return LimitExceeded(
        "Too many logins at once; try again", retry_after_ms=RETRY_AFTER_MS, reason=Reason.HASHING_BUSY
    )
