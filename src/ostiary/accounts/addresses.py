"""Mail addresses in canonical form, by which they are compared and kept. Spec: appendices, "3PID Types".

The spec folds their case. The host is brought to one spelling beyond that, as mail servers read it: what looks like
another address and goes to the same mailbox would get past the patterns of those that are not taken.
"""

import re
from typing import Final

MAX_EMAIL_BYTES: Final = 254

_DIGITS: Final = re.compile(r"\+?([0-9]{1,20})", re.ASCII)

_TOO_LONG: Final = f"a mail address has at most {MAX_EMAIL_BYTES} bytes"
_SPACES: Final = "a mail address holds no spaces and no control characters"


def canonical_email(text: str) -> str:
    """A mail address in canonical form. Raises ValueError with a sentence for people."""
    if len(text) > MAX_EMAIL_BYTES:
        raise ValueError(_TOO_LONG)
    local, at, domain = text.strip().casefold().rpartition("@")
    domain = _canonical_host(domain)
    address = f"{local}@{domain}"
    if not at or not local or not domain or "@" in local.replace('"', ""):
        raise ValueError("a mail address is something like name@example.org")
    if any(not character.isprintable() or character.isspace() for character in address):
        raise ValueError(_SPACES)
    if any(character in "<>,;:\\()" for character in address):
        raise ValueError("a mail address is an address alone, without a name or brackets")
    if domain.startswith((".", "-")) or domain.endswith((".", "-")) or ".." in domain:
        raise ValueError("the part of a mail address behind @ is a host name")
    if len(address.encode("utf-8", "replace")) > MAX_EMAIL_BYTES:
        raise ValueError(_TOO_LONG)
    return address


def canonical_digits(text: str) -> str:
    """A phone number as it is kept, of one written with its country's code. Raises ValueError where it is none."""
    if not (found := _DIGITS.fullmatch(text)):
        raise ValueError("a phone number is digits, the country's code first")
    return found[1]


def _canonical_host(host: str) -> str:
    """A host name in Unicode, as IDNA reads it: of full-width letters, other dots or ``xn--`` nothing is left.

    Raises ValueError for what no mail server can be found by.
    """
    if host.isascii() and "xn--" not in host:
        return host
    try:
        return host.encode("idna").decode("idna")
    except UnicodeError:
        if host.isascii():  # a later IDNA may know it; in this form everybody does
            return host
        raise ValueError("the part of a mail address behind @ is a host name") from None
