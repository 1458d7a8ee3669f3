"""Errors in the reader's words: which text says what a MatrixError says."""

from typing import Final

from ostiary.api.errors import (
    CaptchaInvalid,
    Exclusive,
    Forbidden,
    InvalidParam,
    InvalidUsername,
    LimitExceeded,
    MatrixError,
    MissingParam,
    Reason,
    SessionExpired,
    ThreepidAuthFailed,
    ThreepidDenied,
    ThreepidInUse,
    ThreepidMediumNotSupported,
    ThreepidNotFound,
    TokenIncorrect,
    Unauthorized,
    Unrecognized,
    UserDeactivated,
    UserInUse,
    UserLocked,
    WeakPassword,
)
from ostiary.server.web.guarding import Forged
from ostiary.server.web.texts import Texts

_BY_KIND: Final[dict[type[MatrixError], str]] = {
    CaptchaInvalid: "wrong_captcha",
    Exclusive: "name_taken",
    Forged: "forged",
    InvalidUsername: "bad_name",
    SessionExpired: "expired_code",
    ThreepidAuthFailed: "not_confirmed",
    ThreepidDenied: "address_refused",
    ThreepidInUse: "address_in_use",
    ThreepidMediumNotSupported: "address_refused",
    ThreepidNotFound: "address_unknown",
    TokenIncorrect: "wrong_code",
    Unauthorized: "wrong_token",
    Unrecognized: "no_page",
    UserDeactivated: "locked",
    UserInUse: "name_taken",
    UserLocked: "locked",
}

_BY_FIELD: Final = {"email": "bad_address", "phone_number": "bad_number", "country": "bad_number"}

_BY_REASON: Final[dict[Reason | None, str]] = {
    Reason.OTHER_ACCOUNT: "other_account",
    Reason.AWAITING_APPROVAL: "awaits_approval",
    Reason.ACCOUNT_LOCKED: "locked",
    Reason.ACCOUNT_EXPIRED: "locked",
    Reason.ACCOUNT_SUSPENDED: "locked",
    Reason.ACCOUNT_DEACTIVATED: "locked",
    Reason.UNKNOWN_USER: "wrong_login",
    Reason.NO_PASSWORD: "wrong_login",
    Reason.WRONG_PASSWORD: "wrong_login",
    Reason.PASSWORD_CHANGED: "wrong_login",
}
"""The last four are one to the reader: a page tells no more of whether there is an account than the API does."""


def worded(error: MatrixError, texts: Texts) -> str:
    """What an error says, to people."""
    if isinstance(error, LimitExceeded):
        return texts("too_many", seconds=-(-(error.retry_after_ms or 1000) // 1000))
    if isinstance(error, WeakPassword):
        return texts("weak_password", said=error.message)
    if isinstance(error, InvalidParam | MissingParam) and error.field in _BY_FIELD:
        return texts(_BY_FIELD[error.field])
    if isinstance(error, Forbidden) and error.reason in _BY_REASON:
        return texts(_BY_REASON[error.reason])
    text = _BY_KIND.get(type(error))
    return texts(text) if text is not None else texts("other_error", said=error.message)
