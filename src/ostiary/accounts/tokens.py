"""Tokens as text: made from randomness, told from typos at a glance, and known to the database by digest only.

``osta_`` (access), ``ostr_`` (refresh), ``ostu_`` (interactive session), ``ostv_`` (validation of an address),
``ostl_`` (login from another device) or ``osto_`` (OpenID), 27 letters and digits that carry 160 bits,
``_``, 6 letters and digits of checksum. Must not know what a token opens.
"""

import hashlib
import hmac
import string
import zlib
from enum import StrEnum
from typing import Final

from ostiary.api.secret import Secret

ENTROPY_BYTES: Final = 20
"""160 bits: beyond guessing, and beyond any chance that two are equal."""

NONCE_BYTES: Final = 16

_ALPHABET: Final = string.digits + string.ascii_letters
_BODY_LENGTH: Final = 27
_CHECKSUM_LENGTH: Final = 6


class TokenKind(StrEnum):
    """What a token is for; its prefix."""

    ACCESS = "osta"
    REFRESH = "ostr"
    UIA = "ostu"
    VALIDATION = "ostv"
    LOGIN = "ostl"
    OPENID = "osto"


def make_token(kind: TokenKind, entropy: bytes) -> Secret:
    """The token that stands for 20 bytes of randomness."""
    body = f"{kind}_{_base62(int.from_bytes(entropy), _BODY_LENGTH)}"
    return Secret(f"{body}_{_checksum(body)}")


def derive_token(kind: TokenKind, refresh_token: Secret, nonce: bytes) -> Secret:
    """The token of a kind that follows from a refresh token and a nonce: the same for the same two.

    Neither the nonce (which the database has) nor the refresh token (which the client has) is enough to compute it.
    """
    digest = hmac.digest(refresh_token.reveal().encode(), kind.encode() + nonce, "sha256")
    return make_token(kind, digest[:ENTROPY_BYTES])


def is_well_formed(kind: TokenKind, token: str) -> bool:
    """Whether a text can be a token of this kind: prefix, length and checksum are right."""
    body, _, checksum = token.rpartition("_")
    return (
        token.isascii()
        and body.startswith(f"{kind}_")
        and len(body) == len(kind) + 1 + _BODY_LENGTH
        and checksum == _checksum(body)
    )


def digest_of(token: str) -> bytes:
    """What the database knows a token by. Without salt: the token is random enough not to be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(digits)
