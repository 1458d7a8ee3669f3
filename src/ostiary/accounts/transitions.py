"""The tables of what may become of what: which account may be granted a session, and where a token stands.

Code, documentation and tests read them here; nothing else decides.

A session's tokens come in pairs, numbered by *generation*:

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

from enum import Enum
from typing import Final

from ostiary.accounts.model import AccountState, Instant, StoredToken
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


def standing_of(token: StoredToken, now: Instant) -> Standing:
    """Where a token stands."""
    session = token.session
    if session.ended:
        return Standing.REPLACED if session.device_lives else Standing.ENDED
    if token.generation not in (session.generation, session.offered):
        return Standing.SUPERSEDED
    if token.expires_at is not None and token.expires_at <= now:
        return Standing.EXPIRED
    return Standing.CURRENT if token.generation == session.generation else Standing.OFFERED


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
