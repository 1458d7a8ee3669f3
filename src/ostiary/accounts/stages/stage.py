"""What a stage is: something that a caller can prove, one step of a flow."""

from collections.abc import Mapping
from typing import Any, Protocol

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.proofs import Proof
from ostiary.api.errors import MatrixError
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

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Check an attempt, and tell what it proves.

        ``dialogue``: what it is part of; its ``owner`` is None where no token was sent. ``origin``: where the request
        came from. Raises StageFailed when the caller may try again; another MatrixError ends the request.
        """
        ...
