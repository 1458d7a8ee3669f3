"""Mail addresses in canonical form, by which they are compared and kept. Spec: appendices, "3PID Types"."""

from typing import Final

MAX_EMAIL_BYTES: Final = 254

_SPACES: Final = "a mail address holds no spaces and no control characters"


def canonical_email(text: str) -> str:
    """A mail address in canonical form: in folded case. Raises ValueError with a sentence for people."""
    address = text.strip().casefold()
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or "@" in local.replace('"', ""):
        raise ValueError("a mail address is something like name@example.org")
    if any(not character.isprintable() or character.isspace() for character in address):
        raise ValueError(_SPACES)
    if any(character in "<>,;:\\()" for character in address):
        raise ValueError("a mail address is an address alone, without a name or brackets")
    if domain.startswith((".", "-")) or domain.endswith((".", "-")) or ".." in domain:
        raise ValueError("the part of a mail address behind @ is a host name")
    if len(address.encode("utf-8", "replace")) > MAX_EMAIL_BYTES:
        raise ValueError(f"a mail address has at most {MAX_EMAIL_BYTES} bytes")
    return address
