"""The forms of stored hashes, against hashes that bcrypt, hashlib and argon2 themselves have made."""

import base64
import hashlib

import argon2
import argon2.low_level
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret
from ostiary.server import schemes
from ostiary.server.argon2_core import Cost
from ostiary.server.hash_memory import HashMemory
from ostiary.server.schemes import Argon2id, Bcrypt, Pbkdf2, Schemes

PASSWORD = "correct horse battery"
PEPPER = "pepper of ours"

MEMORY = HashMemory(256 * 1024)
"""Some of the hashes below take more, some less."""

COSTS = st.builds(Cost, memory_kib=st.integers(32, 512), passes=st.integers(1, 3), lanes=st.integers(1, 4))
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
SALTS = st.binary(min_size=8, max_size=40)
PASSWORDS = st.text(max_size=80) | st.text("a\0\u00e9\ud800", max_size=5)


def bcrypt_of(password: bytes, prefix: bytes = b"2b") -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).replace(b"2b", prefix, 1).decode()


def base64_of(data: bytes, alternative: bytes = b"+/") -> str:
    return base64.b64encode(data, alternative).decode().rstrip("=")


def known(pepper: str = "") -> Schemes:
    return Schemes(Argon2id(memory_kib=64, time_cost=1, parallelism=1), Bcrypt(Secret(pepper)), Pbkdf2())


def argon2id_in_memory(cost: Cost = CHEAP) -> Argon2id:
    return Argon2id(memory_kib=cost.memory_kib, time_cost=cost.passes, parallelism=cost.lanes, memory=MEMORY)


def by_argon2_cffi(password: str, salt: bytes, cost: Cost = CHEAP, length: int = 32, version: int = 19) -> str:
    return argon2.low_level.hash_secret(
        password.encode("utf-8", "surrogatepass"), salt, cost.passes, cost.memory_kib, cost.lanes, length,
        argon2.Type.ID, version,
    ).decode()  # fmt: skip


def is_right(password: str, stored: str, pepper: str = "") -> bool:
    scheme = known(pepper).find(stored)
    assert scheme is not None, "no scheme reads it"
    return scheme.verify(Secret(password), stored)


class TestBcrypt:
    @pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
    def test_right_password_and_no_other_is_right(self, prefix: bytes) -> None:
        stored = bcrypt_of(PASSWORD.encode(), prefix)
        assert stored.startswith(f"${prefix.decode()}$04$")
        assert is_right(PASSWORD, stored)
        for wrong in ("", "Correct horse battery", PASSWORD + " "):
            assert not is_right(wrong, stored)

    @pytest.mark.parametrize(
        ("password", "stored"),
        [
            # From the test vectors of the reference implementation (openwall's crypt_blowfish).
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        ],
    )
    def test_hashes_of_the_reference_are_read(self, password: str, stored: str) -> None:
        assert is_right(password, stored)

    def test_pepper_stands_behind_the_password(self) -> None:
        stored = bcrypt_of((PASSWORD + PEPPER).encode())
        assert is_right(PASSWORD, stored, PEPPER)
        assert not is_right(PASSWORD, stored)
        assert not is_right(PASSWORD, stored, "another")
        assert not is_right(PASSWORD, bcrypt_of(PASSWORD.encode()), PEPPER)

    def test_ways_to_write_one_letter_are_the_same(self) -> None:
        stored = bcrypt_of("cafe\u0301 \ufb01".encode())
        normal = bcrypt_of("caf\u00e9 fi".encode())
        for way in ("cafe\u0301 \ufb01", "caf\u00e9 fi"):
            assert is_right(way, normal)
            assert not is_right(way, stored)

    @pytest.mark.parametrize("length", [71, 72, 73, 200])
    def test_only_72_bytes_count_as_for_whoever_cut_in_silence(self, length: int) -> None:
        stored = bcrypt_of(("x" * length).encode()[:72])
        assert is_right("x" * length, stored)
        assert is_right("x" * 500, stored) is (length >= 72)
        assert is_right("x" * 71, stored) is (length < 72)

    def test_cut_may_go_through_a_letter_and_takes_the_pepper_along(self) -> None:
        password = "x" * 71 + "\u00e9"
        stored = bcrypt_of((password + PEPPER).encode()[:72])
        assert is_right(password, stored, PEPPER)
        assert is_right(password, stored)

    def test_lone_surrogate_is_only_wrong(self) -> None:
        assert not is_right("\ud800", bcrypt_of(b"x"))

    @pytest.mark.parametrize("cost", ["17", "31", "99"])
    def test_cost_that_would_hold_up_the_pool_is_not_read(self, cost: str) -> None:
        stored = bcrypt_of(b"x").replace("$04$", f"${cost}$")
        assert known().find(stored) is None

    @pytest.mark.parametrize("cost", ["00", "03"])
    def test_cost_that_there_cannot_be_is_only_wrong(self, cost: str) -> None:
        assert not is_right("x", bcrypt_of(b"x").replace("$04$", f"${cost}$"))


