"""The addresses of accounts, and which identity servers know of them."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.messages import Medium, Message
from ostiary.accounts.model import AuditEvent, UiaUse
from ostiary.accounts.ports import AddressTaken
from ostiary.accounts.values import Binding, ProvenAddress, ThirdPartyId
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask
from ostiary.storage.works import audit, outbox, uia

_OWNER: Final = "SELECT localpart FROM threepids WHERE medium = :medium AND address = :address"
_LIST: Final = """
    SELECT medium, address, validated_at, added_at FROM threepids WHERE localpart = :localpart
    ORDER BY added_at, medium, address
"""
_ADD: Final = """
    INSERT INTO threepids (medium, address, localpart, validated_at, added_at)
    VALUES (:medium, :address, :localpart, :validated_at, :at)
    ON CONFLICT (medium, address) DO UPDATE SET validated_at = excluded.validated_at
    WHERE threepids.localpart = excluded.localpart
    RETURNING localpart
"""
_REMOVE: Final = """
    DELETE FROM threepids WHERE localpart = :localpart AND medium = :medium AND address = :address RETURNING medium
"""
_BIND: Final = """
    INSERT INTO threepid_bindings (localpart, medium, address, id_server)
    VALUES (:localpart, :medium, :address, :id_server)
    ON CONFLICT (localpart, medium, address, id_server) DO NOTHING
"""
_BINDINGS: Final = "SELECT medium, address, id_server FROM threepid_bindings WHERE localpart = :localpart"
_UNBIND: Final = """
    DELETE FROM threepid_bindings
    WHERE localpart = :localpart AND medium = :medium AND address = :address AND id_server = :id_server
"""


def find_owner(medium: Medium, address: str) -> Work[Localpart | None]:
    """Whose address it is."""
    rows = yield ask(_OWNER, medium=medium.value, address=address)
    return Localpart(rows[0][0]) if rows else None


def list_threepids(localpart: Localpart) -> Work[Sequence[ThirdPartyId]]:
    """The addresses of an account, in the order in which they came."""
    rows = yield ask(_LIST, localpart=localpart)
    return [ThirdPartyId(Medium(medium), *rest) for medium, *rest in rows]


def add(localpart: Localpart, address: ProvenAddress, at: int) -> Work[None]:
    """Give an account an address; raises AddressTaken when it is another's."""
    rows = yield ask(
        _ADD, medium=address.medium.value, address=address.address, localpart=localpart,
        validated_at=address.validated_at, at=at,
    )  # fmt: skip
    if not rows:
        raise AddressTaken


def add_threepid(
    localpart: Localpart, address: ProvenAddress, event: AuditEvent, use: UiaUse | None, messages: Sequence[Message]
) -> Work[None]:
    """The same, by itself. The validation that proved it is used up."""
    if use is not None:
        yield from uia.use_up(use)
    yield from add(localpart, address, event.at)
    yield audit.record(event)
    yield from outbox.put(messages, event.at)


def remove_threepid(
    localpart: Localpart, medium: Medium, address: str, event: AuditEvent, messages: Sequence[Message]
) -> Work[bool]:
    """Take an address from an account; False where it was not there."""
    rows = yield ask(_REMOVE, localpart=localpart, medium=medium.value, address=address)
    if rows:
        yield audit.record(event)
        yield from outbox.put(messages, event.at)
    return bool(rows)


def note_binding(localpart: Localpart, binding: Binding, event: AuditEvent) -> Work[None]:
    """Remember that an identity server was told."""
    yield ask(
        _BIND, localpart=localpart, medium=binding.medium.value, address=binding.address, id_server=binding.id_server
    )
    yield audit.record(event)


def list_bindings(localpart: Localpart) -> Work[Sequence[Binding]]:
    """What identity servers were told of an account."""
    rows = yield ask(_BINDINGS, localpart=localpart)
    return [Binding(Medium(medium), address, id_server) for medium, address, id_server in rows]


def forget_binding(localpart: Localpart, binding: Binding, event: AuditEvent) -> Work[None]:
    """Remember that an identity server has forgotten."""
    yield ask(
        _UNBIND, localpart=localpart, medium=binding.medium.value, address=binding.address, id_server=binding.id_server
    )
    yield audit.record(event)
