"""An account that a test has made, with a session, ready to be handed to whatever is tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ostiary.api.secret import Secret
from ostiary.client import SessionRecord

if TYPE_CHECKING:
    from ostiary.client import AsyncSession, Session
    from ostiary.testing.server import Server

PASSWORD = "correct horse battery"
"""Of every account that a test does not give another."""


@dataclass(frozen=True)
class Account:
    """An account and a session of its own. ``refresh_token`` None: the session was asked to have none.

    The tokens are those that the session began with. A client that refreshes has newer ones.
    """

    user_id: str
    password: str = field(repr=False)
    device_id: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    server: Server = field(repr=False, compare=False)

    @property
    def localpart(self) -> str:
        """The user ID without ``@`` and the server's name."""
        return self.user_id[1:].partition(":")[0]

    @property
    def record(self) -> SessionRecord:
        """The session as ``ostiary.client`` keeps it."""
        return SessionRecord(
            homeserver=self.server.url,
            user_id=self.user_id,
            device_id=self.device_id,
            access_token=Secret(self.access_token),
            refresh_token=None if self.refresh_token is None else Secret(self.refresh_token),
        )

    def client(self) -> Session:
        """The session in a synchronous client without a socket, whose clock is the test's; it waits by turning it."""
        return self.server.client().restore(self.record)

    def aclient(self) -> AsyncSession:
        """The same, asynchronous."""
        return self.server.aclient().restore(self.record)
