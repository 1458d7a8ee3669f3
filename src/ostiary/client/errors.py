"""What can go wrong on the client's side. What a server answers is in ``ostiary.api.errors``.

::

    ClientError
      ConnectionFailed             no answer came
      CannotSend                   the request cannot go out as it is
      NotLoggedIn                  there is no session, or no longer
      InteractiveAuthUnsupported   the server asks for stages that nothing here can answer
      DialoguePaused               a stage waits for a person, who may take longer
      ValidationPaused             so does an address or a number that is to be added
      BrowserLoginFailed           no login came back from the browser
      Declined                     the caller does not agree to what the server asks
      DiscoveryFailed              the domain does not say where its server is
      StoreUnreadable              the stored sessions cannot be read
"""

from typing import Any

from ostiary.api.uia import AuthProgress
from ostiary.client.dialogue import Dialogue, Validation


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

    ``progress``: how far things are; ``missing``: the stages without an answer; ``dialogue``: to go on with by other
    means, None where nothing was begun.
    """

    def __init__(self, progress: AuthProgress, missing: tuple[str, ...]) -> None:
        self.progress = progress
        self.missing = missing
        self.dialogue: Dialogue[Any] | None = None
        super().__init__(f"the server asks for what was not given: {', '.join(missing)}")


class DialoguePaused(ClientError):
    """A stage waits for a person, for longer than the caller does. ``dialogue``: what to go on with later."""

    def __init__(self, stage: str, dialogue: Dialogue[Any]) -> None:
        self.stage = stage
        self.dialogue = dialogue
        super().__init__(f"the stage {stage} still waits for somebody")


class ValidationPaused(ClientError):
    """Nobody has followed the link yet. ``validation``: what to go on with later."""

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        super().__init__(f"nobody has confirmed the {validation.medium} {validation.address} yet")


class BrowserLoginFailed(ClientError):
    """No login came back from the browser, in time or at all."""


class Declined(ClientError):
    """The caller does not agree to what the server asks, such as its policies."""


class DiscoveryFailed(ClientError):
    """The domain's server was not found. ``ask_user``: whether to ask for its URL; else what is told is broken."""

    def __init__(self, message: str, *, ask_user: bool) -> None:
        self.ask_user = ask_user
        super().__init__(message)


class StoreUnreadable(ClientError):
    """The stored sessions cannot be read; they are left as they are."""
