"""Interactive authentication as data: the ``auth`` object of a request, and the 401 that asks for more.

What a stage proves and in which order stages go is the server's business (``accounts.uia``); how they are answered the
client's (``client.stages``). Spec: client-server API, "User-Interactive Authentication API".
"""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from ostiary.api.errors import MatrixError
from ostiary.api.identifiers import Identifier, OpaqueId
from ostiary.api.secret import Secret
from ostiary.api.unions import OpenUnion, UnknownMember
from ostiary.api.users import UserIdentifier

DUMMY: Final = "m.login.dummy"
PASSWORD: Final = "m.login.password"
EMAIL: Final = "m.login.email.identity"
MSISDN: Final = "m.login.msisdn"
RECAPTCHA: Final = "m.login.recaptcha"
TERMS: Final = "m.login.terms"
REGISTRATION_TOKEN: Final = "m.login.registration_token"

OLDER_REGISTRATION_TOKEN: Final = "org.matrix.msc3231.login.registration_token"
"""What clients sent before it was in the specification."""


class AuthData(OpenUnion):
    """The ``auth`` object of a request: an attempt at one stage, or a question how far things are."""

    __slots__ = ()

    @classmethod
    def modernized(cls, fields: dict[str, Any], member: type[Struct]) -> dict[str, Any]:
        """Until r0.6 the credentials of a validation stood in a list named ``threepidCreds``."""
        if "threepid_creds" in fields or "threepidCreds" not in fields or "threepid_creds" not in _names(member):
            return fields
        older = fields["threepidCreds"]
        creds = older[0] if isinstance(older, list) and len(older) == 1 else older
        if isinstance(creds, dict):
            creds = {_OLDER_CREDENTIALS.get(name, name): value for name, value in creds.items()}
        return {**fields, "threepid_creds": creds}


class UnknownAuth(UnknownMember, AuthData):
    """An ``auth`` of a type that is not known here, or of none.

    Without a type it asks for the flows, or for the outcome of a stage that was done elsewhere.
    """

    __slots__ = ()

    @property
    def session(self) -> str | UnsetType:
        """The session that it goes on with; UNSET where there is none."""
        session = self.fields.get("session")
        return session if isinstance(session, str) else UNSET


AuthData.unknown = UnknownAuth


class DummyAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=DUMMY):
    """The stage that always succeeds."""

    session: Identifier | UnsetType = UNSET


class PasswordAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=PASSWORD):
    """The stage that wants the account's password.

    ``identifier`` says whose; older clients send ``user`` instead (until r0.3), or ``medium`` and ``address``.
    """

    password: Secret
    identifier: UserIdentifier | UnsetType = UNSET
    user: str | UnsetType = UNSET
    medium: Identifier | UnsetType = UNSET
    address: Identifier | UnsetType = UNSET
    session: Identifier | UnsetType = UNSET


class ThreepidCreds(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What proves a validation: its ``sid`` and the client's secret; of an identity server, if one is named."""

    sid: OpaqueId
    client_secret: OpaqueId
    id_server: Identifier | UnsetType = UNSET
    id_access_token: Secret | UnsetType = UNSET


class EmailAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=EMAIL):
    """The stage that wants a mail address validated."""

    threepid_creds: ThreepidCreds
    session: Identifier | UnsetType = UNSET


class MsisdnAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=MSISDN):
    """The stage that wants a phone number validated."""

    threepid_creds: ThreepidCreds
    session: Identifier | UnsetType = UNSET


class RecaptchaAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=RECAPTCHA):
    """The stage that wants a captcha solved; ``response`` is what its script gave."""

    response: Secret
    session: Identifier | UnsetType = UNSET


class TermsAuth(AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=TERMS):
    """The stage that wants the server's policies agreed to."""

    session: Identifier | UnsetType = UNSET


class RegistrationTokenAuth(
    AuthData, Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=REGISTRATION_TOKEN
):
    """The stage that wants a registration token."""

    token: Secret
    session: Identifier | UnsetType = UNSET


for _kind in (DummyAuth, PasswordAuth, EmailAuth, MsisdnAuth, RecaptchaAuth, TermsAuth, RegistrationTokenAuth):
    AuthData.member(_kind)
AuthData.alias(OLDER_REGISTRATION_TOKEN, REGISTRATION_TOKEN)

_OLDER_CREDENTIALS: Final = {"clientSecret": "client_secret", "idServer": "id_server"}


def _names(member: type[Struct]) -> tuple[str, ...]:
    return member.__struct_encode_fields__


class Flow(Struct, frozen=True):
    """One way to authenticate: stages to complete, in this order."""

    stages: tuple[str, ...]


class AuthProgress(Struct, frozen=True, kw_only=True):
    """How far an interactive authentication is.

    ``flows``: the ways that lead to the end; ``completed``: the stages done; ``params``: what a stage's client must
    know, by stage; ``session``: to be sent back with every attempt.
    """

    flows: tuple[Flow, ...]
    params: dict[str, dict[str, Any]] = {}
    session: str | UnsetType = UNSET
    completed: tuple[str, ...] = ()


class AuthRequired(Exception):
    """The call needs (more) interactive authentication: a 401 with flows.

    ``error`` says what was wrong with the stage just tried, None when nothing was.
    """

    status: Final = 401

    def __init__(self, progress: AuthProgress, error: MatrixError | None = None) -> None:
        self.progress = progress
        self.error = error
        super().__init__(str(error) if error else "interactive authentication is needed")
