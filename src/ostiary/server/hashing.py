"""Password hashing on a pool of its own: as many threads as configured, and a bounded queue before them.

Where the queue is full a caller is told to come back, so that a flood of logins neither fills the memory nor delays
anything but logins. Every scheme gives up the interpreter's lock, so the threads use as many cores. Must not know the
forms of hashes (``schemes``).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from ostiary.api.errors import LimitExceeded, Reason
from ostiary.api.secret import Secret
from ostiary.server.schemes import SALT_BYTES, Schemes

T = TypeVar("T")

RETRY_AFTER_MS: Final = 1_000
"""What a caller is told when the queue is full: with the default parameters 50 hashes are done by then per core."""

SEED_BYTES: Final = 32


class PasswordHasher:
    """``accounts.ports.Hasher`` over schemes. ``queue``: hashes that may wait for one of the ``threads``."""

    def __init__(
        self, schemes: Schemes, *, threads: int, queue: int, random_bytes: Callable[[int], bytes]
    ) -> None:  # fmt: skip
        self._schemes = schemes
        self._random_bytes = random_bytes
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ostiary-hash")
        self._threads = threads
        self._room = threads + queue
        self._busy = 0
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

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made by another scheme, or with other parameters, than are configured now."""
        return not self._schemes.newest.is_current(password_hash)

    @property
    def busy(self) -> int:
        """How many hashes are being made."""
        return min(self._busy, self._threads)

    @property
    def waiting(self) -> int:
        """How many hashes wait for a thread."""
        return max(0, self._busy - self._threads)

    def close(self) -> None:
        """Let go of the threads, once what is under way is done."""
        self._pool.shutdown()

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            salt, seed = self._random_bytes(SALT_BYTES), self._random_bytes(SEED_BYTES)
            self._nobody = self._schemes.newest.hash_of_nobody(salt, seed)
        return self._nobody

    async def _run(self, job: Callable[[], T]) -> T:
        if self._busy >= self._room:
            raise LimitExceeded(
                "Too many logins at once; try again", retry_after_ms=RETRY_AFTER_MS, reason=Reason.HASHING_BUSY
            )
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        self._busy += 1
        self._pool.submit(self._carry_out, job, waiting, loop)
        return await waiting

    def _carry_out(
        self, job: Callable[[], T], waiting: "asyncio.Future[T]", loop: asyncio.AbstractEventLoop
    ) -> None:  # fmt: skip
        """In a thread: do the work and hand over what came of it, waking the event loop once."""
        result: T | None = None
        error: BaseException | None = None
        try:
            if not waiting.cancelled():  # whoever asked has gone away before it was its turn
                result = job()
        except BaseException as raised:  # noqa: BLE001 - told to whoever waits
            error = raised
        with suppress(RuntimeError):  # the event loop has ended meanwhile
            loop.call_soon_threadsafe(self._hand_over, waiting, result, error)

    def _hand_over(self, waiting: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self._busy -= 1  # not when the caller goes away: that leaves its hash behind in the thread
        if waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(result)
