"""Tokens as text: made from randomness, told from typos at a glance, and known to the database by digest only.

``ostu_`` (interactive session), ``ostv_`` (validation of an address), ``ostl_`` (login from another device) or
``osto_`` (OpenID), 27 letters and digits that carry 160 bits, ``_``, 6 letters and digits of checksum. Those of
sessions (``session_tokens``) end in the same way. Must not know what a token opens.
"""

import hashlib
import string
import zlib
from enum import StrEnum
from typing import Final

from ostiary.api.secret import Secret

ENTROPY_BYTES: Final = 20
"""160 bits: beyond guessing, and beyond any chance that two are equal."""

_ALPHABET: Final = string.digits + string.ascii_letters
_PAIRS: Final = [last + first for first in _ALPHABET for last in _ALPHABET]
"""Of digits, the last first: with two at once it takes half as long."""

_BODY_LENGTH: Final = 27
_CHECKSUM_LENGTH: Final = 6


class TokenKind(StrEnum):
    """What a token is for; its prefix."""

    UIA = "ostu"
    VALIDATION = "ostv"
    LOGIN = "ostl"
    OPENID = "osto"


def make_token(kind: TokenKind, entropy: bytes) -> Secret:
    """The token that stands for 20 bytes of randomness."""
    return Secret(seal(f"{kind}_{base62(entropy, _BODY_LENGTH)}"))


def is_well_formed(kind: TokenKind, token: str) -> bool:
    """Whether a text can be a token of this kind: prefix, length and checksum are right."""
    body = unseal(token)
    return body is not None and body.startswith(f"{kind}_") and len(body) == len(kind) + 1 + _BODY_LENGTH


def digest_of(token: str) -> bytes:
    """What the database knows a token by. Without salt: the token is random enough not to be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def seal(body: str) -> str:
    """A text with its checksum behind it."""
    return f"{body}_{_checksum(body)}"


def unseal(token: str) -> str | None:
    """What stands before the checksum; None where that is wrong."""
    body, _, checksum = token.rpartition("_")
    return body if token.isascii() and checksum == _checksum(body) else None


def base62(data: bytes, length: int) -> str:
    """Bytes as so many letters and digits, the last first."""
    return _in_base62(int.from_bytes(data), length)


def _checksum(body: str) -> str:
    return _in_base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _in_base62(number: int, length: int) -> str:
    pairs = []
    for _ in range(-(-length // 2)):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(pairs)[:length]
