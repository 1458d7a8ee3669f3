"""Showing that one reads a mail address or a phone number: asking for a message, and answering it.

A message holds a link (mail) and a code. Neither is stored; the code's digest is mixed with the client's secret, which
is not stored either, so that what the database has is no quick way to guess six digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from ostiary.accounts.addresses import canonical_email
from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.accounts.ports import Clock, Entropy, Limiter
from ostiary.accounts.ports_outside import PhoneNumbers
from ostiary.accounts.stores import AddressStore
from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, digest_of, make_token
from ostiary.accounts.values import Challenge, CodeCheck, NewValidation, ProvenAddress, Purpose, Validation
from ostiary.api.endpoint import RateLimit
from ostiary.api.errors import (
    InvalidParam,
    MatrixError,
    Reason,
    SessionExpired,
    ThreepidAuthFailed,
    ThreepidDenied,
    ThreepidInUse,
    ThreepidMediumNotSupported,
    ThreepidNotFound,
    TokenIncorrect,
)
from ostiary.api.identifiers import ServerName, make_user_id

SID_BYTES: Final = 16
CODE_DIGITS: Final = 6
MOST_WRONG_CODES: Final = 5
"""Guesses at a code of six digits: one in 200,000 that all of them help."""

MS_PER_MINUTE: Final = 60_000

KINDS: Final = {
    Purpose.REGISTER: MessageKind.VALIDATE_TO_REGISTER,
    Purpose.ADD: MessageKind.VALIDATE_TO_ADD,
    Purpose.RESET_PASSWORD: MessageKind.VALIDATE_TO_RESET_PASSWORD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRules:
    """What may be validated, and how it is told.

    ``media``: those that messages can be sent by. ``allowed`` and ``denied``: patterns with ``*``, of mail addresses
    and of phone numbers in digits; nothing is denied by an empty list. ``reveals_known``: whether a stranger is told
    that an address has an account or has none. ``next_link_hosts``: where people may be sent afterwards. ``link``:
    makes the link of a message from its secret. ``held``: purposes whose messages wait for the dialogue.
    """

    server_name: ServerName
    media: frozenset[Medium]
    lifetime_ms: int
    allowed: tuple[str, ...]
    denied: tuple[str, ...]
    reveals_known: bool
    next_link_hosts: tuple[str, ...]
    link: Callable[[str], str]
    held: frozenset[tuple[Purpose, Medium]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client says when it asks for a message. ``language``: of the person, as far as it is known."""

    client_secret: str
    send_attempt: int
    next_link: str | None
    language: str


def parse_medium(text: str) -> Medium:
    """The medium of this name. Raises InvalidParam."""
    try:
        return Medium(text)
    except ValueError:
        raise InvalidParam("'medium' must be 'email' or 'msisdn'", field="medium") from None


