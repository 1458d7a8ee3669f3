"""What has happened to accounts, in full."""

from typing import Any

from ostiary.api.administration.meta import ACCOUNT, admin_meta
from ostiary.api.endpoint import UNSET, Endpoint, InPath, InQuery, Struct, UnsetType, field
from ostiary.api.errors import InvalidParam, NotFound
from ostiary.api.identifiers import UserId
from ostiary.api.paging import Direction, PageLimit, PageStart


class AccountEvent(Struct, frozen=True, kw_only=True):
    """Something that has happened to an account.

    ``happened_at``: milliseconds since the epoch. ``detail`` says ``by`` whom, where an administrator did it: the
    localpart, or ``command line``; ``address`` and ``user_agent`` are the administrator's then.
    """

    event_id: int
    user_id: UserId
    kind: str
    happened_at: int
    address: str
    user_agent: str
    detail: dict[str, Any]


class EventsResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of events."""

    events: tuple[AccountEvent, ...]
    next_batch: str | UnsetType = UNSET


class ListEvents(Endpoint[EventsResponse], frozen=True, kw_only=True, omit_defaults=True):
    """What has happened to all accounts, the newest first unless ``dir`` is ``f``."""

    meta = admin_meta("GET", "audit", InvalidParam)
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)


class ListAccountEvents(Endpoint[EventsResponse], frozen=True, kw_only=True, omit_defaults=True):
    """What has happened to an account, even to one that was rejected; the newest first unless ``dir`` is ``f``."""

    meta = admin_meta("GET", f"{ACCOUNT}/audit", InvalidParam, NotFound)
    name: InPath[str]
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)
