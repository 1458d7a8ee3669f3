"""From the configuration's keys to what hashes and judges passwords."""

from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from ostiary.api.errors import WeakPassword
from ostiary.api.secret import Secret
from ostiary.config import Config, ConfigError, PasswordsConfig, load, show
from ostiary.server.wiring_passwords import make_hasher, make_policy
from tests.world import SeededEntropy

PEPPER = "pepper of ours"


def config(**passwords: object) -> Config:
    fast = PasswordsConfig(argon2_memory_kib=64, argon2_time_cost=1)
    return replace(Config(), passwords=replace(fast, **passwords))  # type: ignore[arg-type]


class TestHasher:
    async def test_hashes_as_configured(self) -> None:
        hasher = make_hasher(config(argon2_parallelism=2), SeededEntropy())
        stored = await hasher.hash(Secret("x"))
        assert stored.startswith("$argon2id$v=19$m=64,t=1,p=2$")
        assert await hasher.verify(Secret("x"), stored)
        hasher.close()

    async def test_reads_hashes_with_the_configured_pepper(self) -> None:
        stored = bcrypt.hashpw(f"hunter2{PEPPER}".encode(), bcrypt.gensalt(4)).decode()
        for pepper, right in ((PEPPER, True), ("", False)):
            hasher = make_hasher(config(bcrypt_pepper=Secret(pepper)), SeededEntropy())
            assert await hasher.verify(Secret("hunter2"), stored) is right
            hasher.close()

    def test_pepper_is_never_shown(self) -> None:
        loaded = load(environ={"OSTIARY_PASSWORDS__BCRYPT_PEPPER": PEPPER})
        assert loaded.config.passwords.bcrypt_pepper.reveal() == PEPPER
        assert PEPPER not in show(loaded.config, loaded.sources) + repr(loaded)
        assert 'bcrypt_pepper = "***"' in show(loaded.config, loaded.sources)

    def test_pepper_of_another_kind_is_refused_unseen(self, tmp_path: Path) -> None:
        file = tmp_path / "ostiary.toml"
        file.write_text("[passwords]\nbcrypt_pepper = 12345\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="must be a text") as caught:
            load(file=file, environ={})
        assert "12345" not in str(caught.value)


class TestPolicy:
    @pytest.mark.parametrize(
        ("key", "value", "refused", "taken"),
        [
            ("min_length", 9, "x" * 8, "x" * 9),
            ("max_length", 9, "x" * 10, "x" * 9),
            ("require_digit", True, "abcdefgh", "abcdefg1"),
            ("require_symbol", True, "abcdefgh", "abcdefg!"),
            ("require_lowercase", True, "ABCDEFGH", "ABCDEFGh"),
            ("require_uppercase", True, "abcdefgh", "abcdefgH"),
            ("min_strength", 3, "password", "lamp zebra kiosk"),
        ],
    )
    def test_each_key_asks_for_what_it_says(self, key: str, value: object, refused: str, taken: str) -> None:
        make_policy(config()).check(Secret("x" * 8 if key == "max_length" else refused.ljust(8, "x")))
        judge = make_policy(config(**{key: value}))
        judge.check(Secret(taken))
        with pytest.raises(WeakPassword):
            judge.check(Secret(refused))

    def test_list_of_breached_passwords_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "words.txt"
        file.write_text("hunter2hunter2\n", encoding="utf-8")
        judge = make_policy(config(breached_file=str(file)))
        judge.check(Secret("hunter3hunter3"))
        with pytest.raises(WeakPassword):
            judge.check(Secret("hunter2hunter2"))

    def test_list_that_cannot_be_read_is_a_fault_of_the_configuration(self, tmp_path: Path) -> None:
        file = tmp_path / "none.txt"
        with pytest.raises(ConfigError) as caught:
            make_policy(config(breached_file=str(file)))
        assert caught.value.problems == [f"passwords.breached_file: {file} cannot be read: No such file or directory"]
