"""Writing down, and reading, what happened to an account, in the transaction that made it happen."""

import json
from collections.abc import Sequence
from typing import Final

from ostiary.accounts.model import AuditEvent, AuditKind, Instant, Origin
from ostiary.accounts.values import LoggedEvent
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import GIVEN, Statement, Work, ask

_RECORD: Final = f"""
    INSERT INTO audit_events (localpart, kind, happened_at, address, user_agent, detail)
    SELECT :localpart, :kind, :happened_at, :address, :user_agent, :detail WHERE {GIVEN}
"""


_COLUMNS: Final = "event_id, localpart, kind, happened_at, address, user_agent, detail"
_OF_ONE: Final = f"""
    SELECT {_COLUMNS} FROM audit_events
    WHERE localpart = :localpart AND event_id {{behind}} :start AND happened_at >= :since
    ORDER BY event_id {{order}} LIMIT :limit
"""
_OF_ALL: Final = f"""
    SELECT {_COLUMNS} FROM audit_events WHERE event_id {{behind}} :start
    ORDER BY event_id {{order}} LIMIT :limit
"""
_END_OF_TIME: Final = 2**62


def list_events(
    localpart: Localpart | None, start: int | None, limit: int, *, newest_first: bool, since: Instant
) -> Work[Sequence[LoggedEvent]]:
    """Events of one account, or of all, from behind ``start``; of one account, none from before ``since``."""
    order = {"behind": "<", "order": "DESC"} if newest_first else {"behind": ">", "order": "ASC"}
    edge = _END_OF_TIME if newest_first else 0
    sql = (_OF_ALL if localpart is None else _OF_ONE).format(**order)
    named = {} if localpart is None else {"localpart": localpart, "since": since}
    rows = yield ask(sql, start=edge if start is None else start, limit=limit, **named)
    return [
        LoggedEvent(
            event_id,
            AuditEvent(AuditKind(kind), Localpart(name), at, Origin(address, user_agent), json.loads(detail)),
        )
        for event_id, name, kind, at, address, user_agent, detail in rows
    ]


def record_alone(event: AuditEvent) -> Work[None]:
    """Record an event that comes with no other change."""
    yield record(event)


def record(event: AuditEvent) -> Statement:
    """Record an event."""
    return ask(
        _RECORD,
        localpart=event.localpart,
        kind=event.kind.value,
        happened_at=event.at,
        address=event.origin.address,
        user_agent=event.origin.user_agent,
        detail=json.dumps(event.detail),
    )
