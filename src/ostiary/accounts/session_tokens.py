"""The tokens of sessions as text. Each says which session it is of, so that one row tells all about it.

``osta_`` (access) or ``ostr_`` (refresh), the session's number and that of the pair, both hexadecimal, ``_``, 36
letters and digits, ``_``, 6 of checksum. Of the 36 the first 14 are the session's *lineage*, the rest the token's own
secret. Of both the database has digests only.

By its secret a token is one of the session's two newest pairs. By its lineage it is, or was, one of the session's: so
nothing has to be stored of a token that has been replaced, and yet whoever comes with it can be told. The lineage in
access tokens is a digest of the one in refresh tokens, so that who has the former cannot make up the latter. Must not
know what becomes of a token.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ostiary.accounts.tokens import base62, seal, unseal
from ostiary.api.secret import Secret

LINEAGE_BYTES: Final = 10
SECRET_BYTES: Final = 16
"""128 bits: beyond guessing, a session's number being known."""

NONCE_BYTES: Final = 16

_LINEAGE_LENGTH: Final = 14
_SECRET_LENGTH: Final = 22
_LARGEST_ID: Final = 2**63 - 1


class SessionTokenKind(StrEnum):
    """What a token is for; its prefix."""

    ACCESS = "osta"
    REFRESH = "ostr"


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A token taken apart. ``generation``: the number of its pair, as the token says.

    Nothing of it is proven but the form: ``digest`` and ``root`` are to be compared with the session's.
    """

    kind: SessionTokenKind
    session_id: int
    generation: int
    lineage: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def text(self) -> Secret:
        """What the client has."""
        body = f"{self.kind}_{self.session_id:x}_{self.generation:x}_{self.lineage}{self.secret}"
        return Secret(seal(body))

    @property
    def digest(self) -> bytes:
        """What the database knows the secret by. Without salt: it is random enough not to be guessed."""
        return _digest(f"{self.kind}_{self.secret}")

    @property
    def root(self) -> bytes:
        """What the database knows the lineage by, from whichever of the session's tokens."""
        return root_of(self.lineage if self.kind is SessionTokenKind.ACCESS else lineage_of_access(self.lineage))


def parse_session_token(kind: SessionTokenKind, text: str) -> SessionToken | None:
    """Take a token apart; None for a text that can be none of this kind."""
    parts = (unseal(text) or "").split("_")
    if len(parts) != 4 or parts[0] != kind or len(parts[3]) != _LINEAGE_LENGTH + _SECRET_LENGTH:
        return None
    session_id, generation = _number(parts[1]), _number(parts[2])
    if session_id is None or generation is None or not parts[3].isalnum():
        return None
    return SessionToken(kind, session_id, generation, parts[3][:_LINEAGE_LENGTH], parts[3][_LINEAGE_LENGTH:])


def _number(text: str) -> int | None:
    """The number that is written so, and in no other way."""
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if 0 <= number <= _LARGEST_ID and f"{number:x}" == text else None


def make_lineage(entropy: bytes) -> str:
    """A session's lineage, as its refresh tokens have it, out of 10 random bytes."""
    return base62(entropy, _LINEAGE_LENGTH)


def lineage_of_access(lineage: str) -> str:
    """The lineage that the access tokens of a session have."""
    return base62(_digest(f"access {lineage}")[:LINEAGE_BYTES], _LINEAGE_LENGTH)


def root_of(lineage_of_access: str) -> bytes:
    """What the database knows the lineage by."""
    return _digest(f"root {lineage_of_access}")[:LINEAGE_BYTES]


def make_secret(entropy: bytes) -> str:
    """A token's own secret, out of 16 random bytes."""
    return base62(entropy, _SECRET_LENGTH)


def derive_pair(refresh_token: SessionToken, generation: int, nonce: bytes) -> tuple[SessionToken, SessionToken]:
    """The next pair's access and refresh token: the same for the same refresh token and nonce.

    Neither the nonce (which the database has) nor the refresh token (which the client has) is enough to compute them.
    """
    of = refresh_token
    access = SessionToken(
        SessionTokenKind.ACCESS, of.session_id, generation, lineage_of_access(of.lineage),
        _derived(of, SessionTokenKind.ACCESS, nonce),
    )  # fmt: skip
    refresh = SessionToken(
        SessionTokenKind.REFRESH, of.session_id, generation, of.lineage, _derived(of, SessionTokenKind.REFRESH, nonce)
    )
    return access, refresh


def _derived(refresh_token: SessionToken, kind: SessionTokenKind, nonce: bytes) -> str:
    key = f"{refresh_token.session_id:x}_{refresh_token.lineage}{refresh_token.secret}".encode()
    return make_secret(hmac.digest(key, kind.encode() + nonce, "sha256")[:SECRET_BYTES])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
