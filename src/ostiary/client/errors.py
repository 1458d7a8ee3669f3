"""What can go wrong on the client's side. What a server answers is in ``ostiary.api.errors``.

::

    ClientError
      ConnectionFailed             no answer came
        TimedOut                   it did not come in time
        AnswerTooLong              it is longer than it may be
      CannotSend                   the request cannot go out as it is
      CannotSave                   the answer cannot be written to its file
      RequestCancelled             what stood before it in its queue failed, or the queue was closed
      NotLoggedIn                  there is no session, or no longer
      InteractiveAuthUnsupported   the server asks for stages that nothing here can answer
      DialoguePaused               a stage waits for a person, who may take longer
      ValidationPaused             so does an address or a number that is to be added
      BrowserLoginFailed           no login came back from the browser
      Declined                     the caller does not agree to what the server asks
      DiscoveryFailed              the domain does not say where its server is
      StoreUnreadable              the stored sessions cannot be read
      StoreUnwritable              a session cannot be stored
      PagesRepeat                  a list leads back to where it was

    NotMatrix                      of ostiary.api.errors: an answer came, but of something else
      HtmlPage                     a page, as proxies and captive portals show them
      Redirected                   a redirect, which no call follows
"""

import html
import re
from typing import Any, Final

from ostiary.api.errors import NotMatrix
from ostiary.api.http import HttpResponse
from ostiary.api.uia import AuthProgress
from ostiary.client.dialogue import Dialogue, Validation

MAX_PAGE_BYTES: Final = 20_000
"""How much of a page is looked at."""

MAX_PAGE_TEXT: Final = 500

_UNSEEN: Final = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|head)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*(?:>|\Z)")


class ClientError(Exception):
    """Base of all of these."""


class ConnectionFailed(ClientError):
    """No answer came. ``sent``: whether the request may have reached the server all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class TimedOut(ConnectionFailed):
    """The answer did not come in time, or all time was gone before the call succeeded."""


class AnswerTooLong(ConnectionFailed):
    """The answer is longer than it may be, inflated; what had come of it is gone. ``max_bytes``: how long it may be."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"the answer has over {max_bytes} bytes", sent=True)


class CannotSave(ClientError):
    """The answer came, and cannot be written where it was to be saved; nothing new stands there."""


class CannotSend(ClientError):
    """The request cannot go out as it is: no server has such a URL, no header can hold such a token, no such file.

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


class StoreUnwritable(ClientError):
    """A session cannot be stored; what was stored before is left as it is."""


class PagesRepeat(ClientError):
    """The server says that a list goes on where it has been already. ``token``: where that is."""

    def __init__(self, token: str) -> None:
        self.token = token
        super().__init__("the list goes on where it has been already, and so would never end")


class RequestCancelled(ClientError):
    """A request that waited in a queue was not sent, and will not be. ``cause_id``: the id of the one that failed."""

    def __init__(self, message: str, *, cause_id: str | None = None) -> None:
        self.cause_id = cause_id
        super().__init__(message)


class HtmlPage(NotMatrix):
    """A page of HTML where an answer should be: of a proxy, a captive portal, a web server without Matrix.

    ``status``: the HTTP status; ``title``: the page's; ``text``: what it says, without tags, at most 500 characters.
    """

    def __init__(self, status: int, body: bytes) -> None:
        page = body[:MAX_PAGE_BYTES].decode("utf-8", "replace")
        title = _TITLE.search(page)
        self.title = _plain(title[1])[:MAX_PAGE_TEXT] if title else ""
        text = _plain(_TAG.sub(" ", _UNSEEN.sub(" ", page)))[:MAX_PAGE_TEXT] or self.title
        super().__init__(status, text.encode(), "the answer is a page, not Matrix")
        self.text = text


class Redirected(NotMatrix):
    """An answer that points elsewhere, which no call follows but discovery. ``target``: where, as it was told."""

    def __init__(self, response: HttpResponse, target: str) -> None:
        super().__init__(response.status, response.body)
        self.target = target


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).split())
