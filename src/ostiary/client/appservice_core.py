"""What an application service speaks with: its own token, and in the name of its users. Flows; no I/O.

Spec: application service API, "Identity assertion" and "Device assertion".
"""

from typing import TypeVar

from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.http import HttpRequest
from ostiary.api.secret import Secret
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.client_core import ClientCore
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


class AppserviceCalls(Calls):
    """Makes calls with an application service's token, as one of its users where one is named."""

    def __init__(
        self, base_url: str, policy: RetryPolicy, token: Secret, user_id: str | None = None,
        device_id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(base_url, policy)
        self._token = token
        named = (("user_id", user_id), ("device_id", device_id))
        self._mask = tuple((name, text) for name, text in named if text is not None)

    def ask(self, request: Endpoint[R], message: HttpRequest) -> Flow[R]:
        """Make a call by a message that is written already, with the token and whose name it is in."""
        token = ("Authorization", f"Bearer {self._token.reveal()}")
        marked = message.with_more(query=self._mask, headers=(token,))
        return super().ask(request, marked)


class AppserviceCore(ClientCore):
    """An application service at one server. ``calls`` are made as itself."""

    def __init__(self, base_url: str, policy: RetryPolicy, token: Secret) -> None:
        super().__init__(base_url, policy)
        self._policy = policy
        self._token = token
        self._plain = self.calls
        self.calls = AppserviceCalls(base_url, policy, token)

    def calls_at(self, homeserver: str) -> Calls:
        """What makes the calls of a session, which has a token of its own."""
        return self._plain.at(homeserver)

    def mask(self, user_id: str, device_id: str | None) -> "MaskCore":
        """Speak as one of its users."""
        return MaskCore(
            AppserviceCalls(self.base_url, self._policy, self._token, user_id, device_id), self._plain, user_id
        )


class MaskCore:
    """An application service in the name of one of its users. ``calls`` need nobody's token."""

    def __init__(self, masked: AppserviceCalls, plain: Calls, user_id: str) -> None:
        self._masked = masked
        self.calls = plain
        self.user_id = user_id

    def send(self, request: Endpoint[R]) -> Flow[R]:
        """Make any call, as the user."""
        return self._masked.call(request)
