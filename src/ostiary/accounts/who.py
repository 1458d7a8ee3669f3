"""Whom a client means: from an identifier, or one of its older spellings, to a localpart of this server."""

from dataclasses import dataclass, field

from ostiary.accounts.addresses import canonical_digits, canonical_email
from ostiary.accounts.messages import Medium
from ostiary.accounts.ports_outside import PhoneNumbers
from ostiary.accounts.stores import AddressStore
from ostiary.api.errors import InvalidParam, Unrecognized
from ostiary.api.identifiers import ServerName, make_user_id, parse_user_id
from ostiary.api.users import ByPhone, ByThirdParty, ByUser, UnknownIdentifier, UserIdentifier


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody was named. ``localpart`` is None when nobody of this server can be meant.

    ``address``: by which, if not by name.
    """

    localpart: str | None
    address: str = field(default="", repr=False)

    @property
    def counted_as(self) -> str:
        """What attempts are limited by: the account or, where none has the address, that address by itself.

        Each unknown address has its own limit, as each account does. One for all of them could be used up, and would
        then tell which addresses are known.
        """
        return self.address if self.localpart is None else self.localpart.lower()


class WhoIs:
    """Reads the ways to name a user."""

    def __init__(self, server_name: ServerName, store: AddressStore, phones: PhoneNumbers) -> None:
        self._server_name = server_name
        self._store = store
        self._phones = phones

    async def named(self, identifier: object, user: object, medium: object, address: object) -> Named | None:
        """Who is named; None when nobody is. What was not sent is UNSET.

        Raises Unrecognized for an identifier of a type that is not known. Must not tell whether the user exists.
        """
        match identifier:
            case ByUser(user=name):
                return self._user(name)
            case ByThirdParty(medium=kind, address=text):
                return await self._owner(kind, text)
            case ByPhone(country=country, phone=number):
                return await self._owner_of_phone(country, number)
            case UnknownIdentifier():
                raise Unrecognized("'identifier' is of a type that is not known here", field="identifier", status=400)
            case UserIdentifier():
                raise InvalidParam("'identifier' cannot be used here", field="identifier")
        if isinstance(user, str):
            return self._user(user)
        if isinstance(medium, str) and isinstance(address, str):
            return await self._owner(medium, address)
        return None

    async def _owner(self, medium: str, address: str) -> Named:
        try:
            canonical = canonical_email(address) if medium == Medium.EMAIL else canonical_digits(address)
            return await self._owner_of(Medium(medium), canonical)
        except ValueError:
            return Named(None)

    async def _owner_of_phone(self, country: str, number: str) -> Named:
        try:
            canonical = self._phones.canonical(country, number)
        except ValueError:
            return Named(None)
        return await self._owner_of(Medium.MSISDN, canonical)

    async def _owner_of(self, medium: Medium, address: str) -> Named:
        return Named(await self._store.find_owner(medium, address), f"{medium}:{address}")

    def _user(self, name: str) -> Named:
        try:
            parts = parse_user_id(name if name.startswith("@") else make_user_id(name, self._server_name))
        except ValueError:
            return Named(None)
        return Named(parts.localpart if parts.server_name == self._server_name else None)
