"""Text that others have chosen, made fit to stand in the middle of a line that people read.

What a terminal takes for a command (moving the cursor, renaming the window, in some typing for the reader), what ends a
line, and what turns the direction of the text could have a name say what its line does not. Must not know what the
line is.
"""

import re
from typing import Final

UNSEEN: Final = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""The characters that would, as a set in a regular expression."""

_UNSEEN: Final = re.compile(f"[{UNSEEN}\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The same with each of them written as JSON writes it, ``\u001b``; and what is no character at all, too."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
