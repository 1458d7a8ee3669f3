"""The server's signing key: read from, or first written to, a file in Synapse's format; and canonical JSON.

Spec: appendices, "Signing JSON" and "Canonical JSON". Must not know what is signed.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ostiary.accounts.ports import Entropy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "ed25519"
SEED_BYTES: Final = 32
GREATEST_INTEGER: Final = 2**53 - 1

Sign = Callable[[bytes], tuple[str, str]]
"""From bytes to the ID of the key (``ed25519:a_abcd``) and the signature (unpadded base64)."""


class SigningKey:
    """A key, called with the bytes to sign. ``public_key``: unpadded base64, for whoever is to verify."""

    def __init__(self, key_id: str, key: "Ed25519PrivateKey") -> None:
        self.key_id = key_id
        self.public_key = _base64(key.public_key().public_bytes_raw())
        self._key = key

    def __call__(self, message: bytes) -> tuple[str, str]:
        return self.key_id, _base64(self._key.sign(message))

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def load_signing_key(path: Path, entropy: Entropy) -> SigningKey:
    """Read the key in a file, which is made, readable for its owner alone, where it is missing.

    Raises ValueError with what is wrong with the file, RuntimeError without the package cryptography, OSError.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise RuntimeError("Signing needs the package cryptography: pip install cryptography") from None
    if not path.exists():
        _make(path, entropy)
    key_id, seed = _parse(path)
    return SigningKey(key_id, Ed25519PrivateKey.from_private_bytes(seed))


def canonical_json(value: Any) -> bytes:
    """A value as the one JSON that all servers make of it. Raises ValueError for what has none, such as fractions."""
    _ensure_canonical(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def _ensure_canonical(value: Any) -> None:
    match value:
        case None | bool() | str():
            return
        case int() if abs(value) <= GREATEST_INTEGER:
            return
        case list() | tuple():
            for item in value:
                _ensure_canonical(item)
        case dict() if all(isinstance(key, str) for key in value):
            for item in value.values():
                _ensure_canonical(item)
        case _:
            raise ValueError(f"has no canonical JSON: a value of type {type(value).__name__}")


def _parse(path: Path) -> tuple[str, bytes]:
    """The first key of the file; Synapse's tools write one."""
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        match line.split():
            case [algorithm, version, encoded]:
                if algorithm != ALGORITHM:
                    raise ValueError(f"{path}: the key is not of the algorithm {ALGORITHM}")
                seed = _seed(encoded)
                if seed is None:
                    raise ValueError(f"{path}: the key is not {SEED_BYTES} bytes in unpadded base64")
                return f"{ALGORITHM}:{version}", seed
            case []:
                continue
            case _:
                break
    raise ValueError(f"{path}: has no line of the form '{ALGORITHM} a_abcd KEY'")


def _seed(encoded: str) -> bytes | None:
    try:
        seed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return seed if len(seed) == SEED_BYTES else None


def _make(path: Path, entropy: Entropy) -> None:
    """Write a new key beside the file, then link it to its name: of two processes that start, both read one key."""
    version = f"a_{entropy.token_bytes(3).hex()}"
    line = f"{ALGORITHM} {version} {_base64(entropy.token_bytes(SEED_BYTES))}\n"
    draft = path.with_name(f".{path.name}.{version}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii").rstrip("=")
