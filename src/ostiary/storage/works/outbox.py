"""Messages that wait to be sent."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.accounts.model import Instant
from ostiary.accounts.outbox import OutboxEntry
from ostiary.storage.work import GIVEN, HOLDING_FREE, Row, Statement, Work, ask

_PUT: Final = f"""
    INSERT INTO outbox (kind, medium, address, language, content, created_at, next_attempt_at, attempts)
    SELECT :kind, :medium, :address, :language, :content, :at, :at, 0 WHERE {GIVEN}
"""

_KNOWN: Final = "kind IN ('" + "', '".join(MessageKind) + "')"
"""A newer version on the same database may write kinds that this one cannot word: it leaves them alone."""

_COLUMNS: Final = """
    outbox_id, kind, medium, address, language, content, mark, created_at, attempts, next_attempt_at, last_error,
    given_up_at
"""
_IS_DUE: Final = "given_up_at IS NULL AND (next_attempt_at <= :now OR next_attempt_at > :beyond)"
_FIND: Final = f"""
    SELECT outbox_id FROM outbox WHERE given_up_at IS NULL AND next_attempt_at {{when}} AND {_KNOWN}
    ORDER BY next_attempt_at, outbox_id LIMIT :limit {HOLDING_FREE}
"""
_DUE: Final = _FIND.format(when="<= :now")
_MISDATED: Final = _FIND.format(when="> :beyond")
_LEASE: Final = f"""
    UPDATE outbox SET next_attempt_at = :until, attempts = attempts + 1, mark = COALESCE(mark, :mark)
    WHERE outbox_id = :id AND {_IS_DUE}
    RETURNING {_COLUMNS}
"""
WRONG_CLOCK_MS: Final = 24 * 3_600_000
"""Nothing is put off for as long as this: what is to be tried later than that, a clock has put off that was wrong."""

_DELETE: Final = "DELETE FROM outbox WHERE outbox_id = :id RETURNING outbox_id"
_FAILED: Final = "UPDATE outbox SET last_error = :error, next_attempt_at = :next WHERE outbox_id = :id"
_GIVE_UP: Final = "UPDATE outbox SET last_error = :error, given_up_at = :at WHERE outbox_id = :id"
_RETRY: Final = """
    UPDATE outbox SET next_attempt_at = :at, given_up_at = NULL WHERE outbox_id = :id RETURNING outbox_id
"""
_STUCK: Final = "AND last_error IS NOT NULL"
_LISTS: Final = {
    (stuck, backward): f"""
        SELECT {_COLUMNS} FROM outbox
        WHERE outbox_id {"<" if backward else ">"} :after AND {_KNOWN} {_STUCK if stuck else ""}
        ORDER BY outbox_id {"DESC" if backward else ""} LIMIT :limit
    """
    for stuck in (False, True)
    for backward in (False, True)
}
_LAST_ID: Final = 2**62


def put(messages: Iterable[Message], at: Instant) -> Work[None]:
    """Have messages sent, once the transaction is done."""
    for statement in puts(messages, at):  # noqa: UP028 - one after the other, and a list takes no answers
        yield statement


def puts(messages: Iterable[Message], at: Instant) -> list[Statement]:
    """The same, to be written together with other things."""
    return [
        ask(
            _PUT, kind=message.kind.value, medium=message.medium.value, address=message.address,
            language=message.language, content=json.dumps(dict(message.values)), at=at,
        )
        for message in messages
    ]  # fmt: skip


def lease(now: Instant, lease_ms: int, marks: Sequence[bytes]) -> Work[Sequence[OutboxEntry]]:
    """Take what is due, as many as there are marks, so that nobody else takes it for a while.

    Where two ask at once, the second takes other rows than the first.
    """
    beyond, limit = now + WRONG_CLOCK_MS, len(marks)
    due = yield ask(_DUE, now=now, limit=limit)
    misdated = yield ask(_MISDATED, beyond=beyond, limit=limit)
    entries = []
    for (outbox_id,), mark in zip([*due, *misdated], marks, strict=False):
        rows = yield ask(_LEASE, id=outbox_id, now=now, beyond=beyond, until=now + lease_ms, mark=mark)
        entries += [_entry(row) for row in rows]
    return entries


def delete(entry_id: int) -> Work[bool]:
    """Forget a message; False where there is none."""
    rows = yield ask(_DELETE, id=entry_id)
    return bool(rows)


def failed(entry_id: int, error: str, next_attempt_at: Instant) -> Work[None]:
    """Note what went wrong, and when to try again."""
    yield ask(_FAILED, id=entry_id, error=error, next=next_attempt_at)


def give_up(entry_id: int, error: str, at: Instant) -> Work[None]:
    """Note what went wrong, and try no longer."""
    yield ask(_GIVE_UP, id=entry_id, error=error, at=at)


def retry(entry_id: int, at: Instant) -> Work[bool]:
    """Make a message due; False where there is none."""
    rows = yield ask(_RETRY, id=entry_id, at=at)
    return bool(rows)


def list_entries(after: int | None, limit: int, *, stuck_only: bool, backward: bool) -> Work[Sequence[OutboxEntry]]:
    """Messages in the order of their IDs, those behind ``after``."""
    start = (_LAST_ID if backward else 0) if after is None else after
    rows = yield ask(_LISTS[stuck_only, backward], after=start, limit=limit)
    return [_entry(row) for row in rows]


def _entry(row: Row) -> OutboxEntry:
    outbox_id, kind, medium, address, language, content, mark, *rest = row
    message = Message(MessageKind(kind), Medium(medium), address, json.loads(content), language)
    return OutboxEntry(outbox_id, message, mark or b"", *rest)
