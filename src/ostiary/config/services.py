"""The keys about what the server offers and what it needs of others: mail, text messages, captchas, policies, services.

Part of ``model``, which puts all tables together.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from ostiary.api.secret import Secret
from ostiary.api.uia import DUMMY, EMAIL, MSISDN, PASSWORD, RECAPTCHA, REGISTRATION_TOKEN, TERMS
from ostiary.config import kinds
from ostiary.config.declaring import key
from ostiary.config.tables import (
    ContactConfig,
    PolicyConfig,
    contact_table,
    policy_table,
    read_contact,
    read_policy,
)

REGISTRATION_STAGES: Final = (DUMMY, EMAIL, MSISDN, RECAPTCHA, TERMS, REGISTRATION_TOKEN)
"""The stages that a registration can ask for."""

OWNER_STAGES: Final = (PASSWORD, EMAIL, MSISDN, RECAPTCHA, DUMMY)
"""The stages that can stand before what the owner of an account does."""

NOTICES: Final = ("signed_in", "password_changed", "address_added", "address_removed", "about_to_expire")

CAPTCHA_SERVICES: Final = {
    "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
}
"""Where each service is asked."""

_PASSWORD_ONLY: Final = ((PASSWORD,),)
_URL: Final = "an http or https URL without query, or nothing"


def _check_header(text: str) -> None:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\r\n\0]*", text):
        raise ValueError


def _check_identity_server(text: str) -> None:
    if not re.fullmatch(r"(https?://)?[^\s/?#@]+", text):
        raise ValueError


@dataclass(frozen=True, slots=True)
class RegistrationConfig:
    """Who may make an account."""

    enabled: bool = key(False, kinds.boolean(), "Whether clients can make accounts.")
    guests: bool = key(False, kinds.boolean(), "Whether clients can make guest accounts.")
    flows: tuple[tuple[str, ...], ...] = key(
        ((DUMMY,),), kinds.flows(REGISTRATION_STAGES), "The ways to register: the stages of each, in their order."
    )
    approval: bool = key(False, kinds.boolean(), "Whether an administrator has to approve of each new account.")
    account_lifetime_ms: int | None = key(
        None, kinds.duration(60_000, or_never=True), "After which a new account expires."
    )
    expiry_notice_ms: int = key(
        604_800_000, kinds.duration(60_000), "How long before its end the owner of an account is told, by mail."
    )
    reserved_names: tuple[str, ...] = key(
        (), kinds.texts("a list of patterns like `admin*`"), "User names that nobody can register; administrators can."
    )


@dataclass(frozen=True, slots=True)
class FlowsConfig:
    """What the owner of an account is asked for, by operation: the stages of each way, in their order."""

    change_password: tuple[tuple[str, ...], ...] = key(
        _PASSWORD_ONLY, kinds.flows(OWNER_STAGES), "Changing the password of the account whose token is sent."
    )
    reset_password: tuple[tuple[str, ...], ...] | None = key(
        None, kinds.flows(OWNER_STAGES, or_auto=True),
        "Changing a password without a token. `auto`: the password, or an address, as far as messages can be sent.",
    )  # fmt: skip
    deactivate: tuple[tuple[str, ...], ...] = key(_PASSWORD_ONLY, kinds.flows(OWNER_STAGES), "Deactivating an account.")
    delete_devices: tuple[tuple[str, ...], ...] = key(
        _PASSWORD_ONLY, kinds.flows(OWNER_STAGES), "Deleting devices."
    )  # fmt: skip
    add_threepid: tuple[tuple[str, ...], ...] = key(
        _PASSWORD_ONLY, kinds.flows(OWNER_STAGES), "Adding a mail address or phone number."
    )
    get_login_token: tuple[tuple[str, ...], ...] = key(
        _PASSWORD_ONLY, kinds.flows(OWNER_STAGES), "Getting a token by which another device logs in."
    )


@dataclass(frozen=True, slots=True)
class LoginConfig:
    """The ways to log in."""

    password: bool = key(True, kinds.boolean(), "Whether one can log in with a password.")
    token: bool = key(
        True, kinds.boolean(), "Whether a session can make a token by which another device logs in (`m.login.token`)."
    )


@dataclass(frozen=True, slots=True)
class JwtConfig:
    """Logging in with a JSON web token of another service (`org.matrix.login.jwt`)."""

    enabled: bool = key(False, kinds.boolean(), "Whether one can.")
    algorithm: str = key(
        "HS256",
        kinds.choice("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "Ed25519"),
        "How tokens are signed.",
    )  # fmt: skip
    secret: Secret = key(Secret(""), kinds.secret(), "The shared secret, for the algorithms HS….")
    key_file: str = key(
        "", kinds.text("the path of a PEM or JWK file, or nothing"), "The public key, for the other algorithms."
    )
    subject_claim: str = key("sub", kinds.text("a claim's name"), "The claim that holds the user name.")
    issuer: str = key("", kinds.text("a text"), "The issuer that a token must name; any when empty.")
    audiences: tuple[str, ...] = key(
        (), kinds.texts("a list of texts"), "The audiences of which a token must name one; any when empty."
    )
    create_accounts: bool = key(False, kinds.boolean(), "Whether a token makes the account that it names.")


@dataclass(frozen=True, slots=True)
class MailConfig:
    """Sending mail."""

    host: str = key(
        "", kinds.text("a host name or address, or nothing"), "The SMTP server; no mail is sent when empty."
    )
    port: int = key(587, kinds.whole(1, 65535), "Its port.")
    encryption: Literal["starttls", "tls", "none"] = key(
        "starttls", kinds.choice("starttls", "tls", "none"), "`tls` from the start, or by `starttls`, or `none`."
    )
    ca_file: str = key(
        "", kinds.text("the path of a PEM file, or nothing"), "Certificates to trust beside the system's."
    )
    username: str = key("", kinds.text("a text"), "The account at the SMTP server; none when empty.")
    password: Secret = key(Secret(""), kinds.secret(), "Its password.")
    sender: str = key(
        "", kinds.text("a mail address, or one like `Example <matrix@example.org>`"), "Whom mails are from."
    )
    timeout_ms: int = key(30_000, kinds.duration(100), "How long the SMTP server may take.")
    folder: str = key(
        "", kinds.text("the path of a folder, or nothing"), "Mails go to this folder instead, as files. For trying out."
    )
    templates: str = key(
        "", kinds.text("the path of a folder, or nothing"), "Templates of your own, looked for before those built in."
    )
    language: str = key(
        "en", kinds.text("a language like `de`, in which there are templates"),
        "The language of messages to people whose own is not known.",
    )  # fmt: skip
    notices: tuple[str, ...] = key(NOTICES, kinds.choices(*NOTICES), "What people are told of by mail.")


@dataclass(frozen=True, slots=True)
class SmsConfig:
    """Sending text messages, by an HTTP gateway: `{to}` (digits), `{text}`, `{token}` (the code alone) are put in."""

    url: Secret = key(Secret(""), kinds.secret("a URL, or nothing"), "The gateway; no text message is sent when empty.")
    method: str = key("POST", kinds.choice("GET", "POST", "PUT"), "The method of the request.")
    headers: tuple[Secret, ...] = key(
        (), kinds.secret_texts("a list of lines like `Authorization: Bearer …`", _check_header),
        "The headers of the request. Its Content-Type says how `body` is to be encoded.",
    )  # fmt: skip
    body: str = key(
        '{"to": "{to}", "text": "{text}"}', kinds.text("a text"),
        "The body of the request; none when empty. Put secrets into `headers` or `url`, which are not shown.",
    )  # fmt: skip
    timeout_ms: int = key(10_000, kinds.duration(100), "How long the gateway may take.")


@dataclass(frozen=True, slots=True)
class ThreepidsConfig:
    """Mail addresses and phone numbers of accounts."""

    changes: bool = key(True, kinds.boolean(), "Whether users can add and remove theirs.")
    add_without_password: bool = key(
        True, kinds.boolean(),
        "Whether the call by which older clients add an address, and which asks for nothing but the token, is served. "
        "Whoever has stolen a token could set a new password by an address of their own.",
    )  # fmt: skip
    allowed: tuple[str, ...] = key(
        (), kinds.texts("a list of patterns like `*@example.org` and `4930*`"),
        "Addresses and numbers (digits only) that are taken; all when empty.",
    )  # fmt: skip
    denied: tuple[str, ...] = key(
        (), kinds.texts("a list of patterns like `*@example.org` and `4930*`"), "Those that are not."
    )
    reveal_known: bool = key(
        False, kinds.boolean(),
        "Whether a stranger who asks for a message is told that an address has an account, or has none.",
    )  # fmt: skip
    validation_lifetime_ms: int = key(3_600_000, kinds.duration(60_000), "How long links and codes are good.")
    next_link_hosts: tuple[str, ...] = key(
        (), kinds.texts("a list of host names"), "Where clients may have people sent after they have followed a link."
    )


@dataclass(frozen=True, slots=True)
class CaptchaConfig:
    """The service that judges captchas."""

    service: str = key("recaptcha", kinds.choice(*CAPTCHA_SERVICES), "Which one.")
    site_key: str = key("", kinds.text("a text"), "The public key that the service has given.")
    secret: Secret = key(Secret(""), kinds.secret(), "The secret that belongs to it.")
    verify_url: str = key("", kinds.url(_URL), "Where answers are judged, if not at the service's usual place.")


@dataclass(frozen=True, slots=True)
class TermsConfig:
    """What people have to agree to (stage `m.login.terms`)."""

    policies: tuple[PolicyConfig, ...] = key(
        (), kinds.tables(
            "a list of tables with `id`, `version`, and for each language a table with `name` and `url`",
            read_policy, policy_table,
        ),
        "The policies. A new version is asked of those who register from then on.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SupportConfig:
    """Whom to turn to, as told by `/.well-known/matrix/support`."""

    contacts: tuple[ContactConfig, ...] = key(
        (), kinds.tables(
            "a list of tables with `role` (`m.role.admin`, `m.role.security`), `matrix_id`, `email_address`",
            read_contact, contact_table,
        ),
        "The people.",
    )  # fmt: skip
    page: str = key("", kinds.text("a URL, or nothing"), "A page with more.")


@dataclass(frozen=True, slots=True)
class ProfileConfig:
    """What others see of a user."""

    changes: bool = key(True, kinds.boolean(), "Whether users can change anything of theirs.")
    allowed: tuple[str, ...] | None = key(
        None, kinds.optional_texts("a list of field names", "all"), "The fields that users can set."
    )
    disallowed: tuple[str, ...] = key(
        (), kinds.texts("a list of field names"), "Fields that users cannot set, where `allowed` is `all`."
    )
    public: bool = key(True, kinds.boolean(), "Whether profiles are shown at all.")


@dataclass(frozen=True, slots=True)
class IdentityServersConfig:
    """Identity servers, which tell others whose an address is."""

    trusted: tuple[str, ...] = key(
        (), kinds.texts("a list of host names like `vector.im`, or base URLs", _check_identity_server),
        "Those that are spoken to. One that is given by its name alone must have public addresses.",
    )  # fmt: skip
    signing_key: str = key(
        "", kinds.text("the path of a file, or nothing"),
        "The ed25519 key of this server name, to have addresses forgotten; a new one where there is no such file.",
    )  # fmt: skip
    timeout_ms: int = key(10_000, kinds.duration(100), "How long one may take.")


@dataclass(frozen=True, slots=True)
class AppservicesConfig:
    """Application services: bridges and the like."""

    files: tuple[str, ...] = key((), kinds.texts("a list of paths"), "Their registration files (YAML).")
    timeout_ms: int = key(10_000, kinds.duration(100), "How long one may take to answer a ping.")
