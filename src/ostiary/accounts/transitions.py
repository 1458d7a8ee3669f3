"""The tables of what may become of what: which account may be granted a session, and where a token stands.

Code, documentation and tests read them here; nothing else decides.

A session's tokens come in pairs, numbered by *generation*, of which the two newest are stored:

=============  ======================================================  ===============================================
standing       which tokens                                            what follows
=============  ======================================================  ===============================================
CURRENT        of the pair in use                                      works
OFFERED        of the newer pair that nobody has used yet              works, and makes that pair the one in use
SUPERSEDED     of an older pair                                        refused; the session lives (soft logout)
EXPIRED        of one of the first two, past its time                  refused; the session lives (soft logout)
REPLACED       of an ended session whose device is logged in again     refused; the device lives (soft logout)
ENDED          of any other ended session                              refused; the client is to forget the device
=============  ======================================================  ===============================================
"""

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ostiary.accounts.model import AccountState, Instant, SessionRecord, StoredPair
from ostiary.accounts.session_tokens import SessionToken, SessionTokenKind
from ostiary.api.errors import (
    Forbidden,
    MatrixError,
    Reason,
    UnknownToken,
    UserDeactivated,
    UserLocked,
    UserSuspended,
)


class Standing(Enum):
    """Where a token stands."""

    CURRENT = "current"
    OFFERED = "offered"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REPLACED = "replaced"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token of a session stands. ``expires_at``: when it dies of age, of the two newest pairs' tokens."""

    standing: Standing
    expires_at: Instant | None = None


def place_of(token: SessionToken, session: SessionRecord, now: Instant) -> Place | None:
    """Where a token stands; None where it was never one of the session's."""
    if token.session_id != session.session_id or not hmac.compare_digest(token.root, session.root):
        return None
    if session.ended:
        return Place(Standing.REPLACED if session.device_lives else Standing.ENDED)
    digest = token.digest
    pairs = [(session.pair, Standing.CURRENT)]
    if session.offer is not None:
        pairs.append((session.offer.pair, Standing.OFFERED))
    for pair, standing in pairs:
        known, expires_at = _of_kind(pair, token.kind)
        if known is not None and hmac.compare_digest(known, digest):
            expired = expires_at is not None and expires_at <= now
            return Place(Standing.EXPIRED if expired else standing, expires_at)
    return Place(Standing.SUPERSEDED)


def _of_kind(pair: StoredPair, kind: SessionTokenKind) -> tuple[bytes | None, Instant | None]:
    if kind is SessionTokenKind.ACCESS:
        return pair.access_digest, pair.access_expires_at
    return pair.refresh_digest, pair.refresh_expires_at


def died_at(token: SessionToken, session: SessionRecord) -> Instant | None:
    """When a superseded token died: when the pair after it came into use. None where it has not yet.

    Of tokens older than the pair before the one in use it is known only that they were dead by the time that was used.
    """
    if token.generation > session.generation:
        return None  # it was offered, and another in its place, of which none has been used
    if session.former is None or token.generation >= session.former:
        return session.since
    return session.former_since


_REFUSALS: Final = {
    Standing.SUPERSEDED: ("The token has been replaced by a newer one", True, Reason.SUPERSEDED_TOKEN),
    Standing.EXPIRED: ("The token has expired", True, Reason.EXPIRED_TOKEN),
    Standing.REPLACED: ("The device has logged in again since", True, Reason.SESSION_REPLACED),
    Standing.ENDED: ("The session has ended", False, Reason.SESSION_ENDED),
}


def refusal_of(standing: Standing) -> UnknownToken | None:
    """What the sender of such a token is told; None where the token works."""
    if standing not in _REFUSALS:
        return None
    message, soft_logout, reason = _REFUSALS[standing]
    return UnknownToken(message, soft_logout=soft_logout, reason=reason)


def refusal_to_log_in(state: AccountState) -> MatrixError | None:
    """Why an account in this state is granted no session, by whatever way; None where it is.

    To be asked only after the caller has proven to be the owner: a stranger learns nothing of an account's state.
    """
    match state:
        case AccountState.LOCKED:
            return UserLocked("This account has been locked", reason=Reason.ACCOUNT_LOCKED)
        case AccountState.DEACTIVATED:
            return UserDeactivated("This account has been deactivated", reason=Reason.ACCOUNT_DEACTIVATED)
        case AccountState.EXPIRED:
            return UserLocked("This account has expired", reason=Reason.ACCOUNT_EXPIRED)
        case AccountState.AWAITING_APPROVAL:
            return Forbidden("This account waits for an administrator's approval", reason=Reason.AWAITING_APPROVAL)
        case AccountState.ACTIVE | AccountState.SUSPENDED:
            return None


def refusal_to_act(state: AccountState, *, may_be_locked: bool, may_be_suspended: bool) -> MatrixError | None:
    """Why an account in this state may not call with a good token; None where it may.

    ``may_be_locked``, ``may_be_suspended``: whether the call is open to such accounts.
    """
    match state:
        case AccountState.ACTIVE:
            return None
        case AccountState.DEACTIVATED:
            return UnknownToken("This account has been deactivated", reason=Reason.ACCOUNT_DEACTIVATED)
        case AccountState.SUSPENDED:
            refused = not may_be_suspended
            return UserSuspended("This account is suspended", reason=Reason.ACCOUNT_SUSPENDED) if refused else None
        case AccountState.LOCKED | AccountState.EXPIRED | AccountState.AWAITING_APPROVAL:
            return None if may_be_locked else refusal_to_log_in(state)
