"""What new passwords must be like: each rule by itself, all together, and with the real estimator and a real list."""

import hashlib
from pathlib import Path

import pytest

from ostiary.accounts.password_policy import PasswordPolicy, PasswordRules
from ostiary.api.errors import WeakPassword
from ostiary.api.secret import Secret
from ostiary.server.breached import PwnedHashes
from ostiary.server.strength import ZxcvbnStrength


def policy(**changes: int) -> PasswordPolicy:
    rules = PasswordRules(**{"min_length": 1, "max_length": 100, **changes})  # type: ignore[arg-type]
    return PasswordPolicy(rules, ZxcvbnStrength() if rules.min_strength else None, None)


def reasons(judge: PasswordPolicy, password: str, words: tuple[str, ...] = ()) -> str:
    """Why a password is refused; nothing where it is not."""
    try:
        judge.check(Secret(password), words)
    except WeakPassword as refusal:
        assert (refusal.errcode, refusal.status) == ("M_WEAK_PASSWORD", 400)
        return refusal.message
    return ""


class TestEachRule:
    @pytest.mark.parametrize(
        ("rule", "refused", "taken", "reason"),
        [
            ({"min_length": 8}, "x" * 7, "x" * 8, "A password has at least 8 characters"),
            ({"min_length": 3}, "\U0001f511" * 2, "\U0001f511" * 3, "A password has at least 3 characters"),
            ({"max_length": 8}, "x" * 9, "x" * 8, "A password has at most 8 characters"),
            ({"require_digit": True}, "abcABC!", "abcABC!1", "A password has at least one digit"),
            ({"require_symbol": True}, "abcABC1", "abcABC1!", "A password has at least one symbol"),
            ({"require_lowercase": True}, "ABC1!", "ABC1!a", "A password has at least one lowercase letter"),
            ({"require_uppercase": True}, "abc1!", "abc1!A", "A password has at least one uppercase letter"),
        ],
    )
    def test_refuses_what_lacks_it_and_takes_what_has_it(
        self, rule: dict[str, int], refused: str, taken: str, reason: str
    ) -> None:
        assert reasons(policy(**rule), refused) == reason
        assert reasons(policy(**rule), taken) == ""

    @pytest.mark.parametrize(
        ("rule", "password"),
        [
            ("require_digit", "\u0664"),
            ("require_symbol", "\u00e9"),  # a client that knows ASCII only takes it for one
            ("require_symbol", " "),
            ("require_lowercase", "\u00e9"),
            ("require_uppercase", "\u00c9"),
        ],
    )
    def test_other_scripts_count(self, rule: str, password: str) -> None:
        assert reasons(policy(**{rule: True}), password) == ""

    @pytest.mark.parametrize("password", ["x", "12345678", "password", "\ud800", "\0"])
    def test_nothing_is_asked_that_no_rule_asks(self, password: str) -> None:
        assert reasons(policy(), password) == ""

    def test_all_that_is_wrong_is_told_at_once(self) -> None:
        strict = policy(min_length=8, require_digit=True, require_symbol=True, require_lowercase=True)
        assert reasons(strict, "ABC") == (
            "A password has at least 8 characters. A password has at least one digit. "
            "A password has at least one symbol. A password has at least one lowercase letter"
        )

    def test_refusal_repeats_nothing_of_the_password(self) -> None:
        strict = policy(min_length=50, require_symbol=True)
        with pytest.raises(WeakPassword) as caught:
            strict.check(Secret("hunter2"), ("hunter",))
        assert "hunter" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


class TestStrength:
    @pytest.mark.parametrize(
        ("password", "strength"),
        [("password", 0), ("abc123x", 1), ("lampzebra", 2), ("zebra-lamp", 3), ("lamp zebra kiosk", 4)],
    )
    def test_only_what_is_strong_enough_is_taken(self, password: str, strength: int) -> None:
        taken = [not reasons(policy(min_strength=least), password) for least in range(5)]
        assert taken == [least <= strength for least in range(5)]

    def test_refusal_says_what_to_do(self) -> None:
        told = reasons(policy(min_strength=3), "abc123x")
        assert told == "This password is too easy to guess: choose a longer one, or words that are less common"

    def test_what_is_known_of_the_person_does_not_help(self) -> None:
        good = policy(min_strength=3)
        assert reasons(good, "wolfeschlegelsteinhausen") == ""
        told = reasons(good, "wolfeschlegelsteinhausen", ("Wolfeschlegelsteinhausen",))
        assert told.startswith("This password is too easy to guess")

    def test_words_are_forgotten_after_the_password(self) -> None:
        good = policy(min_strength=3)
        assert reasons(good, "wolfeschlegelsteinhausen", ("wolfeschlegelsteinhausen", ""))
        assert reasons(good, "wolfeschlegelsteinhausen") == ""

    def test_rule_needs_its_estimator(self) -> None:
        with pytest.raises(ValueError, match="estimates"):
            PasswordPolicy(PasswordRules(min_length=1, max_length=9, min_strength=1))


class TestBreached:
    @pytest.fixture
    def known(self, tmp_path: Path) -> PwnedHashes:
        file = tmp_path / "pwned.txt"
        file.write_text(hashlib.sha1(b"lamp zebra kiosk gravel").hexdigest().upper() + ":3\n")
        return PwnedHashes(file)

    def test_known_one_is_refused_however_strong(self, known: PwnedHashes) -> None:
        rules = PasswordRules(min_length=1, max_length=100, min_strength=4, refuse_breached=True)
        strict = PasswordPolicy(rules, ZxcvbnStrength(), known)
        told = reasons(strict, "lamp zebra kiosk gravel")
        assert told == "This password is known from data breaches: choose another"
        assert reasons(strict, "lamp zebra kiosk gravel, too") == ""

    def test_known_one_is_taken_where_that_is_not_asked(self, known: PwnedHashes) -> None:
        lax = PasswordPolicy(PasswordRules(min_length=1, max_length=100), None, known)
        assert reasons(lax, "lamp zebra kiosk gravel") == ""

    def test_rule_needs_its_list(self) -> None:
        with pytest.raises(ValueError, match="list"):
            PasswordPolicy(PasswordRules(min_length=1, max_length=9, refuse_breached=True))
