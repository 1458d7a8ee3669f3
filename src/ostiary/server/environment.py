"""The real clock and the real randomness; the one place on the server where either is read."""

import os
import time
from typing import Final

_TICKING: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """``accounts.ports.Clock`` by the system's clock."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000


class SystemEntropy:
    """``accounts.ports.Entropy`` by the operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        """So many random bytes."""
        return os.urandom(count)


def ticks() -> float:
    """Seconds of a clock that nobody sets and that, where the system has one, goes on while the machine sleeps."""
    return time.clock_gettime(_TICKING)


def pause(milliseconds: int) -> None:
    """Wait, where there is no event loop that could go on meanwhile."""
    time.sleep(milliseconds / 1000)
