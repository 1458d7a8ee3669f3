"""What every way of sending has in common: one method, and one error.

Must not know of any way in particular, nor of the outbox.
"""

from dataclasses import dataclass
from typing import Protocol

from ostiary.accounts.messages import Message
from ostiary.accounts.model import Instant


class DeliveryFailed(Exception):
    """A message was not handed over. The text is a sentence without secrets, which is kept and logged.

    ``permanent``: it would fail again however often it is tried.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Postmark:
    """What tells a message from every other one, the same each time it is sent: who gets it twice can see that.

    ``unique``: random bytes, so that nobody can send another message under its name before it. ``at``: since when it
    waits to be sent.
    """

    unique: bytes
    at: Instant


class Sender(Protocol):
    """Hands messages of one medium over."""

    async def send(self, message: Message, postmark: Postmark) -> None:
        """Hand a message over: when this returns, another has taken the care of it. Raises DeliveryFailed."""
        ...