class TestPbkdf2:
    @pytest.mark.parametrize(
        ("name", "digest"),
        [("", "sha1"), ("-sha1", "sha1"), ("-sha256", "sha256"), ("-sha512", "sha512")],
    )
    def test_both_forms_are_read_for_each_digest(self, name: str, digest: str) -> None:
        salt = b"\xfb\xff\xfe salt of ours"  # with + and / in base64
        derived = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, 1000)
        phc = f"$pbkdf2{name}$i=1000,l={len(derived)}${base64_of(salt)}${base64_of(derived)}"
        without_length = f"$pbkdf2{name}$i=1000${base64_of(salt)}${base64_of(derived)}"
        padded = f"$pbkdf2{name}$i=1000${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"
        passlib = f"$pbkdf2{name}$1000${base64_of(salt, b'./')}${base64_of(derived, b'./')}"
        for stored in (phc, without_length, padded, passlib):
            assert is_right(PASSWORD, stored)
            assert not is_right("Correct horse battery", stored)
            assert not is_right("", stored)

    @pytest.mark.parametrize(
        ("start", "password", "digest"),
        [
            # RFC 6070, "password" with 2 and with 4096 rounds; RFC 7914, section 11.
            ("$pbkdf2$2", "password", "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            ("$pbkdf2-sha1$i=4096,l=20", "password", "4b007901b765489abead49d926f721d065a429c1"),
            (
                "$pbkdf2-sha256$1", "passwd",
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef31",
            ),
        ],
    )  # fmt: skip
    def test_vectors_of_the_standards_are_right(self, start: str, password: str, digest: str) -> None:
        assert is_right(password, f"{start}$c2FsdA${base64_of(bytes.fromhex(digest))}")

    def test_shorter_hash_than_the_digest_is_read(self) -> None:
        derived = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), b"salt", 10, dklen=32)
        assert is_right(PASSWORD, f"$pbkdf2-sha512$i=10,l=32$c2FsdA${base64_of(derived)}")

    @pytest.mark.parametrize(
        ("digest", "rounds", "length"),
        [
            ("sha256", schemes.MOST_PBKDF2_ROUNDS + 1, 32),
            ("sha256", 999_999_999, 32),
            ("sha256", schemes.MOST_PBKDF2_ROUNDS // 2 + 1, 64),  # two blocks
            ("sha1", schemes.MOST_PBKDF2_ROUNDS // 4 + 1, 64),  # four
            ("sha512", 1, 65),
            ("sha256", 0, 32),
            ("sha256", 1, 15),
        ],
    )
    def test_work_without_bounds_and_hashes_without_worth_are_not_read(
        self, digest: str, rounds: int, length: int
    ) -> None:
        stored = base64_of(b"x" * length)
        assert known().find(f"$pbkdf2-{digest}$i={rounds},l={length}$c2FsdA${stored}") is None
        assert known().find(f"$pbkdf2-{digest}${rounds}$c2FsdA${stored}") is None

    def test_most_rounds_are_read(self) -> None:
        most = schemes.MOST_PBKDF2_ROUNDS
        assert known().find(f"$pbkdf2-sha256${most}$c2FsdA${base64_of(b'x' * 32)}") is not None
        assert known().find(f"$pbkdf2-sha256${most // 2}$c2FsdA${base64_of(b'x' * 64)}") is not None

    def test_length_that_is_not_the_hashs_is_not_read(self) -> None:
        assert known().find(f"$pbkdf2-sha256$i=1,l=31$c2FsdA${base64_of(b'x' * 32)}") is None


class TestArgon2id:
    def test_hash_of_another_is_read_whatever_its_parameters(self) -> None:
        stored = argon2.PasswordHasher(time_cost=3, memory_cost=128, parallelism=2, hash_len=16).hash(PASSWORD)
        assert is_right(PASSWORD, stored)
        assert not is_right("wrong", stored)

    @pytest.mark.parametrize("kind", [argon2.Type.I, argon2.Type.D])
    def test_other_kinds_of_argon2_are_not_read(self, kind: argon2.Type) -> None:
        stored = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=kind).hash(PASSWORD)
        assert known().find(stored) is None

    @pytest.mark.parametrize("parameters", ["m=4194305,t=1,p=1", "m=64,t=101,p=1"])
    def test_work_that_would_hold_up_the_pool_is_not_read(self, parameters: str) -> None:
        made = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
        assert known().find(made.replace("m=64,t=1,p=1", parameters)) is None

    def test_only_todays_parameters_are_current(self) -> None:
        argon2id = Argon2id(memory_kib=64, time_cost=1, parallelism=1)
        stored = argon2id.hash(Secret(PASSWORD), b"s" * schemes.SALT_BYTES)
        assert argon2id.is_current(stored)
        assert not Argon2id(memory_kib=64, time_cost=2, parallelism=1).is_current(stored)
        for other in ("", "x", bcrypt_of(b"x"), "$pbkdf2-sha256$1$c2FsdA$" + base64_of(b"x" * 32)):
            assert not argon2id.is_current(other)

    @given(PASSWORDS, SALTS, COSTS)
    def test_hash_is_letter_by_letter_that_of_argon2_cffi(self, password: str, salt: bytes, cost: Cost) -> None:
        made = argon2id_in_memory(cost).hash(Secret(password), salt)
        assert made == by_argon2_cffi(password, salt, cost)

    @given(PASSWORDS, PASSWORDS, SALTS, COSTS, st.integers(4, 80))
    def test_hash_by_argon2_cffi_is_right_for_its_password_and_no_other(
        self, password: str, other: str, salt: bytes, cost: Cost, length: int
    ) -> None:
        stored = by_argon2_cffi(password, salt, cost, length)
        assert argon2id_in_memory().verify(Secret(password), stored)
        assert argon2id_in_memory().verify(Secret(other), stored) is (other == password)

    @given(st.data())
    def test_hash_that_was_changed_is_judged_as_argon2_cffi_judges_it(self, data: st.DataObject) -> None:
        stored = by_argon2_cffi(PASSWORD, b"s" * 16, length=20)
        begin = data.draw(st.integers(0, len(stored)))
        end = data.draw(st.integers(begin, min(len(stored), begin + 2)))
        changed = stored[:begin] + data.draw(st.text("$=,+/0149AQgwvmtp\n", max_size=2)) + stored[end:]
        plain = Argon2id(memory_kib=64, time_cost=1, parallelism=1)
        if plain.reads(changed):
            right = plain.verify(Secret(PASSWORD), changed)
            assert argon2id_in_memory().verify(Secret(PASSWORD), changed) is right

    @pytest.mark.parametrize(
        "change",
        [("v=19", "v=16"), ("m=64", "m=064"), ("t=1", "t=01"), ("p=1", "p=1,keyid=x"), ("p=1", "p=99"), ("t=1", "t=0")],
    )
    def test_spelling_of_another_is_judged_as_argon2_cffi_judges_it(self, change: tuple[str, str]) -> None:
        stored = by_argon2_cffi(PASSWORD, b"s" * 16).replace(*change)
        right = Argon2id(memory_kib=64, time_cost=1, parallelism=1).verify(Secret(PASSWORD), stored)
        assert argon2id_in_memory().verify(Secret(PASSWORD), stored) is right

    def test_first_version_of_argon2_is_read(self) -> None:
        stored = by_argon2_cffi(PASSWORD, b"s" * 16, version=16)
        assert "v=16" in stored
        assert argon2id_in_memory().verify(Secret(PASSWORD), stored)
        assert not argon2id_in_memory().verify(Secret("wrong"), stored)


@pytest.mark.parametrize(
    "stored",
    [
        "", "!", "*", PASSWORD, "$", "$$$", "$6$salt$hash", "$1$salt$hash", "{SSHA}x", "$scrypt$ln=1,r=1,p=1$x$y",
        "$argon2id$", "$argon2id$v=19$m=x,t=1,p=1$x$y", "$argon2id$v=19$m=64,t=1,p=1$\u00e9\u00e9\u00e9$y",
        "$2b$12$x", "$2x$04$" + "." * 53, "$2$04$" + "." * 53, "$2b$\u0664\u0664$" + "." * 53, "$2b$04$" + "." * 54,
        "$pbkdf2-md5$1$c2FsdA$" + "x" * 43, "$pbkdf2-sha256$-1$c2FsdA$" + "x" * 43, "$pbkdf2-sha256$$c2FsdA$x",
        "$pbkdf2-sha256$1$c2FsdA$" + "x" * 41, "$pbkdf2-sha256$1$x$" + "x" * 43, "$pbkdf2-sha256$1$c2FsdA$",
        "$pbkdf2-sha256$l=32,i=1$c2FsdA$" + "x" * 43,
    ],
)  # fmt: skip
def test_unknown_forms_are_read_by_no_scheme(stored: str) -> None:
    assert known().find(stored) is None


@given(
    st.sampled_from(["", "$argon2id$", "$2b$04$", "$pbkdf2-sha256$1$", "$pbkdf2$i=1,l=20$"]),
    st.text(st.sampled_from("$=,./+aA09\u00e9\ud800\0\n"), max_size=80),
)
def test_no_text_makes_a_scheme_fail(start: str, rest: str) -> None:
    scheme = known().find(start + rest)
    assert scheme is None or not scheme.verify(Secret(PASSWORD), start + rest)


def test_pepper_is_in_no_repr() -> None:
    scheme = Bcrypt(Secret(PEPPER))
    assert PEPPER not in repr(scheme) + repr(vars(scheme))
