"""What a new password must be like, and what is wrong with one that is not. Passwords that are in use are not judged.

Must not know how strength is estimated nor where breached passwords are listed (``ports_outside``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ostiary.accounts.ports_outside import BreachedPasswords, StrengthEstimator
from ostiary.api.errors import WeakPassword
from ostiary.api.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """What a new password must be like.

    ``min_length`` and ``max_length``: in characters; nothing longer than that is a password. ``min_strength``: from 0,
    nothing asked, to 4, as ``StrengthEstimator`` counts. ``refuse_breached``: whether known ones are refused.

    A letter of any script counts as lower or upper case; what is no ASCII letter and no ASCII digit counts as a
    symbol. So nothing is refused that a client takes which knows ASCII only.
    """

    min_length: int
    max_length: int
    require_digit: bool = False
    require_symbol: bool = False
    require_lowercase: bool = False
    require_uppercase: bool = False
    min_strength: int = 0
    refuse_breached: bool = False


class PasswordPolicy:
    """Judges new passwords. Raises ValueError where the rules need a helper that is not given."""

    def __init__(
        self, rules: PasswordRules, strength: StrengthEstimator | None = None, breached: BreachedPasswords | None = None
    ) -> None:
        if rules.min_strength and strength is None:
            raise ValueError("A least strength needs something that estimates it")
        if rules.refuse_breached and breached is None:
            raise ValueError("To refuse breached passwords takes a list of them")
        self.rules = rules
        self._strength = strength
        self._breached = breached

    def check(self, password: Secret, words: Sequence[str] = ()) -> None:
        """Raise WeakPassword unless a new password may be like this; it says all that is wrong, a sentence each.

        ``words``: what is known of the person, as the user name, which makes a password no stronger.
        """
        # What takes time comes last, and never sees a password of any length.
        reasons = list(self._wrong_form(password)) or list(self._easy_to_guess(password, words))
        if reasons:
            raise WeakPassword(". ".join(reasons))

    def _wrong_form(self, password: Secret) -> Iterator[str]:
        rules, text = self.rules, password.reveal()
        if len(text) < rules.min_length:
            yield f"A password has at least {rules.min_length} characters"
        if len(text) > rules.max_length:
            yield f"A password has at most {rules.max_length} characters"
        if rules.require_digit and not any(one.isdecimal() for one in text):
            yield "A password has at least one digit"
        if rules.require_symbol and not any(_is_symbol(one) for one in text):
            yield "A password has at least one symbol"
        if rules.require_lowercase and not any(one.islower() for one in text):
            yield "A password has at least one lowercase letter"
        if rules.require_uppercase and not any(one.isupper() for one in text):
            yield "A password has at least one uppercase letter"

    def _easy_to_guess(self, password: Secret, words: Sequence[str]) -> Iterator[str]:
        rules = self.rules
        if rules.refuse_breached and self._breached is not None and self._breached.contains(password):
            yield "This password is known from data breaches: choose another"
            return
        if self._strength is None or not rules.min_strength:
            return
        if self._strength.estimate(password, words) < rules.min_strength:
            yield "This password is too easy to guess: choose a longer one, or words that are less common"


def _is_symbol(one: str) -> bool:
    return not (one.isascii() and one.isalnum())
