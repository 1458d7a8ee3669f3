"""Writing down what happened to an account, in the transaction that made it happen."""

import json
from typing import Final

from ostiary.accounts.model import AuditEvent
from ostiary.storage.work import Statement, ask

_RECORD: Final = """
    INSERT INTO audit_events (localpart, kind, happened_at, address, user_agent, detail)
    VALUES (:localpart, :kind, :happened_at, :address, :user_agent, :detail)
"""


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
