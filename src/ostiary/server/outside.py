"""What the server has of the outside world, as the configuration says: phone numbers, captchas, other servers."""

# ruff: noqa: ARG002 - what stands for something that is not configured looks at nothing

from dataclasses import dataclass

from ostiary.accounts.messages import Medium
from ostiary.accounts.ports_outside import (
    Captcha,
    IdentityServers,
    JwtVerifier,
    PhoneNumbers,
    Pinger,
    ValidatedThreepid,
)
from ostiary.api.errors import ServerNotTrusted
from ostiary.api.secret import Secret
from ostiary.config import Config
from ostiary.server.jwts import JoseVerifier


class _Phones:
    def canonical(self, country: str, number: str) -> str:
        import phonenumbers

        try:
            parsed = phonenumbers.parse(number, country.upper())
        except phonenumbers.NumberParseException:
            raise ValueError("is no phone number") from None
        if not phonenumbers.is_valid_number(parsed):
            raise ValueError("is no phone number of its country")
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


class _NoIdentityServers:
    async def bind(
        self, id_server: str, id_access_token: Secret | None, client_secret: str, sid: str, user_id: str
    ) -> None:
        raise ServerNotTrusted("This server does not speak to that identity server")

    async def unbind(self, id_server: str, medium: Medium, address: str, user_id: str) -> bool:
        return False

    async def find_validated(self, id_server: str, sid: str, client_secret: str) -> ValidatedThreepid | None:
        raise ServerNotTrusted("This server does not speak to that identity server")


class _NoPinger:
    async def ping(self, url: str, hs_token: Secret, transaction_id: str | None) -> int:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Outside:
    """All of it. ``captcha`` and ``jwts`` are None where they are not configured."""

    phones: PhoneNumbers
    captcha: Captcha | None
    identity: IdentityServers
    jwts: JwtVerifier | None
    pinger: Pinger


def make_outside(config: Config) -> Outside:
    """What the configuration asks for. Raises ConfigError."""
    return Outside(
        _Phones(), None, _NoIdentityServers(), JoseVerifier(config.jwt) if config.jwt.enabled else None, _NoPinger()
    )
