"""The client's clock and chance, behind functions that tests replace."""

import random
import secrets
import time
import uuid


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def ticks_ms() -> int:
    """Milliseconds since whenever, by a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


def unique_id() -> str:
    """A name that nothing else has; no secret."""
    return uuid.uuid4().hex


def jitter() -> float:
    """A number from 0 to 1."""
    return random.random()  # noqa: S311 - spreads retries; nothing secret


def sleep_ms(milliseconds: int) -> None:
    """Wait."""
    time.sleep(milliseconds / 1000)


def unguessable() -> str:
    """A text that nobody can guess, of letters, digits and ``-_``."""
    return secrets.token_urlsafe(24)
