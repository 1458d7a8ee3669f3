"""What can go wrong on the client's side. What a server answers is in ``ostiary.api.errors``.

::

    ClientError
      ConnectionFailed             no answer came
      CannotSend                   the request cannot go out as it is
      NotLoggedIn                  there is no session, or no longer
      InteractiveAuthUnsupported   the server asks for stages that nothing here can answer
      DiscoveryFailed              the domain does not say where its server is
      StoreUnreadable              the stored sessions cannot be read
"""

from ostiary.api.uia import AuthProgress


class ClientError(Exception):
    """Base of all of these."""


class ConnectionFailed(ClientError):
    """No answer came. ``sent``: whether the request may have reached the server all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class CannotSend(ClientError):
    """The request cannot go out as it is: no server has such a URL, no header can hold such a token.

    Trying again will not help.
    """


class NotLoggedIn(ClientError):
    """There is no session, or no longer, and so no token to send."""


class InteractiveAuthUnsupported(ClientError):
    """Every way that the server offers has a stage that nothing here can answer.

    ``progress``: how far things are, to go on with by other means; ``missing``: the stages without an answer.
    """

    def __init__(self, progress: AuthProgress, missing: tuple[str, ...]) -> None:
        self.progress = progress
        self.missing = missing
        super().__init__(f"the server asks for what was not given: {', '.join(missing)}")


class DiscoveryFailed(ClientError):
    """The domain's server was not found. ``ask_user``: whether to ask for its URL; else what is told is broken."""

    def __init__(self, message: str, *, ask_user: bool) -> None:
        self.ask_user = ask_user
        super().__init__(message)


class StoreUnreadable(ClientError):
    """The stored sessions cannot be read; they are left as they are."""
