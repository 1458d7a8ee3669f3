"""What most flows need of a session: somebody in whose name calls are made. Sessions are one kind, masks another."""

from typing import Protocol, TypeVar

from ostiary.api.endpoint import Endpoint, Struct
from ostiary.client.calls import Calls
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


class Speaker(Protocol):
    """Makes calls in the name of a user."""

    @property
    def user_id(self) -> str:
        """In whose."""
        ...

    @property
    def calls(self) -> Calls:
        """What makes calls that need nobody's token."""
        ...

    def send(self, request: Endpoint[R]) -> Flow[R]:
        """Make any call of the contract. Raises NotLoggedIn when the session has ended."""
        ...
