"""A string that must not be seen: passwords, tokens, validation secrets.

Nothing that prints values can print a secret: not a repr, not an f-string, not a log line. Whoever really needs
the text says so with :meth:`Secret.reveal`, which is easy to search for. Must not know who uses it.
"""

import hmac
from typing import Final

HIDDEN: Final = "***"

_LOSSLESS: Final = ("utf-8", "surrogatepass")
"""How any string becomes bytes, so that comparing never fails: an encoding error would carry the text along."""


class Secret:
    """A string that shows itself as ``***`` and compares in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it where the text is used, and keep the result in no other value."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(*_LOSSLESS), other._text.encode(*_LOSSLESS))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: write what reveal() returns to a place made for it")
