"""What callers may give in two forms, brought to one. Used by the two faces."""

from ostiary.api.secret import Secret


def secret(text: str | Secret) -> Secret:
    """A password or token, however it was given."""
    return text if isinstance(text, Secret) else Secret(text)


def maybe_secret(text: str | Secret | None) -> Secret | None:
    """The same, where it may be missing."""
    return None if text is None else secret(text)
