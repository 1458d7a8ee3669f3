"""Validations of addresses under way."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.messages import Medium
from ostiary.accounts.model import Instant
from ostiary.accounts.values import Challenge, CodeCheck, NewValidation, Purpose, Validation
from ostiary.storage.work import HOLDING, Row, Work, ask
from ostiary.storage.works import outbox

_COLUMNS: Final = """
    sid, purpose, medium, address, secret_digest, next_link, language, is_held, expires_at, validated_at, used_at
"""
_SEEN: Final = f"""
    SELECT sid, send_attempt, expires_at, validated_at, used_at FROM validations
    WHERE purpose = :purpose AND medium = :medium AND address = :address AND secret_digest = :secret_digest
    {HOLDING}
"""
_DELETE: Final = "DELETE FROM validations WHERE sid = :sid"
_ADD: Final = """
    INSERT INTO validations (sid, purpose, medium, address, secret_digest, send_attempt, next_link, language,
        link_digest, code_digest, wrong_codes, is_held, expires_at)
    VALUES (:sid, :purpose, :medium, :address, :secret_digest, :send_attempt, :next_link, :language,
        :link_digest, :code_digest, 0, :is_held, :expires_at)
    ON CONFLICT (purpose, medium, address, secret_digest) DO NOTHING
    RETURNING sid
"""
_RENEW: Final = """
    UPDATE validations SET send_attempt = :send_attempt, next_link = :next_link, language = :language,
        link_digest = :link_digest, code_digest = :code_digest, wrong_codes = 0, is_held = :is_held,
        expires_at = :expires_at
    WHERE sid = :sid
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM validations WHERE sid = :sid"
_FIND_BY_LINK: Final = f"SELECT {_COLUMNS} FROM validations WHERE link_digest = :digest"
_RELEASE: Final = """
    UPDATE validations SET is_held = 0, link_digest = :link_digest, code_digest = :code_digest
    WHERE sid = :sid AND is_held = 1
    RETURNING sid
"""
_FOR_CODE: Final = f"""
    SELECT code_digest, wrong_codes, expires_at FROM validations
    WHERE sid = :sid AND medium = :medium AND secret_digest = :secret_digest AND used_at IS NULL
    {HOLDING}
"""
_WRONG_CODE: Final = "UPDATE validations SET wrong_codes = wrong_codes + 1 WHERE sid = :sid"
_VALIDATED: Final = "UPDATE validations SET validated_at = COALESCE(validated_at, :at) WHERE sid = :sid"
_VALIDATED_BY_LINK: Final = """
    UPDATE validations SET validated_at = COALESCE(validated_at, :at)
    WHERE link_digest = :digest AND expires_at > :at
    RETURNING sid
"""


def request(new: NewValidation) -> Work[str]:
    """Open a validation, or go on with the one that its client has opened before; returns its ID.

    The message goes out unless the client has asked for this very attempt already.
    """
    asked = new.validation
    who = {
        "purpose": asked.purpose.value, "medium": asked.medium.value, "address": asked.address,
        "secret_digest": asked.secret_digest,
    }  # fmt: skip
    seen = yield ask(_SEEN, **who)
    if seen and not _goes_on(seen[0], new.at):
        yield ask(_DELETE, sid=seen[0][0])
        seen = ()
    said = {
        "send_attempt": new.send_attempt, "next_link": asked.next_link, "language": asked.language,
        "link_digest": new.challenge.link_digest, "code_digest": new.challenge.code_digest,
        "is_held": int(asked.is_held), "expires_at": asked.expires_at,
    }  # fmt: skip
    if seen:
        sid: str = seen[0][0]
        if new.send_attempt <= seen[0][1] or seen[0][3] is not None:
            return sid
        yield ask(_RENEW, sid=sid, **said)
    else:
        added = yield ask(_ADD, sid=asked.sid, **who, **said)
        if not added:  # by another request, just now: that one sends the message
            seen = yield ask(_SEEN, **who)
            return str(seen[0][0])
        sid = asked.sid
    if not asked.is_held:
        yield from outbox.put(new.challenge.messages, new.at)
    return sid


def _goes_on(seen: Row, at: Instant) -> bool:
    _, _, expires_at, _, used_at = seen
    return used_at is None and bool(expires_at > at)


def find(sid: str) -> Work[Validation | None]:
    """The validation of this ID."""
    rows = yield ask(_FIND, sid=sid)
    return _validation(rows)


def find_by_link(digest: bytes) -> Work[Validation | None]:
    """The validation whose message has this link."""
    rows = yield ask(_FIND_BY_LINK, digest=digest)
    return _validation(rows)


def _validation(rows: Sequence[Row]) -> Validation | None:
    if not rows:
        return None
    sid, purpose, medium, address, secret_digest, next_link, language, is_held, *instants = rows[0]
    return Validation(
        sid,
        Purpose(purpose),
        Medium(medium),
        address,
        bytes(secret_digest),
        next_link,
        language,
        bool(is_held),
        *instants,
    )


def release(sid: str, challenge: Challenge, at: Instant) -> Work[None]:
    """Send the message that was held, once."""
    rows = yield ask(_RELEASE, sid=sid, link_digest=challenge.link_digest, code_digest=challenge.code_digest)
    if rows:
        yield from outbox.put(challenge.messages, at)


def check_code(
    sid: str, medium: Medium, secret_digest: bytes, code_digest: bytes, at: Instant, most_wrong: int
) -> Work[CodeCheck]:
    """Hold a code against the one sent. After ``most_wrong`` wrong ones, none is right any longer."""
    rows = yield ask(_FOR_CODE, sid=sid, medium=medium.value, secret_digest=secret_digest)
    if not rows:
        return CodeCheck.UNKNOWN
    right, wrong_codes, expires_at = rows[0]
    if expires_at <= at or wrong_codes >= most_wrong:
        return CodeCheck.EXPIRED
    if right is None or bytes(right) != code_digest:
        yield ask(_WRONG_CODE, sid=sid)
        return CodeCheck.WRONG
    yield ask(_VALIDATED, sid=sid, at=at)
    return CodeCheck.RIGHT


def validate_by_link(digest: bytes, at: Instant) -> Work[bool]:
    """Note that the link was followed, and confirmed."""
    rows = yield ask(_VALIDATED_BY_LINK, digest=digest, at=at)
    return bool(rows)