class Validations:
    """Holds the validations of addresses."""

    def __init__(
        self, store: AddressStore, clock: Clock, entropy: Entropy, limiter: Limiter, phones: PhoneNumbers,
        rules: ValidationRules,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._limiter = limiter
        self._phones = phones
        self._rules = rules

    # --- Asking ------------------------------------------------------------------------------------------------------

    def email(self, text: str) -> str:
        """A mail address in canonical form. Raises InvalidParam."""
        try:
            return canonical_email(text)
        except ValueError as error:
            raise InvalidParam(f"'email': {error}", field="email") from None

    def phone(self, country: str, number: str) -> str:
        """A phone number in canonical form. Raises InvalidParam."""
        try:
            return self._phones.canonical(country, number)
        except ValueError as error:
            raise InvalidParam(f"'phone_number': {error}", field="phone_number") from None

    async def request(self, purpose: Purpose, medium: Medium, address: str, asked: Asked) -> str:
        """Have a message sent to an address; returns the ID of the validation.

        Raises ThreepidMediumNotSupported, ThreepidDenied, LimitExceeded; ThreepidInUse or ThreepidNotFound where it
        may be told, else the owner is told, or nobody.
        """
        if medium not in self._rules.media:
            raise ThreepidMediumNotSupported(f"This server sends no messages to addresses of the medium {medium}")
        self.ensure_allowed(address)
        await self._limiter.take_for_account(RateLimit.MESSAGE, f"{medium}:{address}")
        owner = await self._store.find_owner(medium, address)
        refusal, instead = self._unwanted(purpose, owner is not None)
        if refusal is not None and self._rules.reveals_known:
            raise refusal
        now = self._clock.now()
        validation = Validation(
            sid=self._entropy.token_bytes(SID_BYTES).hex(),
            purpose=purpose,
            medium=medium,
            address=address,
            secret_digest=digest_of(asked.client_secret),
            next_link=self._allowed_link(asked.next_link),
            language=asked.language,
            is_held=refusal is None and (purpose, medium) in self._rules.held,
            expires_at=now + self._rules.lifetime_ms,
            validated_at=None,
            used_at=None,
        )
        # Also where nobody is to have it: what is asked of either kind of address takes as long.
        challenge = self._challenge(validation, asked.client_secret)
        if refusal is not None:
            user_id = make_user_id(owner, self._rules.server_name) if owner is not None else ""
            challenge = Challenge(messages=self._instead(validation, instead, user_id))
        return await self._store.request_validation(NewValidation(validation, asked.send_attempt, challenge, now))

    def ensure_allowed(self, address: str) -> None:
        """Raise ThreepidDenied for an address or a number that this server does not take."""
        allowed = not self._rules.allowed or any(fnmatchcase(address, pattern) for pattern in self._rules.allowed)
        if not allowed or any(fnmatchcase(address, pattern) for pattern in self._rules.denied):
            raise ThreepidDenied("This server does not take this address")

    def _unwanted(self, purpose: Purpose, is_known: bool) -> tuple[MatrixError | None, MessageKind]:
        """Why an address cannot be validated for this, and what whoever reads it is told instead."""
        if purpose is Purpose.RESET_PASSWORD:
            unknown = ThreepidNotFound("No account has this address", reason=Reason.UNKNOWN_ADDRESS)
            return (None if is_known else unknown), MessageKind.NO_ACCOUNT
        taken = ThreepidInUse("An account has this address already", reason=Reason.KNOWN_ADDRESS)
        return (taken if is_known else None), MessageKind.ALREADY_REGISTERED

    def _instead(self, validation: Validation, kind: MessageKind, user_id: str) -> tuple[Message, ...]:
        if validation.medium is not Medium.EMAIL:
            return ()  # a text message costs money, and is nothing that a stranger should be able to cause
        values = {"server_name": self._rules.server_name, "user_id": user_id}
        return (Message(kind, validation.medium, validation.address, values, validation.language),)

    def _challenge(self, validation: Validation, client_secret: str) -> Challenge:
        secret = make_token(TokenKind.VALIDATION, self._entropy.token_bytes(ENTROPY_BYTES)).reveal()
        code = f"{int.from_bytes(self._entropy.token_bytes(8)) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
        values: dict[str, str | int] = {
            "server_name": self._rules.server_name,
            "link": self._rules.link(secret),
            "code": code,
            "minutes": self._rules.lifetime_ms // MS_PER_MINUTE,
        }
        kind = KINDS[validation.purpose]
        message = Message(kind, validation.medium, validation.address, values, validation.language)
        return Challenge(digest_of(secret), _code_digest(code, client_secret), (message,))

    def _allowed_link(self, link: str | None) -> str | None:
        """Where to send the person afterwards; None for what is not allowed, which is then not followed."""
        if link is None:
            return None
        try:
            parts = urlsplit(link)
            host = parts.hostname or ""
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or parts.username or any(ord(one) < 0x21 for one in link):
            return None
        return link if host in self._rules.next_link_hosts else None

    # --- Answering ---------------------------------------------------------------------------------------------------

    async def submit(self, medium: str, sid: str, client_secret: str, code: str) -> None:
        """Answer with the code. Raises TokenIncorrect, SessionExpired, InvalidParam."""
        check = await self._store.check_code(
            sid, parse_medium(medium), digest_of(client_secret), _code_digest(code.strip(), client_secret),
            self._clock.now(), MOST_WRONG_CODES,
        )  # fmt: skip
        match check:
            case CodeCheck.RIGHT:
                return
            case CodeCheck.WRONG:
                raise TokenIncorrect("The code is not the one that was sent")
            case CodeCheck.EXPIRED:
                raise SessionExpired("The code is too old, or too many wrong ones were tried: ask for another")
            case CodeCheck.UNKNOWN:
                raise TokenIncorrect("There is no such validation")

    async def find_by_link(self, secret: str) -> Validation | None:
        """The validation that a link is of; None where there is none, or no longer."""
        found = await self._store.find_validation_by_link(digest_of(secret))
        return found if found is not None and found.expires_at > self._clock.now() else None

    async def validate_by_link(self, secret: str) -> bool:
        """Note that the person of a link has confirmed it; False where it is too late."""
        return await self._store.validate_by_link(digest_of(secret), self._clock.now())

    # --- Using -------------------------------------------------------------------------------------------------------

    async def prove(self, purpose: Purpose, sid: str, client_secret: str) -> ProvenAddress:
        """What a validation proves. Raises ThreepidAuthFailed. Sends a message that was held for this."""
        now = self._clock.now()
        found = await self._store.find_validation(sid)
        if (
            found is None
            or found.secret_digest != digest_of(client_secret)
            or found.purpose is not purpose
            or found.used_at is not None
            or found.expires_at <= now
        ):
            raise ThreepidAuthFailed("There is no such validation")
        if found.is_held:
            await self._store.release_validation(sid, self._challenge(found, client_secret), now)
        if found.validated_at is None:
            raise ThreepidAuthFailed("The address has not been validated yet")
        return ProvenAddress(found.medium, found.address, found.validated_at, found.sid)


def _code_digest(code: str, client_secret: str) -> bytes:
    return digest_of(f"{code}:{client_secret}")
