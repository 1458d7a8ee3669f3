"""The errors of Matrix: one class for each error code, in the order of their names.

Raised by the domain and by ``codec`` on the server, raised again by the client as the same class. An error has a code,
a public text and the typed extra fields of its code; ``reason`` is the precise cause for log and audit and never
travels. The status is the code's usual one; only ``server`` and ``client`` read it.

Spec: client-server API, "Standard error response". Must not know HTTP beyond the number of a status.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class Reason(StrEnum):
    """Why a request was refused, more precisely than its sender is told."""

    UNKNOWN_USER = "unknown_user"
    FOREIGN_USER = "foreign_user"
    NO_PASSWORD = "no_password"
    WRONG_PASSWORD = "wrong_password"
    PASSWORD_CHANGED = "password_changed"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_DEACTIVATED = "account_deactivated"
    ACCOUNT_EXPIRED = "account_expired"
    ACCOUNT_SUSPENDED = "account_suspended"
    AWAITING_APPROVAL = "awaiting_approval"
    OTHER_ACCOUNT = "other_account"
    KNOWN_ADDRESS = "known_address"
    UNKNOWN_ADDRESS = "unknown_address"
    SPENT_TOKEN = "spent_token"
    MALFORMED_TOKEN = "malformed_token"
    UNKNOWN_TOKEN = "unknown_token"
    EXPIRED_TOKEN = "expired_token"
    SUPERSEDED_TOKEN = "superseded_token"
    REPLAYED_TOKEN = "replayed_token"
    SESSION_ENDED = "session_ended"
    SESSION_REPLACED = "session_replaced"
    HASHING_BUSY = "hashing_busy"


class MatrixError(Exception):
    """Base of all answers with an ``errcode``.

    ``message``: the public text, for people. ``field``: the parameter at fault, where there is one. ``body``: on the
    client, the whole JSON object that was answered.
    """

    errcode: str = "M_UNKNOWN"
    status: int = 400
    default_message: ClassVar[str] = "The request was refused"

    def __init__(
        self, message: str = "", *, field: str | None = None, reason: Reason | None = None, status: int | None = None
    ) -> None:
        self.message = message or self.default_message
        self.field = field
        self.reason = reason
        self.body: Mapping[str, Any] = {}
        if status is not None:
            self.status = status
        super().__init__(f"{self.errcode}: {self.message}")

    def extras(self) -> dict[str, Any]:
        """The fields of the answer besides ``errcode`` and ``error``."""
        return {}

    def adopt(self, body: Mapping[str, Any]) -> None:
        """Take the code's own fields from an answer; what is of the wrong type counts as missing."""

    def to_json(self) -> dict[str, Any]:
        """The error as the JSON object that is answered."""
        return {"errcode": self.errcode, "error": self.message, **self.extras()}

    @classmethod
    def from_json(cls, status: int, body: Mapping[str, Any]) -> "MatrixError":
        """The error that an answer carries, in the class of its code; an unknown code is kept in ``errcode``."""
        errcode = str(body.get("errcode", "M_UNKNOWN"))
        kind = BY_CODE.get(errcode) or OTHER_NAMES.get(errcode, MatrixError)
        text = body.get("error")
        error = kind(text if isinstance(text, str) else "")
        error.errcode, error.status, error.body = errcode, status, body
        error.args = (f"{errcode}: {error.message}",)
        error.adopt(body)
        return error


class AppserviceLoginUnsupported(MatrixError):
    """The server has no legacy login; an application service must use inhibit_login."""

    errcode = "M_APPSERVICE_LOGIN_UNSUPPORTED"
    default_message = "The server has no legacy login"


class BadJson(MatrixError):
    """The body is JSON, but not of the form that the call wants."""

    errcode = "M_BAD_JSON"
    default_message = "The body is JSON, but not of the form that the call wants"


class BadState(MatrixError):
    """The change cannot be made in the state that things are in."""

    errcode = "M_BAD_STATE"
    default_message = "The change cannot be made in the state that things are in"


