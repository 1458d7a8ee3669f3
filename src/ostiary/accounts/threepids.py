"""The addresses of an account: listed, added, removed, and told to identity servers or forgotten by them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ostiary.accounts.addresses import canonical_email
from ostiary.accounts.messages import Medium, MessageKind
from ostiary.accounts.model import AuditEvent, AuditKind, Caller, Origin, UiaUse
from ostiary.accounts.notices import Notices
from ostiary.accounts.ports import AddressTaken, Clock
from ostiary.accounts.ports_outside import IdentityServers
from ostiary.accounts.stores import AddressStore
from ostiary.accounts.validations import Validations, parse_medium
from ostiary.accounts.values import Binding, ProvenAddress, Purpose, ThirdPartyId
from ostiary.api.errors import Forbidden, InvalidParam, MatrixError, ThreepidAuthFailed, ThreepidInUse
from ostiary.api.identifiers import Localpart, ServerName, make_user_id
from ostiary.api.secret import Secret

_PHONE: Final = re.compile(r"[1-9][0-9]{4,14}", re.ASCII)
"""As in E.164, without the ``+``."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves a validation; of an identity server where one is named."""

    sid: str
    client_secret: str
    id_server: str | None = None
    id_access_token: Secret | None = None


class Threepids:
    """Keeps the addresses of accounts.

    ``changes_allowed``: whether users may add and remove them; ``adds_without_password``: also as older clients do.
    """

    def __init__(
        self, store: AddressStore, validations: Validations, identity: IdentityServers, notices: Notices, clock: Clock,
        server_name: ServerName, *, changes_allowed: bool, adds_without_password: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._validations = validations
        self._identity = identity
        self._notices = notices
        self._clock = clock
        self._server_name = server_name
        self.changes_allowed = changes_allowed
        self._adds_without_password = adds_without_password

    async def list(self, localpart: Localpart) -> Sequence[ThirdPartyId]:
        """The addresses of an account."""
        return await self._store.list_threepids(localpart)

    def ensure_changeable(self) -> None:
        """Raise Forbidden where users may not change their addresses."""
        if not self.changes_allowed:
            raise Forbidden("Mail addresses and phone numbers cannot be changed on this server")

    def ensure_addable_without_password(self) -> None:
        """Raise Forbidden where adding an address takes interactive authentication."""
        self.ensure_changeable()
        if not self._adds_without_password:
            raise Forbidden("This server adds addresses by '/account/3pid/add' alone, which asks for the password")

    async def prove(self, credentials: Credentials) -> ProvenAddress:
        """The address that a validation is of: one of ours or, where there is none, of the identity server named.

        Raises ThreepidAuthFailed, ServerNotTrusted, ThreepidDenied.
        """
        try:
            return await self._validations.prove(Purpose.ADD, credentials.sid, credentials.client_secret)
        except ThreepidAuthFailed:
            if credentials.id_server is None:
                raise
        found = await self._identity.find_validated(credentials.id_server, credentials.sid, credentials.client_secret)
        if found is None:
            raise ThreepidAuthFailed("The identity server has not validated that")
        medium, address = _parse(found.medium, found.address)
        self._validations.ensure_allowed(address)
        return ProvenAddress(medium, address, found.validated_at, "")

    async def add(self, caller: Caller, address: ProvenAddress, origin: Origin, use: UiaUse | None) -> None:
        """Add an address. Raises ThreepidInUse, UiaAlreadyUsed."""
        event = self._event(AuditKind.ADDRESS_ADDED, caller.localpart, address.medium, origin)
        told = await self._notices.about(
            MessageKind.ADDRESS_ADDED, caller.localpart, event.at, origin, medium=address.medium, added=address.address
        )
        taken = UiaUse(b"", is_stored=False, at=event.at) if use is None else use
        taken = replace(taken, sids=(*taken.sids, address.sid))
        try:
            await self._store.add_threepid(caller.localpart, address, event, taken, told)
        except AddressTaken:
            raise ThreepidInUse("An account has this address already") from None

    async def give(self, localpart: Localpart, medium: str, address: str, origin: Origin, by: str) -> ThirdPartyId:
        """Add an address on an administrator's word, without proof. Raises InvalidParam, ThreepidInUse."""
        kind, canonical = _parse_strictly(medium, address)
        event = self._event(AuditKind.ADDRESS_ADDED, localpart, kind, origin, by)
        told = await self._notices.about(
            MessageKind.ADDRESS_ADDED, localpart, event.at, medium=kind, added=canonical
        )  # fmt: skip
        proven = ProvenAddress(kind, canonical, event.at, "")
        try:
            await self._store.add_threepid(localpart, proven, event, None, told)
        except AddressTaken:
            raise ThreepidInUse("An account has this address already") from None
        return ThirdPartyId(kind, canonical, event.at, event.at)

    async def has(self, localpart: Localpart, medium: str, address: str) -> bool:
        """Whether an account has an address. Raises InvalidParam for another kind of address."""
        wanted = _parse(medium, address)
        return any((one.medium, one.address) == wanted for one in await self._store.list_threepids(localpart))

    async def remove(
        self, localpart: Localpart, medium: str, address: str, id_server: str | None, origin: Origin,
        by: str | None = None,
    ) -> bool:  # fmt: skip
        """Remove an address, and have identity servers forget it; False where one of them could not be made to.

        ``by``: who does it, if not the account's owner.
        """
        kind, canonical = _parse(medium, address)
        event = self._event(AuditKind.ADDRESS_REMOVED, localpart, kind, origin, by)
        told = await self._notices.about(
            MessageKind.ADDRESS_REMOVED, localpart, event.at, None if by else origin, medium=kind, removed=canonical
        )
        await self._store.remove_threepid(localpart, kind, canonical, event, told)
        return await self._unbind(localpart, await self._bindings(localpart, kind, canonical, id_server), origin, by)

    # --- Identity servers --------------------------------------------------------------------------------------------

    async def bind(self, localpart: Localpart, credentials: Credentials, origin: Origin) -> None:
        """Have an identity server tell others whose address it is. Raises ServerNotTrusted, and what that answers."""
        id_server = credentials.id_server
        if id_server is None:
            raise InvalidParam("'id_server' is missing", field="id_server")
        found = await self._identity.find_validated(id_server, credentials.sid, credentials.client_secret)
        await self._identity.bind(
            id_server, credentials.id_access_token, credentials.client_secret, credentials.sid,
            make_user_id(localpart, self._server_name),
        )  # fmt: skip
        if found is not None:
            event = self._event(AuditKind.ADDRESS_BOUND, localpart, found.medium, origin)
            await self._store.note_binding(localpart, Binding(found.medium, found.address, id_server), event)

    async def unbind(
        self, localpart: Localpart, medium: str, address: str, id_server: str | None, origin: Origin
    ) -> bool:
        """Have identity servers forget an address; False where that is not possible."""
        kind, canonical = _parse(medium, address)
        bindings = await self._bindings(localpart, kind, canonical, id_server)
        return bool(bindings) and await self._unbind(localpart, bindings, origin)

    async def unbind_all(
        self, localpart: Localpart, id_server: str | None, origin: Origin, by: str | None = None
    ) -> bool:
        """Have identity servers forget all addresses of an account, which are still there."""
        known = await self._store.list_bindings(localpart)
        if id_server is not None:
            here = await self._store.list_threepids(localpart)
            known = [Binding(one.medium, one.address, id_server) for one in here]
        return await self._unbind(localpart, known, origin, by)

    async def _bindings(
        self, localpart: Localpart, medium: Medium, address: str, id_server: str | None
    ) -> Sequence[Binding]:
        if id_server is not None:
            return (Binding(medium, address, id_server),)
        known = await self._store.list_bindings(localpart)
        return [one for one in known if (one.medium, one.address) == (medium, address)]

    async def _unbind(
        self, localpart: Localpart, bindings: Iterable[Binding], origin: Origin, by: str | None = None
    ) -> bool:
        all_forgotten = True
        user_id = make_user_id(localpart, self._server_name)
        for binding in bindings:
            try:
                forgotten = await self._identity.unbind(binding.id_server, binding.medium, binding.address, user_id)
            except MatrixError:
                forgotten = False
            if forgotten:
                event = self._event(AuditKind.ADDRESS_UNBOUND, localpart, binding.medium, origin, by)
                await self._store.forget_binding(localpart, binding, event)
            all_forgotten = all_forgotten and forgotten
        return all_forgotten

    def _event(
        self, kind: AuditKind, localpart: Localpart, medium: Medium, origin: Origin, by: str | None = None
    ) -> AuditEvent:
        detail = {"medium": medium.value} if by is None else {"medium": medium.value, "by": by}
        return AuditEvent(kind, localpart, self._clock.now(), origin, detail)


def _parse_strictly(medium: str, address: str) -> tuple[Medium, str]:
    kind = parse_medium(medium)
    if kind is Medium.EMAIL:
        try:
            return kind, canonical_email(address)
        except ValueError as error:
            raise InvalidParam(f"'address': {error}", field="address") from None
    digits = address.removeprefix("+")
    if not _PHONE.fullmatch(digits):
        raise InvalidParam("'address' is not a phone number: digits, the country's code first", field="address")
    return kind, digits


def _parse(medium: str, address: str) -> tuple[Medium, str]:
    if parse_medium(medium) is Medium.MSISDN:
        return Medium.MSISDN, address.lstrip("+")
    try:
        return Medium.EMAIL, canonical_email(address)
    except ValueError:
        return Medium.EMAIL, address.casefold()  # whatever it is, no account has it
