"""The identifiers of Matrix: user IDs, localparts, device IDs; their two grammars and their limits.

Parsed once at the edge; inside, each is a string of its own type. Two grammars exist: the *strict* one that every new
user ID must meet, and the *historical* one that must be accepted from accounts that are already there.
Spec: appendices, "User Identifiers". Must not know which accounts exist.
"""

import re
from typing import Annotated, Final, NamedTuple, NewType

from msgspec import Meta

UserId = NewType("UserId", str)
"""A whole user ID, ``@localpart:server``; at most 255 bytes."""

Localpart = NewType("Localpart", str)
"""The part of a user ID between ``@`` and the first colon."""

ServerName = NewType("ServerName", str)
"""A host name or IP literal with an optional port, as it stands in user IDs."""

MAX_USER_ID_BYTES: Final = 255

_STRICT_LOCALPART: Final = re.compile(r"[a-z0-9._=\-/+]+")
_HISTORICAL_LOCALPART: Final = re.compile(r"[^:\x00\ud800-\udfff]*")
_SERVER_NAME: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.\-]{1,255})(?::[0-9]{1,5})?")

DeviceId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
"""An ID of a device, unique within its account: 1 to 255 characters, none of them a control character."""

DisplayName = Annotated[str, Meta(max_length=256, pattern=r"\A[^\x00]*\Z")]
"""A name for people to read: at most 256 characters, without NUL."""

Identifier = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[^\x00]+\Z")]
"""Any other short identifier that a client names: 1 to 255 characters, without NUL."""

OpaqueId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[0-9a-zA-Z.=_\-]+\Z")]
"""A ``client_secret`` or ``sid``: 1 to 255 letters, digits, and ``. = _ -``."""

Url = Annotated[str, Meta(max_length=2048)]
"""A URL; at most 2048 characters."""


class UserIdParts(NamedTuple):
    """A user ID taken apart."""

    localpart: Localpart
    server_name: ServerName


def parse_server_name(text: str) -> ServerName:
    """Read a server name. Raises ValueError with a sentence for people when it is none."""
    if not _SERVER_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a server name: a host name or IP literal, with an optional port")
    return ServerName(text)


def parse_user_id(text: str) -> UserIdParts:
    """Take a user ID apart, by the historical grammar. Raises ValueError when it is none.

    The server name is what follows the *first* colon, since it may hold colons itself (a port, an IPv6 literal).
    """
    if not text.startswith("@"):
        raise ValueError("a user ID starts with '@'")
    localpart, colon, server_name = text[1:].partition(":")
    if not colon:
        raise ValueError("a user ID has a ':' before its server name")
    if len(text.encode("utf-8", "replace")) > MAX_USER_ID_BYTES:
        raise ValueError(f"a user ID has at most {MAX_USER_ID_BYTES} bytes")
    if not _HISTORICAL_LOCALPART.fullmatch(localpart):
        raise ValueError("the localpart holds a character that no user ID may have")
    return UserIdParts(Localpart(localpart), parse_server_name(server_name))


def make_user_id(localpart: str, server_name: str) -> UserId:
    """Put a user ID together. The parts are trusted to be checked already."""
    return UserId(f"@{localpart}:{server_name}")


def parse_new_localpart(text: str, server_name: str) -> Localpart:
    """Turn a wished-for name into the localpart of a new account, by the strict grammar.

    Capitals are lowered, which the spec allows and clients expect. Raises ValueError with a sentence for people.
    """
    localpart = text.lower()
    if not localpart:
        raise ValueError("the user name is empty")
    if not _STRICT_LOCALPART.fullmatch(localpart):
        raise ValueError("a user name may hold only the letters a-z, digits, and . _ = - / +")
    if len(make_user_id(localpart, server_name)) > MAX_USER_ID_BYTES:
        raise ValueError(f"the user name is too long: with the server name it has over {MAX_USER_ID_BYTES} bytes")
    return Localpart(localpart)


def is_strict_localpart(localpart: str) -> bool:
    """Whether a new account could have this localpart as it stands (its length aside)."""
    return _STRICT_LOCALPART.fullmatch(localpart) is not None