class BadStatus(MatrixError):
    """The application service answered with a status other than 200; ``answered_…``: what it answered."""

    errcode = "M_BAD_STATUS"
    status = 502
    default_message = "The application service answered with a status other than 200"
    answered_status: int | None = None
    answered_body: str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        answered_status: int | None = None,
        answered_body: str | None = None,
        reason: Reason | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.answered_status = answered_status
        self.answered_body = answered_body

    def extras(self) -> dict[str, Any]:
        told = {"status": self.answered_status, "body": self.answered_body}
        return {name: value for name, value in told.items() if value is not None}

    def adopt(self, body: Mapping[str, Any]) -> None:
        status, text = body.get("status"), body.get("body")
        self.answered_status = status if isinstance(status, int) else None
        self.answered_body = text if isinstance(text, str) else None


class CannotLeaveServerNoticeRoom(MatrixError):
    """The room of server notices cannot be left."""

    errcode = "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"
    status = 403
    default_message = "The room of server notices cannot be left"


class CaptchaInvalid(MatrixError):
    """The answer to the captcha was wrong."""

    errcode = "M_CAPTCHA_INVALID"
    status = 401
    default_message = "The answer to the captcha was wrong"


class CaptchaNeeded(MatrixError):
    """A captcha must be solved first."""

    errcode = "M_CAPTCHA_NEEDED"
    status = 401
    default_message = "A captcha must be solved first"


class ConnectionFailed(MatrixError):
    """The application service could not be reached."""

    errcode = "M_CONNECTION_FAILED"
    status = 502
    default_message = "The application service could not be reached"


class ConnectionTimeout(MatrixError):
    """The application service did not answer in time."""

    errcode = "M_CONNECTION_TIMEOUT"
    status = 504
    default_message = "The application service did not answer in time"


class Exclusive(MatrixError):
    """The name lies in the namespace of an application service."""

    errcode = "M_EXCLUSIVE"
    default_message = "The name lies in the namespace of an application service"


class Forbidden(MatrixError):
    """The caller may not do this; also the one answer to every wrong login."""

    errcode = "M_FORBIDDEN"
    status = 403
    default_message = "The caller may not do this"


class GuestAccessForbidden(MatrixError):
    """The call is not for guests."""

    errcode = "M_GUEST_ACCESS_FORBIDDEN"
    status = 403
    default_message = "The call is not for guests"


class IncompatibleRoomVersion(MatrixError):
    """The client does not support the room's version."""

    errcode = "M_INCOMPATIBLE_ROOM_VERSION"
    default_message = "The client does not support the room's version"


class InvalidParam(MatrixError):
    """A parameter has a value that is not allowed."""

    errcode = "M_INVALID_PARAM"
    default_message = "A parameter has a value that is not allowed"


class InvalidRoomState(MatrixError):
    """The wished-for initial state of a room contradicts itself."""

    errcode = "M_INVALID_ROOM_STATE"
    default_message = "The wished-for initial state of a room contradicts itself"


class InvalidSignature(MatrixError):
    """A signature does not verify."""

    errcode = "M_INVALID_SIGNATURE"
    default_message = "A signature does not verify"


class InvalidUsername(MatrixError):
    """The name cannot be that of an account."""

    errcode = "M_INVALID_USERNAME"
    default_message = "The name cannot be that of an account"


class InviteBlocked(MatrixError):
    """The user does not take invitations from the sender."""

    errcode = "M_INVITE_BLOCKED"
    status = 403
    default_message = "The user does not take invitations from the sender"


class KeyTooLarge(MatrixError):
    """The name of a profile field has over 255 bytes."""

    errcode = "M_KEY_TOO_LARGE"
    default_message = "The name of a profile field has over 255 bytes"


