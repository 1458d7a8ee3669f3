"""A clock that stands still until a test turns it. Must not know who reads it."""

from collections.abc import Callable

from ostiary.accounts.model import Instant


class TurnableClock:
    """``accounts.ports.Clock`` in a test's hand. ``now``: where it stands, in milliseconds since the epoch, UTC."""

    def __init__(self, now: Instant) -> None:
        self._now = now
        self._listeners: list[Callable[[], object]] = []

    def now(self) -> Instant:
        """Milliseconds since the epoch, UTC."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Turn the clock on. Raises ValueError for a step back."""
        self.set(self._now + milliseconds)

    def set(self, now: Instant) -> None:
        """Turn the clock to an instant. Raises ValueError for one that is past."""
        if now < self._now:
            raise ValueError("The clock goes forward only: tokens would come to life again")
        self._now = now
        for listener in self._listeners:
            listener()

    def on_turn(self, listener: Callable[[], object]) -> None:
        """Have something called whenever the clock is turned, in the thread of whoever turns it."""
        self._listeners.append(listener)
