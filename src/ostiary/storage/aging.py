"""For databases that tell nobody of changes: what a process remembers is believed for a set time and no longer."""

from collections.abc import Callable, Iterable, Sequence


class Aging:
    """Has everything forgotten every ``lifetime_s``; with 0, nothing is ever believed.

    ``ticks``: seconds of a clock that nobody sets.
    """

    def __init__(self, lifetime_s: float, ticks: Callable[[], float]) -> None:
        self._lifetime_s = lifetime_s
        self._ticks = ticks
        self._forget_at = float("-inf")

    async def open(self) -> None:
        """Nothing to do: nobody is listened to."""

    async def close(self) -> None:
        """Nothing to do."""

    def are_current(self) -> bool:
        """Whether what is remembered may be believed; False once whenever the time is over."""
        now = self._ticks()
        if now < self._forget_at:
            return True
        self._forget_at = now + self._lifetime_s
        return False

    def notice(self, _session_ids: Iterable[int]) -> None:
        """Nobody would hear it."""

    async def tell(self, _session_ids: Sequence[int]) -> None:
        """Nobody would hear it."""
