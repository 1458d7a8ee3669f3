"""How hard a password is to guess, estimated by zxcvbn. Must not know what is asked of a password.

zxcvbn takes its time in pure Python: with the square of the length, and with the number of ways to read ``p4$$w0rd``.
Both are bounded, since anybody may send a password, and all else waits while it is judged.
"""

from collections.abc import Sequence
from typing import Final

from ostiary.api.secret import Secret

MOST_CHARACTERS: Final = 72
"""More is not looked at: what is weak up to here is hardly made strong by what follows. zxcvbn refuses it, too."""

LEET: Final = frozenset("4@8({[<369&!1|/70$5+7%2")
"""The signs that zxcvbn reads as letters, some of them as one of several."""

MOST_LEET: Final = 8
MOST_CHARACTERS_OF_LEET: Final = 24
"""With more different signs than that there are hundreds of ways to read them, each of which costs a search: 1.9 s
for 72 characters, 0.2 s for these. So many different signs are no word, and need no more characters to be strong."""


class ZxcvbnStrength:
    """``accounts.ports_outside.StrengthEstimator`` by zxcvbn."""

    def estimate(self, password: Secret, words: Sequence[str]) -> int:
        # Here, since its word lists take memory, and a while to load. It ships no types.
        from zxcvbn import zxcvbn  # type: ignore[import-untyped]

        text = password.reveal()[:MOST_CHARACTERS]
        if len(LEET.intersection(text)) > MOST_LEET:
            text = text[:MOST_CHARACTERS_OF_LEET]
        if not text:  # which zxcvbn cannot bear
            return 0
        # An empty word would be found between any two characters.
        found = zxcvbn(text, user_inputs=[word for word in words if word])
        return int(found["score"])
