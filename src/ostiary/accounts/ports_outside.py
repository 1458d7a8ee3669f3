"""What the domain needs of the world outside: other servers and captchas, phone numbers, what is known of passwords.

Implemented in ``delivery``; what judges passwords in ``server``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ostiary.accounts.messages import Medium
from ostiary.accounts.model import Instant
from ostiary.api.secret import Secret


@dataclass(frozen=True, slots=True)
class ValidatedThreepid:
    """An address that an identity server has validated."""

    medium: Medium
    address: str
    validated_at: Instant


class CaptchaUnavailable(Exception):
    """The service that judges captchas cannot be asked."""


class PhoneNumbers(Protocol):
    """Reads phone numbers."""

    def canonical(self, country: str, number: str) -> str:
        """The number as dialed in ``country`` (ISO 3166-1, two letters) as digits with the country's code, without +.

        Raises ValueError with a sentence for people when it is none.
        """
        ...


class Captcha(Protocol):
    """Judges captchas."""

    async def verify(self, response: Secret, address: str) -> bool:
        """Whether what the captcha's script gave is good, for a client of this address. Raises CaptchaUnavailable."""
        ...


class IdentityServers(Protocol):
    """Speaks to identity servers. ``id_server``: host and port; one that is not trusted raises ServerNotTrusted."""

    async def bind(
        self, id_server: str, id_access_token: Secret | None, client_secret: str, sid: str, user_id: str
    ) -> None:
        """Have an address published as this user's. Raises what the identity server answers."""
        ...

    async def unbind(self, id_server: str, medium: Medium, address: str, user_id: str) -> bool:
        """Have it forgotten; False where that is not possible."""
        ...

    async def find_validated(self, id_server: str, sid: str, client_secret: str) -> ValidatedThreepid | None:
        """What a validation session of the identity server has validated."""
        ...


class Pinger(Protocol):
    """Calls application services."""

    async def ping(self, url: str, hs_token: Secret, transaction_id: str | None) -> int:
        """How long one takes to answer, in milliseconds. Raises BadStatus, ConnectionFailed, ConnectionTimeout."""
        ...


@dataclass(frozen=True, slots=True)
class NamedByJwt:
    """Whom a JSON web token names."""

    localpart: str


class JwtVerifier(Protocol):
    """Judges JSON web tokens. ``creates_accounts``: whether one may make the account that it names."""

    @property
    def creates_accounts(self) -> bool:
        """Whether a token may make the account that it names."""
        ...

    def verify(self, token: Secret, at: Instant) -> NamedByJwt:
        """Whom a token names. Raises ValueError with what is wrong with it, which repeats nothing of it."""
        ...


class StrengthEstimator(Protocol):
    """Estimates how hard a password is to guess."""

    def estimate(self, password: Secret, words: Sequence[str]) -> int:
        """From 0, guessed at once, to 4, not even guessed by who has stolen the hash. ``words`` are guessed first."""
        ...


class BreachedPasswords(Protocol):
    """Knows passwords that others had, and that were stolen from them."""

    def contains(self, password: Secret) -> bool:
        """Whether it is one of them."""
        ...
