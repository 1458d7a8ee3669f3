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
from argon2.exceptions import HashingError, InvalidHashError, VerificationError

from ostiary.api.secret import Secret
from ostiary.server.argon2_core import Cost, derive
from ostiary.server.hash_memory import HashMemory

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

_ARGON2ID: Final = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,8})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)", re.ASCII
)
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


@dataclass(frozen=True, slots=True)
class _Argon2idHash:
    """``str`` of it is its PHC form, letter by letter as argon2-cffi writes it."""

    cost: Cost
    salt: bytes
    digest: bytes

    def __str__(self) -> str:
        cost = f"m={self.cost.memory_kib},t={self.cost.passes},p={self.cost.lanes}"
        return f"$argon2id$v=19${cost}${_base64(self.salt)}${_base64(self.digest)}"


class Argon2id:
    """Argon2id in its PHC form, ``$argon2id$v=19$m=…,t=…,p=…$salt$hash``. ``memory_kib``: for each hash being made.

    ``memory``: what hashes are made in; without it, or where it does not serve, argon2-cffi has the C library's. It
    also judges whatever is not written as it would write it.
    """

    def __init__(
        self, *, memory_kib: int, time_cost: int, parallelism: int, memory: HashMemory | None = None
    ) -> None:  # fmt: skip
        self._argon = Argon2(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism, salt_len=SALT_BYTES)
        self._cost = Cost(memory_kib, time_cost, parallelism)
        self._memory = memory

    def hash(self, password: Secret, salt: bytes) -> str:
        """A hash with its parameters and salt inside."""
        digest = self._derived(password, salt, self._cost, self._argon.hash_len)
        if digest is None:
            return self._argon.hash(_bytes(password), salt=salt)
        return str(_Argon2idHash(self._cost, salt, digest))

    def reads(self, stored: str) -> bool:
        if not stored.startswith("$argon2id$") or not stored.isascii():
            return False
        try:
            parameters = extract_parameters(stored)
        except InvalidHashError:
            return False
        return parameters.memory_cost <= MOST_ARGON2_KIB and parameters.time_cost <= MOST_ARGON2_PASSES

    def verify(self, password: Secret, stored: str) -> bool:
        parsed = _parse_argon2id(stored)
        if parsed is not None:
            digest = self._derived(password, parsed.salt, parsed.cost, len(parsed.digest))
            if digest is not None:
                return hmac.compare_digest(digest, parsed.digest)
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
        return str(_Argon2idHash(self._cost, salt, hashlib.sha256(seed).digest()))

    def _derived(self, password: Secret, salt: bytes, cost: Cost, length: int) -> bytes | None:
        """The digest, made in memory of ours; None where argon2-cffi is to say what there is to say."""
        if self._memory is None:
            return None
        try:
            return derive(_bytes(password), salt, cost, length, self._memory)
        except HashingError:
            return None


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


def _parse_argon2id(stored: str) -> _Argon2idHash | None:
    """None for what argon2-cffi would write otherwise, and perhaps read otherwise, or not at all."""
    match = _ARGON2ID.fullmatch(stored)
    if match is None:
        return None
    try:
        salt, digest = _from_base64(match[4]), _from_base64(match[5])
    except binascii.Error:
        return None
    parsed = _Argon2idHash(Cost(int(match[1]), int(match[2]), int(match[3])), salt, digest)
    return parsed if str(parsed) == stored else None


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
