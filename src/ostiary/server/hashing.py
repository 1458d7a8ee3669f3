"""Argon2id on a pool of its own: as many threads as configured, and a bounded queue before them.

Where the queue is full a caller is told to come back, so that a flood of logins neither fills the memory nor delays
anything but logins. Argon2 gives up the interpreter's lock, so the threads use as many cores.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from ostiary.api.errors import LimitExceeded, Reason
from ostiary.api.secret import Secret

T = TypeVar("T")

RETRY_AFTER_MS: Final = 1_000
"""What a caller is told when the queue is full: with the default parameters 50 hashes are done by then per core."""

SALT_BYTES: Final = 16


class ArgonHasher:
    """``accounts.ports.Hasher`` with Argon2id. ``memory_kib``: for each hash being made."""

    def __init__(
        self, *, memory_kib: int, time_cost: int, parallelism: int, threads: int, queue: int,
        random_bytes: Callable[[int], bytes],
    ) -> None:  # fmt: skip
        self._argon = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, salt_len=SALT_BYTES
        )
        self._random_bytes = random_bytes
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ostiary-hash")
        self._room = threads + queue
        self._busy = 0
        self._nobody: str | None = None

    async def hash(self, password: Secret) -> str:
        """A hash with its parameters and salt inside. Raises LimitExceeded when the pool has no room."""
        salt = self._random_bytes(SALT_BYTES)
        return await self._run(lambda: self._argon.hash(_bytes(password), salt=salt))

    async def verify(self, password: Secret, password_hash: str | None) -> bool:
        """Whether the password is the one hashed. None is never right, and takes as long as a real hash."""
        against = password_hash if password_hash is not None else self._hash_of_nobody()
        right = await self._run(lambda: self._is_right(against, password))
        return right and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are configured now."""
        try:
            return self._argon.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def close(self) -> None:
        """Let go of the threads, once what is under way is done."""
        self._pool.shutdown()

    def _is_right(self, password_hash: str, password: Secret) -> bool:
        try:
            return self._argon.verify(password_hash, _bytes(password))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    def _hash_of_nobody(self) -> str:
        """A hash of today's parameters that no password has: its digest is not that of any Argon2 run."""
        if self._nobody is None:
            fake = hashlib.sha256(self._random_bytes(32)).digest()
            a = self._argon
            self._nobody = (
                f"$argon2id$v=19$m={a.memory_cost},t={a.time_cost},p={a.parallelism}"
                f"${_base64(self._random_bytes(SALT_BYTES))}${_base64(fake)}"
            )
        return self._nobody

    async def _run(self, job: Callable[[], T]) -> T:
        if self._busy >= self._room:
            raise LimitExceeded(
                "Too many logins at once; try again", retry_after_ms=RETRY_AFTER_MS, reason=Reason.HASHING_BUSY
            )
        loop = asyncio.get_running_loop()
        self._busy += 1
        running = self._pool.submit(job)
        # Not when the caller is done: one that has gone away leaves its hash behind in the thread.
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._one_less))
        return await asyncio.wrap_future(running)

    def _one_less(self) -> None:
        self._busy -= 1


def _bytes(password: Secret) -> bytes:
    return password.reveal().encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
