"""The mail addresses and phone numbers of an account. Spec: administrative_contact.yaml."""

from ostiary.api.account_deactivation import UnbindResponse
from ostiary.api.auth import AccessToken, NoToken
from ostiary.api.endpoint import UNSET, Empty, Endpoint, Meta, RateLimit, Struct, UnsetType, client_paths
from ostiary.api.errors import ServerNotTrusted, ThreepidAuthFailed, ThreepidDenied, ThreepidInUse
from ostiary.api.identifiers import Identifier, OpaqueId
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData
from ostiary.api.validation import ADD_ERRORS, EmailRequest, PhoneRequest


class ThirdPartyId(Struct, frozen=True, kw_only=True):
    """An address of an account. Instants are milliseconds since the epoch."""

    medium: str
    address: str
    validated_at: int
    added_at: int


class ThirdPartyIdsResponse(Struct, frozen=True, kw_only=True):
    """The addresses of an account."""

    threepids: tuple[ThirdPartyId, ...] = ()


class GetThirdPartyIds(Endpoint[ThirdPartyIdsResponse], frozen=True, kw_only=True):
    """The addresses of one's account. Spec: administrative_contact.yaml, getAccount3PIDs (since r0.0.0)."""

    meta = Meta(
        method="GET",
        history=client_paths("account/3pid", "v2_alpha", "r0", "v3"),
        authentication=AccessToken(),
        operation=("administrative_contact", "getAccount3PIDs"),
        since="r0.0.0",
    )


class ThreepidCredentials(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What proves a validation: its ``sid`` and the client's secret; of an identity server, if one is named."""

    client_secret: OpaqueId
    sid: OpaqueId
    id_server: Identifier | UnsetType = UNSET
    id_access_token: Secret | UnsetType = UNSET


class SubmitUrlResponse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing, from this server."""

    submit_url: str | UnsetType = UNSET


class PostThirdPartyId(Endpoint[SubmitUrlResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Add an address, as older clients do. Spec: administrative_contact.yaml, post3PIDs (since r0.0.0).

    ``bind``: whether to have the identity server publish it as well (until r0.5). Older clients write
    ``threePidCreds``.
    """

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid", "v2_alpha", "r0", "v3"),
        authentication=AccessToken(),
        operation=("administrative_contact", "post3PIDs"),
        since="r0.0.0",
        deprecated=True,
        errors=(ServerNotTrusted, ThreepidAuthFailed, ThreepidDenied, ThreepidInUse),
        aliases={"threePidCreds": "three_pid_creds"},
    )
    three_pid_creds: ThreepidCredentials
    bind: bool | UnsetType = UNSET


class AddThirdPartyId(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True):
    """Add an address that this server has validated. Spec: administrative_contact.yaml, add3PID (since r0.6.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/add", "r0", "v3"),
        authentication=AccessToken(),
        operation=("administrative_contact", "add3PID"),
        since="r0.6.0",
        rate_limit=RateLimit.CHANGE,
        interactive=True,
        errors=(ThreepidAuthFailed, ThreepidDenied, ThreepidInUse),
    )
    client_secret: OpaqueId
    sid: OpaqueId
    auth: AuthData | UnsetType = UNSET


class BindThirdPartyId(Endpoint[Empty], frozen=True, kw_only=True):
    """Have an identity server tell others whose address it is. Spec: administrative_contact.yaml (since r0.6.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/bind", "r0", "v3"),
        authentication=AccessToken(),
        operation=("administrative_contact", "bind3PID"),
        since="r0.6.0",
        rate_limit=RateLimit.CHANGE,
        errors=(ServerNotTrusted,),
    )
    client_secret: OpaqueId
    id_server: Identifier
    id_access_token: Secret
    sid: OpaqueId


class DeleteThirdPartyId(Endpoint[UnbindResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Remove an address from the account. Spec: administrative_contact.yaml (since r0.4.0).

    It is unbound at ``id_server``, or else where it was bound.
    """

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/delete", "r0", "v3"),
        authentication=AccessToken(suspended=False),
        operation=("administrative_contact", "delete3pidFromAccount"),
        since="r0.4.0",
    )
    medium: Identifier
    address: Identifier
    id_server: Identifier | UnsetType = UNSET


class UnbindThirdPartyId(Endpoint[UnbindResponse], frozen=True, kw_only=True, omit_defaults=True):
    """Have an identity server forget whose address it is. Spec: administrative_contact.yaml (since r0.6.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/unbind", "r0", "v3"),
        authentication=AccessToken(suspended=False),
        operation=("administrative_contact", "unbind3pidFromAccount"),
        since="r0.6.0",
    )
    medium: Identifier
    address: Identifier
    id_server: Identifier | UnsetType = UNSET


class RequestTokenToAddEmail(EmailRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a mail address, to add it. Spec: administrative_contact.yaml, requestTokenTo3PIDEmail (since r0.2.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/email/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("administrative_contact", "requestTokenTo3PIDEmail"),
        since="r0.2.0",
        rate_limit=RateLimit.MESSAGE,
        errors=ADD_ERRORS,
    )


class RequestTokenToAddPhone(PhoneRequest, frozen=True, kw_only=True, omit_defaults=True):
    """Validate a phone number, to add it. Spec: administrative_contact.yaml (since r0.4.0)."""

    meta = Meta(
        method="POST",
        history=client_paths("account/3pid/msisdn/requestToken", "r0", "v3"),
        authentication=NoToken(),
        operation=("administrative_contact", "requestTokenTo3PIDMSISDN"),
        since="r0.4.0",
        rate_limit=RateLimit.MESSAGE,
        errors=ADD_ERRORS,
    )
