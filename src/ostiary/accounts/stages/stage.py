"""What a stage is: something that a caller can prove, one step of a flow."""

from collections.abc import Mapping
from typing import Any, Protocol

from ostiary.api.errors import MatrixError
from ostiary.api.identifiers import Localpart
from ostiary.api.uia import AuthData


class StageFailed(Exception):
    """The attempt did not prove anything; the caller may try again. ``error`` is told along with the flows."""

    def __init__(self, error: MatrixError) -> None:
        self.error = error
        super().__init__(str(error))


class Stage(Protocol):
    """A stage. ``type`` is its name on the wire."""

    @property
    def type(self) -> str:
        """The stage's name on the wire."""
        ...

    def params(self) -> Mapping[str, Any]:
        """What a client must know to attempt it; empty for most."""
        ...

    async def check(self, auth: AuthData, owner: Localpart | None) -> Localpart | None:
        """Check an attempt. Answers with the localpart that it proves, None where a stage proves none.

        ``owner``: whose dialogue it is, None where no token was sent. Raises StageFailed when the caller may try again;
        another MatrixError ends the request.
        """
        ...
