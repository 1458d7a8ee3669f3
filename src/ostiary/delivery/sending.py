"""What every way of sending has in common: one method, and one error.

Must not know of any way in particular, nor of the outbox.
"""

from typing import Protocol

from ostiary.accounts.messages import Message


class DeliveryFailed(Exception):
    """A message was not handed over. The text is a sentence without secrets, which is kept and logged.

    ``permanent``: it would fail again however often it is tried.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Sender(Protocol):
    """Hands messages of one medium over."""

    async def send(self, message: Message) -> None:
        """Hand a message over: when this returns, another has taken the care of it. Raises DeliveryFailed."""
        ...
