"""The client's clock and chance, behind functions that tests replace."""

import random
import secrets
import time


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def jitter() -> float:
    """A number from 0 to 1."""
    return random.random()  # noqa: S311 - spreads retries; nothing secret


def sleep_ms(milliseconds: int) -> None:
    """Wait."""
    time.sleep(milliseconds / 1000)


def unguessable() -> str:
    """A text that nobody can guess, of letters, digits and ``-_``."""
    return secrets.token_urlsafe(24)
