"""``accounts.ports_outside.JwtVerifier`` by joserfc: signature, times, issuer and audience of JSON web tokens."""

from pathlib import Path
from typing import Any, Final

from ostiary.accounts.model import Instant
from ostiary.accounts.ports_outside import NamedByJwt
from ostiary.api.secret import Secret
from ostiary.config import ConfigError, JwtConfig

LEEWAY_S: Final = 30
"""By so much another machine's clock may differ."""

_KEY_TYPES: Final = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class JoseVerifier:
    """Judges JSON web tokens. Raises ConfigError where the key cannot be read."""

    def __init__(self, config: JwtConfig) -> None:
        self._config = config
        self._key = _key(config)

    @property
    def creates_accounts(self) -> bool:
        """Whether a token may make the account that it names."""
        return self._config.create_accounts

    def verify(self, token: Secret, at: Instant) -> NamedByJwt:
        """Whom a token names. Raises ValueError with what is wrong with it, which repeats nothing of it."""
        from joserfc import jwt
        from joserfc.errors import ClaimError, ExpiredTokenError, JoseError

        config = self._config
        options: dict[str, Any] = {}
        if config.issuer:
            options["iss"] = {"essential": True, "value": config.issuer}
        if config.audiences:
            options["aud"] = {"essential": True, "values": list(config.audiences)}
        registry = jwt.JWTClaimsRegistry(now=at // 1000, leeway=LEEWAY_S, **options)
        try:
            claims = jwt.decode(token.reveal(), self._key, algorithms=[config.algorithm]).claims
            registry.validate(claims)
        except ExpiredTokenError:
            raise ValueError("it has expired") from None
        except ClaimError as error:
            raise ValueError(f"its claim {error.claim!r} is missing or wrong") from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("it is malformed, or not signed as it should be") from None
        subject = claims.get(config.subject_claim)
        if not isinstance(subject, str) or not subject:
            raise ValueError(f"its claim {config.subject_claim!r} names nobody")
        return NamedByJwt(subject)


def _key(config: JwtConfig) -> Any:
    from joserfc import jwk

    if config.algorithm.startswith("HS"):
        return jwk.OctKey.import_key(config.secret.reveal())
    path = Path(config.key_file)
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"jwt.key_file = {config.key_file!r}: cannot be read: {error}"]) from None
    try:
        if content.lstrip().startswith("{"):
            import json

            return jwk.import_key(json.loads(content))
        key_type: Any = _KEY_TYPES[config.algorithm[:2]]
        return jwk.import_key(content, key_type)
    except Exception:  # noqa: BLE001 - whatever the libraries below raise; none of it is to be shown
        raise ConfigError([f"jwt.key_file = {config.key_file!r}: holds no key for {config.algorithm}"]) from None
