"""What a handler is given besides its request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.appservices import Appservice
from ostiary.accounts.model import Caller, Origin
from ostiary.accounts.uia import Attempt, Grant
from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.errors import MissingToken, Reason, UnknownToken
from ostiary.api.uia import AuthData
from ostiary.server.services import Services

MAX_USER_AGENT: Final = 256

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(slots=True)
class Incoming:
    """A request as it came, its parts not yet read. ``arguments``: the path's segments by field."""

    arguments: Mapping[str, str]
    query: bytes
    authorization: bytes | None
    user_agent: bytes
    address: str
    languages: bytes = b""
    body: bytes = b""


@dataclass(slots=True)
class RequestContext:
    """One request: who sent it, from where, and what serves it."""

    services: Services
    incoming: Incoming
    sender: Caller | None = None
    appservice: Appservice | None = None
    attempt: Attempt | None = None

    @property
    def origin(self) -> Origin:
        """Where the request came from."""
        return Origin(self.incoming.address, self.incoming.user_agent[:MAX_USER_AGENT].decode("latin-1"))

    @property
    def language(self) -> str:
        """The language that the client asks for first, as in ``de`` or ``pt-BR``; empty where it says none."""
        first = self.incoming.languages.partition(b",")[0].partition(b";")[0].strip().decode("latin-1")
        return first if _LANGUAGE.fullmatch(first) else ""

    @property
    def caller(self) -> Caller:
        """Who sent the request. For calls that need a token."""
        if self.sender is None:
            raise MissingToken
        return self.sender

    @property
    def calling_appservice(self) -> Appservice:
        """The application service that sent the request. Raises MissingToken, UnknownToken."""
        if self.appservice is not None:
            return self.appservice
        if self.incoming.authorization is None:
            raise MissingToken("An application service's token is needed")
        raise UnknownToken("The token is not an application service's", reason=Reason.UNKNOWN_TOKEN)

    @property
    def recalled(self) -> Attempt:
        """The request as interactive authentication sees it. For calls that declare themselves interactive."""
        if self.attempt is None:
            raise TypeError("the endpoint does not say that it is interactive")
        return self.attempt

    async def confirm(self, auth: AuthData | UnsetType) -> Grant:
        """Go on only with the right to: raises AuthRequired until interactive authentication is complete."""
        attempt = self.recalled
        flows = self.services.flows.of(attempt.operation, has_token=attempt.owner is not None)
        return await self.services.uia.confirm(attempt, None if auth is UNSET else auth, flows, self.origin)
