"""The ways to say which user is meant: ``m.id.user``, ``m.id.thirdparty``, ``m.id.phone``.

Used by logins and by the password stage. Spec: client-server API, "Identifier types".
"""

from typing import Any

from msgspec import Struct

from ostiary.api.identifiers import Identifier
from ostiary.api.unions import OpenUnion, UnknownMember


class UserIdentifier(OpenUnion):
    """Whoever is meant by a login."""

    __slots__ = ()

    @classmethod
    def modernized(cls, fields: dict[str, Any], member: type[Struct]) -> dict[str, Any]:
        """Some clients write ``number`` for ``phone``, as the specification once did in an example."""
        if member is not ByPhone or "phone" in fields or "number" not in fields:
            return fields
        return {**fields, "phone": fields["number"]}


class UnknownIdentifier(UnknownMember, UserIdentifier):
    """An identifier of a type that is not known here."""

    __slots__ = ()


UserIdentifier.unknown = UnknownIdentifier


class ByUser(UserIdentifier, Struct, frozen=True, tag_field="type", tag="m.id.user"):
    """By user ID, or by its localpart alone."""

    user: str


class ByThirdParty(UserIdentifier, Struct, frozen=True, tag_field="type", tag="m.id.thirdparty"):
    """By an e-mail address or phone number in canonical form. ``medium``: ``email`` or ``msisdn``."""

    medium: Identifier
    address: Identifier


class ByPhone(UserIdentifier, Struct, frozen=True, tag_field="type", tag="m.id.phone"):
    """By a phone number as it is dialed in ``country`` (two letters, ISO 3166-1)."""

    country: Identifier
    phone: Identifier


for _kind in (ByUser, ByThirdParty, ByPhone):
    UserIdentifier.member(_kind)
