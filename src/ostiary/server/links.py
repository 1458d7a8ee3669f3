"""Where the server's own pages and calls are found from outside.

All lie below a prefix of the client API, so that a proxy that passes that on passes these on as well.
"""

from typing import Final
from urllib.parse import quote

from ostiary.accounts.messages import Medium

OWN: Final = "/_matrix/client/unstable/org.ostiary"

VALIDATE: Final = f"{OWN}/validate"
REGISTER: Final = f"{OWN}/register"


class Links:
    """Makes them. ``base_url``: the server's, as the configuration says it; empty where it does not."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    @property
    def base_url(self) -> str:
        """The server's, without a slash at its end; empty where it is not known."""
        return self._base_url

    @property
    def are_known(self) -> bool:
        """Whether the server knows where it is found."""
        return bool(self._base_url)

    def validation(self, secret: str) -> str:
        """The page where a person confirms to read an address."""
        return f"{self._base_url}{VALIDATE}?token={quote(secret, safe='')}"

    def submit_url(self, medium: Medium) -> str:
        """Where a client sends the code that a person has typed in."""
        return f"{self._base_url}{OWN}/validate/{medium}/submit_token"

    def invitation(self, token: str) -> str:
        """The page where an invited person registers."""
        return f"{self._base_url}{REGISTER}?token={quote(token, safe='')}"
