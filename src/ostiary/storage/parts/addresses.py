"""``accounts.stores.AddressStore``."""

from collections.abc import Sequence

from ostiary.accounts.messages import Medium, Message
from ostiary.accounts.model import AuditEvent, Instant, UiaUse
from ostiary.accounts.values import (
    Binding,
    Challenge,
    CodeCheck,
    NewValidation,
    ProvenAddress,
    ThirdPartyId,
    Validation,
)
from ostiary.api.identifiers import Localpart
from ostiary.storage.parts.part import Part
from ostiary.storage.works import threepids, validations


class AddressesPart(Part):
    """The addresses of accounts, and validations of addresses."""

    async def find_owner(self, medium: Medium, address: str) -> Localpart | None:
        return await self._engine.read(threepids.find_owner(medium, address))

    async def list_threepids(self, localpart: Localpart) -> Sequence[ThirdPartyId]:
        return await self._engine.read(threepids.list_threepids(localpart))

    async def add_threepid(
        self, localpart: Localpart, address: ProvenAddress, event: AuditEvent, use: UiaUse | None,
        messages: Sequence[Message] = (),
    ) -> None:  # fmt: skip
        await self._engine.write(lambda: threepids.add_threepid(localpart, address, event, use, messages))

    async def remove_threepid(
        self, localpart: Localpart, medium: Medium, address: str, event: AuditEvent, messages: Sequence[Message] = ()
    ) -> bool:
        return await self._engine.write(lambda: threepids.remove_threepid(localpart, medium, address, event, messages))

    async def note_binding(self, localpart: Localpart, binding: Binding, event: AuditEvent) -> None:
        await self._engine.write(lambda: threepids.note_binding(localpart, binding, event))

    async def list_bindings(self, localpart: Localpart) -> Sequence[Binding]:
        return await self._engine.read(threepids.list_bindings(localpart))

    async def forget_binding(self, localpart: Localpart, binding: Binding, event: AuditEvent) -> None:
        await self._engine.write(lambda: threepids.forget_binding(localpart, binding, event))

    async def request_validation(self, new: NewValidation) -> str:
        return await self._engine.write(lambda: validations.request(new))

    async def find_validation(self, sid: str) -> Validation | None:
        return await self._engine.read(validations.find(sid))

    async def find_validation_by_link(self, digest: bytes) -> Validation | None:
        return await self._engine.read(validations.find_by_link(digest))

    async def release_validation(self, sid: str, challenge: Challenge, at: Instant) -> None:
        await self._engine.write(lambda: validations.release(sid, challenge, at))

    async def check_code(
        self, sid: str, medium: Medium, secret_digest: bytes, code_digest: bytes, at: Instant, most_wrong: int
    ) -> CodeCheck:
        return await self._engine.write(
            lambda: validations.check_code(sid, medium, secret_digest, code_digest, at, most_wrong)
        )

    async def validate_by_link(self, digest: bytes, at: Instant) -> bool:
        return await self._engine.write(lambda: validations.validate_by_link(digest, at))
