"""Messages that wait to be sent: what is stuck, and why. Instants are milliseconds since the epoch."""

from ostiary.api.administration.meta import admin_meta
from ostiary.api.endpoint import UNSET, Empty, Endpoint, InPath, InQuery, Struct, UnsetType, field
from ostiary.api.errors import InvalidParam, NotFound
from ostiary.api.paging import Direction, PageLimit, PageStart


class MessageResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message, without what it says.

    ``attempts``: how often it was tried; ``last_error``: what went wrong the last time; ``given_up_at``: since when
    nobody tries any longer.
    """

    message_id: str
    kind: str
    medium: str
    address: str
    created_at: int
    attempts: int
    next_attempt_at: int
    last_error: str | UnsetType = UNSET
    given_up_at: int | UnsetType = UNSET


class MessagesResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of messages."""

    messages: tuple[MessageResponse, ...]
    next_batch: str | UnsetType = UNSET


class ListMessages(Endpoint[MessagesResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Messages, the oldest first. ``stuck``: only those that have failed at least once."""

    meta = admin_meta("GET", "messages", InvalidParam)
    stuck: InQuery[bool | UnsetType] = UNSET
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)


class RetryMessage(Endpoint[Empty], frozen=True, kw_only=True):
    """Have a message tried again at once, even if it was given up."""

    meta = admin_meta("POST", "messages/{message_id}/retry", InvalidParam, NotFound, bodyless=True)
    message_id: InPath[str]


class DropMessage(Endpoint[Empty], frozen=True, kw_only=True):
    """Forget a message unsent."""

    meta = admin_meta("DELETE", "messages/{message_id}", InvalidParam, NotFound, bodyless=True)
    message_id: InPath[str]