class LimitExceeded(MatrixError):
    """Too many requests. ``retry_after_ms``: how long to wait, in milliseconds; None where the server does not say."""

    errcode = "M_LIMIT_EXCEEDED"
    status = 429
    retry_after_ms: int | None = None

    def __init__(self, message: str = "", *, retry_after_ms: int | None = None, reason: Reason | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_after_ms = retry_after_ms

    def extras(self) -> dict[str, Any]:
        return {} if self.retry_after_ms is None else {"retry_after_ms": self.retry_after_ms}

    def adopt(self, body: Mapping[str, Any]) -> None:
        delay = body.get("retry_after_ms")
        self.retry_after_ms = delay if type(delay) is int and delay >= 0 else None


class MissingParam(MatrixError):
    """A required parameter is missing."""

    errcode = "M_MISSING_PARAM"
    default_message = "A required parameter is missing"


class MissingToken(MatrixError):
    """The call needs an access token and came without one."""

    errcode = "M_MISSING_TOKEN"
    status = 401
    default_message = "The call needs an access token and came without one"


class NotFound(MatrixError):
    """There is no such thing."""

    errcode = "M_NOT_FOUND"
    status = 404
    default_message = "There is no such thing"


class NotJson(MatrixError):
    """The body is not JSON."""

    errcode = "M_NOT_JSON"
    default_message = "The body is not JSON"


class ProfileTooLarge(MatrixError):
    """The profile would grow over 64 KiB."""

    errcode = "M_PROFILE_TOO_LARGE"
    default_message = "The profile would grow over 64 KiB"


class ResourceLimitExceeded(MatrixError):
    """The server has reached a limit of its own. ``admin_contact``: a URI to write to."""

    errcode = "M_RESOURCE_LIMIT_EXCEEDED"
    status = 403
    admin_contact: str = ""

    def __init__(self, message: str = "", *, admin_contact: str = "", reason: Reason | None = None) -> None:
        super().__init__(message, reason=reason)
        self.admin_contact = admin_contact

    def extras(self) -> dict[str, Any]:
        return {"admin_contact": self.admin_contact}

    def adopt(self, body: Mapping[str, Any]) -> None:
        contact = body.get("admin_contact")
        self.admin_contact = contact if isinstance(contact, str) else ""


class RoomInUse(MatrixError):
    """The room alias is taken."""

    errcode = "M_ROOM_IN_USE"
    default_message = "The room alias is taken"


class ServerNotTrusted(MatrixError):
    """The identity server is not on the trusted list."""

    errcode = "M_SERVER_NOT_TRUSTED"
    default_message = "The identity server is not on the trusted list"


class SessionExpired(MatrixError):
    """The validation session is over."""

    errcode = "M_SESSION_EXPIRED"
    default_message = "The validation session is over"


class TermsNotSigned(MatrixError):
    """Terms must be accepted first."""

    errcode = "M_TERMS_NOT_SIGNED"
    status = 403
    default_message = "Terms must be accepted first"


class ThreepidAuthFailed(MatrixError):
    """The third-party identifier could not be verified."""

    errcode = "M_THREEPID_AUTH_FAILED"
    status = 403
    default_message = "The third-party identifier could not be verified"


class ThreepidDenied(MatrixError):
    """The server does not accept this third-party identifier."""

    errcode = "M_THREEPID_DENIED"
    status = 403
    default_message = "The server does not accept this third-party identifier"


class ThreepidInUse(MatrixError):
    """The third-party identifier belongs to another account."""

    errcode = "M_THREEPID_IN_USE"
    default_message = "The third-party identifier belongs to another account"


class ThreepidMediumNotSupported(MatrixError):
    """The server does not support this kind of third-party identifier."""

    errcode = "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    default_message = "The server does not support this kind of third-party identifier"


class ThreepidNotFound(MatrixError):
    """No account has this third-party identifier."""

    errcode = "M_THREEPID_NOT_FOUND"
    default_message = "No account has this third-party identifier"


class TokenIncorrect(MatrixError):
    """The validation token is wrong."""

    errcode = "M_TOKEN_INCORRECT"
    default_message = "The validation token is wrong"


class TooLarge(MatrixError):
    """The request is larger than the server accepts."""

    errcode = "M_TOO_LARGE"
    status = 413
    default_message = "The request is larger than the server accepts"


class Unauthorized(MatrixError):
    """The request is not authorized correctly."""

    errcode = "M_UNAUTHORIZED"
    status = 401
    default_message = "The request is not authorized correctly"


class Unknown(MatrixError):
    """Something went wrong for which no other code stands; here the status tells more."""

    errcode = "M_UNKNOWN"
    status = 500
    default_message = "Something went wrong for which no other code stands"


class UnknownDevice(MatrixError):
    """The user has no such device."""

    errcode = "M_UNKNOWN_DEVICE"
    default_message = "The user has no such device"


class UnknownToken(MatrixError):
    """The token is not, or no longer, good.

    ``soft_logout``: True where the device and its session live on, so that the client keeps its keys and refreshes or
    logs in again; False where they have ended, and the client is to discard what it holds.
    """

    errcode = "M_UNKNOWN_TOKEN"
    status = 401
    soft_logout: bool = False

    def __init__(self, message: str = "", *, soft_logout: bool = False, reason: Reason | None = None) -> None:
        super().__init__(message, reason=reason)
        self.soft_logout = soft_logout

    def extras(self) -> dict[str, Any]:
        return {"soft_logout": self.soft_logout}

    def adopt(self, body: Mapping[str, Any]) -> None:
        self.soft_logout = body.get("soft_logout") is True


class Unrecognized(MatrixError):
    """The server does not know the path (404) or not the method on it (405)."""

    errcode = "M_UNRECOGNIZED"
    status = 404
    default_message = "The server does not know the path (404) or not the method on it (405)"


class UnsupportedRoomVersion(MatrixError):
    """The server does not support the room version."""

    errcode = "M_UNSUPPORTED_ROOM_VERSION"
    default_message = "The server does not support the room version"


class UrlNotSet(MatrixError):
    """The application service has no URL."""

    errcode = "M_URL_NOT_SET"
    default_message = "The application service has no URL"


class UserDeactivated(MatrixError):
    """The account has been deactivated."""

    errcode = "M_USER_DEACTIVATED"
    status = 403
    default_message = "The account has been deactivated"


class UserInUse(MatrixError):
    """The name is taken."""

    errcode = "M_USER_IN_USE"
    default_message = "The name is taken"


class UserLimitExceeded(MatrixError):
    """The user has reached a limit. ``info_uri`` explains it; ``can_upgrade``: whether it can be raised."""

    errcode = "M_USER_LIMIT_EXCEEDED"
    status = 403
    info_uri: str = ""
    can_upgrade: bool = False

    def __init__(
        self, message: str = "", *, info_uri: str = "", can_upgrade: bool = False, reason: Reason | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.info_uri = info_uri
        self.can_upgrade = can_upgrade

    def extras(self) -> dict[str, Any]:
        return {"info_uri": self.info_uri, "can_upgrade": self.can_upgrade}

    def adopt(self, body: Mapping[str, Any]) -> None:
        uri = body.get("info_uri")
        self.info_uri = uri if isinstance(uri, str) else ""
        self.can_upgrade = body.get("can_upgrade") is True


class UserLocked(MatrixError):
    """The account is locked: nothing but logging out works until it is unlocked. Keys are to be kept."""

    errcode = "M_USER_LOCKED"
    status = 401

    def extras(self) -> dict[str, Any]:
        return {"soft_logout": True}


class UserSuspended(MatrixError):
    """The account is suspended and may not do this."""

    errcode = "M_USER_SUSPENDED"
    status = 403
    default_message = "The account is suspended and may not do this"


class WeakPassword(MatrixError):
    """The password does not meet the server's policy."""

    errcode = "M_WEAK_PASSWORD"
    default_message = "The password does not meet the server's policy"


class NotMatrix(Exception):
    """An answer that is no Matrix answer: a proxy's error page, a redirect, JSON of another form.

    ``status``: the HTTP status; ``text``: the beginning of the body, at most 500 characters.
    """

    def __init__(self, status: int, body: bytes, message: str = "the answer is not what Matrix says") -> None:
        self.status = status
        self.text = body[:2000].decode("utf-8", "replace")[:500]
        super().__init__(f"HTTP {status}: {message}: {self.text[:200]!r}")


BY_CODE: dict[str, type[MatrixError]] = {kind.errcode: kind for kind in MatrixError.__subclasses__()}
"""Every known error code and the class that stands for it."""

OTHER_NAMES: dict[str, type[MatrixError]] = {
    f"M_PASSWORD_{fault}": WeakPassword
    for fault in ("IN_DICTIONARY", "NO_DIGIT", "NO_LOWERCASE", "NO_SYMBOL", "NO_UPPERCASE", "TOO_SHORT")
}
"""Codes of other servers that say the same. Synapse tells by MSC2000, which never came to be, what a password lacks."""
