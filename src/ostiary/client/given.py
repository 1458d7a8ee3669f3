"""What callers may give in two forms, brought to one. Used by the two faces."""

from typing import TypeVar

from ostiary.api.secret import Secret

T = TypeVar("T")


def secret(text: str | Secret) -> Secret:
    """A password or token, however it was given."""
    return text if isinstance(text, Secret) else Secret(text)


def maybe_secret(text: str | Secret | None) -> Secret | None:
    """The same, where it may be missing."""
    return None if text is None else secret(text)


def given(value: T | None) -> T:
    """What a server owes. Raises ValueError where it left it out."""
    if value is None:
        raise ValueError("the server made the account but gave no session")
    return value
