"""What has happened to an account, told to its owner. An extension; the spec has nothing like it."""

from typing import Any

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Endpoint, InQuery, Meta, Struct, UnsetType, field
from ostiary.api.errors import InvalidParam
from ostiary.api.paging import Direction, PageLimit, PageStart


class AuditEvent(Struct, frozen=True, kw_only=True):
    """Something that has happened to an account.

    ``happened_at``: milliseconds since the epoch. ``address``, ``user_agent``: from where it was done; empty where that
    was at the server itself. ``detail``: what more there is to say, by ``kind``.
    """

    event_id: int
    kind: str
    happened_at: int
    address: str
    user_agent: str
    detail: dict[str, Any]


class AuditResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of events."""

    events: tuple[AuditEvent, ...]
    next_batch: str | UnsetType = UNSET


class GetAudit(Endpoint[AuditResponse], frozen=True, kw_only=True, omit_defaults=True):
    """What has happened to the caller's account, the newest first unless ``dir`` is ``f``."""

    meta = Meta(
        method="GET",
        history=("/_matrix/client/unstable/org.ostiary/audit",),
        authentication=AccessToken(),
        operation=("", ""),
        since="",
        errors=(InvalidParam,),
    )
    start: InQuery[PageStart | UnsetType] = field(name="from", default=UNSET)
    limit: InQuery[PageLimit | UnsetType] = UNSET
    direction: InQuery[Direction | UnsetType] = field(name="dir", default=UNSET)
