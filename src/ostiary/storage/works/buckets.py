"""How many calls are left of what is limited, for all processes together: the generic cell rate algorithm in SQL."""

from typing import Final

from ostiary.accounts.values import CountedCall, Counting
from ostiary.storage.work import Work, ask

_TAKE: Final = """
    INSERT INTO buckets (digest, full_at_us) VALUES (:digest, :first)
    ON CONFLICT (digest) DO UPDATE SET full_at_us =
        CASE WHEN buckets.full_at_us > :now AND buckets.full_at_us <= :beyond THEN buckets.full_at_us ELSE :now END
        + :interval
    WHERE buckets.full_at_us + :interval <= :edge OR buckets.full_at_us > :beyond
    RETURNING full_at_us
"""
"""One statement, so that of many at once no two take the same call. Changes nothing where none is left."""

_READ: Final = "SELECT full_at_us FROM buckets WHERE digest = :digest"
_STEP: Final = "SELECT digest FROM buckets WHERE digest > :after ORDER BY digest LIMIT :limit"
_FORGET: Final = """
    DELETE FROM buckets WHERE digest > :after AND digest <= :last
        AND (full_at_us < :before OR full_at_us > :beyond)
"""


def take(call: CountedCall) -> Work[Counting]:
    """Count a call, if one is left."""
    now = call.at_us
    rows = yield ask(
        _TAKE, digest=call.digest, first=now + call.interval_us, now=now, interval=call.interval_us,
        edge=now + call.most_us, beyond=call.beyond_us,
    )  # fmt: skip
    if rows:
        return Counting(True, rows[0][0])
    rows = yield ask(_READ, digest=call.digest)
    return Counting(False, rows[0][0])


def forget(after: bytes, limit: int, before_us: int, beyond_us: int) -> Work[bytes | None]:
    """Look at a few, in the order of their digests, and delete those that are full or that a wrong clock has written.

    Returns how far it came, None when it was at the end. No index by time: each call would have to write it.
    """
    rows = yield ask(_STEP, after=after, limit=limit)
    if not rows:
        return None
    last = bytes(rows[-1][0])
    yield ask(_FORGET, after=after, last=last, before=before_us, beyond=beyond_us)
    return last if len(rows) == limit else None
