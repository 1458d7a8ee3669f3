"""Whom a client means: from an identifier, or one of its older spellings, to a localpart of this server."""

from dataclasses import dataclass

from ostiary.api.errors import InvalidParam, Unrecognized
from ostiary.api.identifiers import ServerName, make_user_id, parse_user_id
from ostiary.api.users import ByPhone, ByThirdParty, ByUser, UnknownIdentifier, UserIdentifier


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody was named. ``localpart`` is None when nobody of this server can be meant."""

    localpart: str | None


class WhoIs:
    """Reads the ways to name a user."""

    def __init__(self, server_name: ServerName) -> None:
        self._server_name = server_name

    def named(self, identifier: object, user: object, medium: object, address: object) -> Named | None:
        """Who is named; None when nobody is. What was not sent is UNSET.

        Raises Unrecognized for an identifier of a type that is not known. Must not tell whether the user exists.
        """
        match identifier:
            case ByUser(user=name):
                return self._user(name)
            case ByThirdParty() | ByPhone():
                return Named(None)  # no account has any yet
            case UnknownIdentifier():
                raise Unrecognized("'identifier' is of a type that is not known here", field="identifier", status=400)
            case UserIdentifier():
                raise InvalidParam("'identifier' cannot be used here", field="identifier")
        if isinstance(user, str):
            return self._user(user)
        if isinstance(medium, str) and isinstance(address, str):
            return Named(None)  # as above
        return None

    def _user(self, name: str) -> Named:
        try:
            parts = parse_user_id(name if name.startswith("@") else make_user_id(name, self._server_name))
        except ValueError:
            return Named(None)
        return Named(parts.localpart if parts.server_name == self._server_name else None)
