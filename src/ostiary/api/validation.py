"""Proving that one reads a mail address or a phone number: asking for a code, and sending it back.

The six calls that ask for one have the same fields; they stand in ``registration``, ``password_management`` and
``administrative_contact``, as in the spec. Spec: definitions/request_email_validation.yaml and its neighbors.
"""

from typing import Annotated, Final

from msgspec import Meta as Limits

from ostiary.api.auth import NoToken
from ostiary.api.endpoint import UNSET, Endpoint, InPath, Meta, RateLimit, Struct, UnsetType
from ostiary.api.errors import (
    Forbidden,
    InvalidParam,
    ServerNotTrusted,
    SessionExpired,
    ThreepidDenied,
    ThreepidInUse,
    ThreepidMediumNotSupported,
    ThreepidNotFound,
    TokenIncorrect,
)
from ostiary.api.identifiers import Identifier, OpaqueId, Url
from ostiary.api.secret import Secret

SendAttempt = Annotated[int, Limits(ge=0, le=2**53)]
"""Grows by each time that the client wants another message sent."""

REGISTER_ERRORS: Final = (ServerNotTrusted, ThreepidDenied, ThreepidInUse, ThreepidMediumNotSupported)
RESET_ERRORS: Final = (ServerNotTrusted, ThreepidDenied, ThreepidMediumNotSupported, ThreepidNotFound)
ADD_ERRORS: Final = (Forbidden, InvalidParam, *REGISTER_ERRORS)


class RequestTokenResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A validation that is under way.

    ``submit_url``: where the client sends the code that the person types in; UNSET where the person needs no client.
    """

    sid: str
    submit_url: str | UnsetType = UNSET


class EmailRequest(Endpoint[RequestTokenResponse], frozen=True, kw_only=True, omit_defaults=True):
    """What the calls that send mail have in common.

    ``client_secret``: made up by the client, to be shown again whenever the validation is used. ``next_link``: where
    the person is sent afterwards. ``id_server`` and ``id_access_token`` are deprecated; the server validates itself.
    """

    client_secret: OpaqueId
    email: Identifier
    send_attempt: SendAttempt
    next_link: Url | UnsetType = UNSET
    id_server: Identifier | UnsetType = UNSET
    id_access_token: Secret | UnsetType = UNSET


class PhoneRequest(Endpoint[RequestTokenResponse], frozen=True, kw_only=True, omit_defaults=True):
    """What the calls that send a text message have in common; ``country`` as in ISO 3166-1, two capitals."""

    client_secret: OpaqueId
    country: Identifier
    phone_number: Identifier
    send_attempt: SendAttempt
    next_link: Url | UnsetType = UNSET
    id_server: Identifier | UnsetType = UNSET
    id_access_token: Secret | UnsetType = UNSET


class SubmitResponse(Struct, frozen=True, kw_only=True):
    """Whether the code was right; always true, since a wrong one is answered by an error."""

    success: bool


class SubmitToken(Endpoint[SubmitResponse], frozen=True, kw_only=True):
    """Send the code back that a person has typed in. ``medium``: ``email`` or ``msisdn``.

    Its path is told as ``submit_url``; its fields are those of the identity service API's ``submitToken``.
    """

    meta = Meta(
        method="POST",
        history=("/_matrix/client/unstable/org.ostiary/validate/{medium}/submit_token",),
        authentication=NoToken(),
        operation=("", ""),
        since="r0.5.0",
        rate_limit=RateLimit.CHECK,
        errors=(InvalidParam, SessionExpired, TokenIncorrect),
    )
    medium: InPath[str]
    sid: OpaqueId
    client_secret: OpaqueId
    token: Secret
