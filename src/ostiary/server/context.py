"""What a handler is given besides its request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.model import Caller, Origin
from ostiary.accounts.uia import Attempt, Grant
from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.errors import MissingToken
from ostiary.api.uia import AuthData
from ostiary.server.services import Services

MAX_USER_AGENT: Final = 256


@dataclass(slots=True)
class Incoming:
    """A request as it came, its parts not yet read. ``arguments``: the path's segments by field."""

    arguments: Mapping[str, str]
    query: bytes
    authorization: bytes | None
    user_agent: bytes
    address: str
    body: bytes = b""


@dataclass(slots=True)
class RequestContext:
    """One request: who sent it, from where, and what serves it."""

    services: Services
    incoming: Incoming
    sender: Caller | None
    attempt: Attempt | None = None

    @property
    def origin(self) -> Origin:
        """Where the request came from."""
        return Origin(self.incoming.address, self.incoming.user_agent[:MAX_USER_AGENT].decode("latin-1"))

    @property
    def caller(self) -> Caller:
        """Who sent the request. For calls that need a token."""
        if self.sender is None:
            raise MissingToken
        return self.sender

    @property
    def recalled(self) -> Attempt:
        """The request as interactive authentication sees it. For calls that declare themselves interactive."""
        if self.attempt is None:
            raise TypeError("the endpoint does not say that it is interactive")
        return self.attempt

    async def confirm(self, auth: AuthData | UnsetType) -> Grant:
        """Go on only with the right to: raises AuthRequired until interactive authentication is complete."""
        attempt = self.recalled
        flows = self.services.flows_of(attempt.operation)
        return await self.services.uia.confirm(attempt, None if auth is UNSET else auth, flows, self.origin)
