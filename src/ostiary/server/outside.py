"""What the server has of the outside world, as the configuration says: phone numbers, captchas, other servers.

Nothing is opened before it is used.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ostiary.accounts.ports import Entropy
from ostiary.accounts.ports_outside import Captcha, IdentityServers, JwtVerifier, PhoneNumbers, Pinger
from ostiary.config import CAPTCHA_SERVICES, Config, ConfigError, IdentityServersConfig
from ostiary.delivery.captcha import SiteverifyCaptcha
from ostiary.delivery.http import Outgoing
from ostiary.delivery.identity import HttpIdentityServers
from ostiary.delivery.phones import Phones
from ostiary.delivery.ping import AppservicePinger
from ostiary.delivery.signing import SigningKey, load_signing_key
from ostiary.server.jwts import JoseVerifier

CAPTCHA_TIMEOUT_MS: Final = 10_000
MAX_ANSWER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Outside:
    """All of it. ``captcha`` and ``jwts`` are None where they are not configured."""

    phones: PhoneNumbers
    captcha: Captcha | None
    identity: IdentityServers
    jwts: JwtVerifier | None
    pinger: Pinger


@asynccontextmanager
async def open_outside(config: Config, entropy: Entropy) -> AsyncIterator[Outside]:
    """What the configuration asks for, until the context ends. Raises ConfigError."""
    captcha = Outgoing(timeout_ms=CAPTCHA_TIMEOUT_MS, max_answer_bytes=MAX_ANSWER_BYTES)
    identity = Outgoing(timeout_ms=config.identity_servers.timeout_ms, max_answer_bytes=MAX_ANSWER_BYTES)
    appservices = Outgoing(timeout_ms=config.appservices.timeout_ms, max_answer_bytes=MAX_ANSWER_BYTES)
    try:
        yield Outside(
            phones=Phones(),
            captcha=_captcha(config, captcha),
            identity=HttpIdentityServers(
                identity,
                _trusted(config.identity_servers),
                config.server_name,
                _signing_key(config.identity_servers, entropy),
            ),
            jwts=JoseVerifier(config.jwt) if config.jwt.enabled else None,
            pinger=AppservicePinger(appservices),
        )
    finally:
        for outgoing in (captcha, identity, appservices):
            await outgoing.aclose()


def _captcha(config: Config, outgoing: Outgoing) -> Captcha | None:
    captcha = config.captcha
    if not captcha.site_key or not captcha.secret:
        return None
    return SiteverifyCaptcha(outgoing, captcha.verify_url or CAPTCHA_SERVICES[captcha.service], captcha.secret)


def _trusted(identity: IdentityServersConfig) -> dict[str, str | None]:
    """By the name that clients call them: an URL is the operator's word, a bare name is looked up with care."""
    return {
        (urlsplit(one).netloc if "://" in one else one).lower(): one if "://" in one else None
        for one in identity.trusted
    }


def _signing_key(identity: IdentityServersConfig, entropy: Entropy) -> SigningKey | None:
    if not identity.signing_key:
        return None
    try:
        return load_signing_key(Path(identity.signing_key), entropy)
    except (ValueError, RuntimeError, OSError) as error:
        raise ConfigError([f"identity_servers.signing_key = {identity.signing_key!r}: {error}"]) from None
