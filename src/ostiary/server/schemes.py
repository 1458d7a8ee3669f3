"""The forms that a stored password hash may have: Argon2id, which is made, and bcrypt and PBKDF2, which are only read.

Hashes of other servers are imported as they are, and replaced at the next login. What is stored says how much work it
takes to check, so each form has a bound: an imported hash must not keep a thread for minutes. Must not know threads.
"""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol

from argon2 import PasswordHasher as Argon2
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from ostiary.api.secret import Secret

SALT_BYTES: Final = 16

MOST_ARGON2_KIB: Final = 4_194_304
MOST_ARGON2_PASSES: Final = 100
"""What the configuration can ask for at most: whatever this server has made, it reads."""

MOST_BCRYPT_COST: Final = 16
"""Some four seconds; each step further doubles that."""

BCRYPT_BYTES: Final = 72
"""What bcrypt takes into account. Servers that cut in silence have stored hashes of longer passwords."""

MOST_PBKDF2_ROUNDS: Final = 4_000_000
"""Over all blocks of the hash: some four seconds. OWASP asks for 1,300,000 at most (SHA-1)."""

LEAST_PBKDF2_BYTES: Final = 16
MOST_PBKDF2_BYTES: Final = 64
"""A shorter hash would be hit by guessing, a longer one is of no use."""

_PBKDF2_DIGESTS: Final = {"": "sha1", "-sha1": "sha1", "-sha256": "sha256", "-sha512": "sha512"}

_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_PBKDF2: Final = re.compile(
    r"\$pbkdf2(?P<digest>|-sha1|-sha256|-sha512)"
    r"\$(?:i=(?P<named>\d{1,9})(?:,l=(?P<length>\d{1,4}))?|(?P<bare>\d{1,9}))"
    r"\$(?P<salt>[A-Za-z0-9+/.]{0,512}={0,2})\$(?P<hash>[A-Za-z0-9+/.]{1,512}={0,2})",
    re.ASCII,
)


class Scheme(Protocol):
    """One form of hash."""

    def reads(self, stored: str) -> bool:
        """Whether a stored hash is of this form, and takes no more work than is borne."""
        ...

    def verify(self, password: Secret, stored: str) -> bool:
        """Whether the password is the one hashed. Only for hashes that ``reads`` says yes to."""
        ...


class Argon2id:
    """Argon2id in its PHC form, ``$argon2id$v=19$m=…,t=…,p=…$salt$hash``. ``memory_kib``: for each hash being made."""

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int) -> None:
        self._argon = Argon2(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, salt_len=SALT_BYTES)

    def hash(self, password: Secret, salt: bytes) -> str:
        """A hash with its parameters and salt inside."""
        return self._argon.hash(_bytes(password), salt=salt)

    def reads(self, stored: str) -> bool:
        if not stored.startswith("$argon2id$") or not stored.isascii():
            return False
        try:
            parameters = extract_parameters(stored)
        except InvalidHashError:
            return False
        return parameters.memory_cost <= MOST_ARGON2_KIB and parameters.time_cost <= MOST_ARGON2_PASSES

    def verify(self, password: Secret, stored: str) -> bool:
        try:
            return self._argon.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    def is_current(self, stored: str) -> bool:
        """Whether the hash is one of today's parameters."""
        try:
            return not self._argon.check_needs_rehash(stored)
        except InvalidHashError:
            return False

    def hash_of_nobody(self, salt: bytes, seed: bytes) -> str:
        """A hash of today's parameters that no password has: its digest is not that of any Argon2 run."""
        a = self._argon
        fake = hashlib.sha256(seed).digest()
        return f"$argon2id$v=19$m={a.memory_cost},t={a.time_cost},p={a.parallelism}${_base64(salt)}${_base64(fake)}"


class Bcrypt:
    """bcrypt as Synapse has it: of the password in Unicode's form NFKC, with the server's ``pepper`` behind it."""

    def __init__(self, pepper: Secret) -> None:
        self._pepper = pepper

    def reads(self, stored: str) -> bool:
        match = _BCRYPT.fullmatch(stored)
        return match is not None and int(match.group(1)) <= MOST_BCRYPT_COST

    def verify(self, password: Secret, stored: str) -> bool:
        import bcrypt  # most servers never meet one

        normal = Secret(unicodedata.normalize("NFKC", password.reveal()) + self._pepper.reveal())
        try:
            return bcrypt.checkpw(_bytes(normal)[:BCRYPT_BYTES], stored.encode())
        except ValueError:  # a cost or a salt that there cannot be
            return False


@dataclass(frozen=True, slots=True)
class _Pbkdf2Hash:
    digest: str
    rounds: int
    salt: bytes
    expected: bytes


class Pbkdf2:
    """PBKDF2 as PHC writes it, ``$pbkdf2-sha256$i=…,l=…$salt$hash``, and as passlib does, without ``i=`` and ``l=``."""

    def reads(self, stored: str) -> bool:
        return _parse_pbkdf2(stored) is not None

    def verify(self, password: Secret, stored: str) -> bool:
        parsed = _parse_pbkdf2(stored)
        if parsed is None:
            return False
        derived = hashlib.pbkdf2_hmac(
            parsed.digest, _bytes(password), parsed.salt, parsed.rounds, dklen=len(parsed.expected)
        )
        return hmac.compare_digest(derived, parsed.expected)


class Schemes:
    """Every form that is known. The first one makes the new hashes."""

    def __init__(self, argon2id: Argon2id, *others: Scheme) -> None:
        self.newest = argon2id
        self._all: tuple[Scheme, ...] = (argon2id, *others)

    def find(self, stored: str) -> Scheme | None:
        """The scheme of a stored hash; None for a form that is unknown, or that takes too much work."""
        return next((scheme for scheme in self._all if scheme.reads(stored)), None)


def _parse_pbkdf2(stored: str) -> _Pbkdf2Hash | None:
    match = _PBKDF2.fullmatch(stored)
    if match is None:
        return None
    digest, rounds = _PBKDF2_DIGESTS[match["digest"]], int(match["named"] or match["bare"])
    try:
        salt, expected = _from_base64(match["salt"]), _from_base64(match["hash"])
    except binascii.Error:
        return None
    if not LEAST_PBKDF2_BYTES <= len(expected) <= MOST_PBKDF2_BYTES:
        return None
    if match["length"] is not None and int(match["length"]) != len(expected):
        return None
    blocks = -(-len(expected) // hashlib.new(digest, usedforsecurity=False).digest_size)
    return _Pbkdf2Hash(digest, rounds, salt, expected) if 1 <= rounds <= MOST_PBKDF2_ROUNDS // blocks else None


def _bytes(password: Secret) -> bytes:
    return password.reveal().encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    """The bytes of base64 with or without padding, passlib's ``.`` in place of ``+`` allowed. Raises binascii.Error."""
    bare = text.replace(".", "+").rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
