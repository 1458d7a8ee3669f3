"""The signing key in its file, and canonical JSON."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ostiary.delivery.signing import canonical_json, load_signing_key
from tests.world import SeededEntropy

SPEC_SEED = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"
"""The key of the specification's test vectors (appendices)."""


def test_the_test_vectors_of_the_specification_hold(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text(f"ed25519 1 {SPEC_SEED}\n", encoding="ascii")
    sign = load_signing_key(file, SeededEntropy())
    assert sign(canonical_json({})) == (
        "ed25519:1",
        "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ",
    )
    assert sign(canonical_json({"two": "Two", "one": 1}))[1] == (
        "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"one": 1, "two": "Two"}, '{"one":1,"two":"Two"}'),
        ({"b": "2", "a": "1"}, '{"a":"1","b":"2"}'),
        ({"a": {"b": [True, False, None], "ä": -(2**53 - 1)}}, '{"a":{"b":[true,false,null],"ä":-9007199254740991}}'),
        ({"本": 2, "日": 1}, '{"日":1,"本":2}'),
        ({"\U00010000": 1, "\uffff": 2}, '{"\uffff":2,"\U00010000":1}'),
        ({"a": "\u65e5"}, '{"a":"日"}'),
        ({"a": '\b\t\n\f\r"\\\x01\x7f/'}, '{"a":"\\b\\t\\n\\f\\r\\"\\\\\\u0001\x7f/"}'),
    ],
)
def test_canonical_json(value: Any, text: str) -> None:
    assert canonical_json(value) == text.encode()


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, {1: 2}, [{"a": b""}], {"a": "\ud800"}])
def test_what_has_no_canonical_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"canonical|surrogates"):
        canonical_json(value)


def test_a_missing_key_is_made_for_the_owner_alone_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    made, read = load_signing_key(file, SeededEntropy()), load_signing_key(file, SeededEntropy("other"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["signing.key"]
    assert (made.key_id, made.public_key) == (read.key_id, read.public_key)
    key_id, signature = read(b"message")
    assert key_id.startswith("ed25519:a_")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(made.public_key + "="))
    public.verify(base64.b64decode(signature + "=="), b"message")


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda number: load_signing_key(file, SeededEntropy(str(number))), range(8)))
    assert len({key.public_key for key in keys}) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["signing.key"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "has no line of the form"),
        ("ed25519 a_abcd", "has no line of the form"),
        (f"rsa a_abcd {SPEC_SEED}", "not of the algorithm ed25519"),
        ("ed25519 a_abcd c2hvcnQ", "not 32 bytes in unpadded base64"),
        (f"ed25519 a_abcd {SPEC_SEED}!", "not 32 bytes in unpadded base64"),
    ],
)
def test_what_is_no_key_is_told_without_it(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "signing.key"
    file.write_text(content, encoding="ascii")
    with pytest.raises(ValueError, match=complaint) as caught:
        load_signing_key(file, SeededEntropy())
    assert SPEC_SEED not in str(caught.value)


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text(f"\ned25519 1 {SPEC_SEED}\n", encoding="ascii")
    assert repr(load_signing_key(file, SeededEntropy())) == "SigningKey(ed25519:1)"
