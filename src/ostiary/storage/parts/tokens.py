"""``accounts.stores``: RegistrationTokenStore, ShortTokenStore, ProfileStore."""

from collections.abc import Sequence
from typing import Any

from ostiary.accounts.messages import Message
from ostiary.accounts.model import AccountState, AuditEvent, Instant, UiaUse
from ostiary.accounts.values import Profile, RegistrationToken
from ostiary.api.identifiers import Localpart
from ostiary.storage.parts.part import Part
from ostiary.storage.works import profiles, registration_tokens, short_tokens


class TokensPart(Part):
    """Tokens other than those of sessions; and profiles."""

    async def find_registration_token(self, token: str, at: Instant) -> RegistrationToken | None:
        return await self._engine.read(registration_tokens.find(token, at))

    async def list_registration_tokens(
        self, after: str | None, limit: int, at: Instant, *, backward: bool = False
    ) -> Sequence[RegistrationToken]:
        return await self._engine.read(registration_tokens.list_tokens(after, limit, at, backward=backward))

    async def add_registration_token(self, new: RegistrationToken, messages: Sequence[Message] = ()) -> bool:
        return await self._engine.write(lambda: registration_tokens.add(new, messages))

    async def change_registration_token(self, token: str, uses_allowed: int | None, expires_at: Instant | None) -> bool:
        return await self._engine.write(lambda: registration_tokens.change(token, uses_allowed, expires_at))

    async def delete_registration_token(self, token: str) -> bool:
        return await self._engine.write(lambda: registration_tokens.delete(token))

    async def hold_registration_token(self, token: str, digest: bytes, expires_at: Instant, at: Instant) -> bool:
        return await self._engine.write(lambda: registration_tokens.hold(token, digest, expires_at, at))

    async def add_login_token(
        self, digest: bytes, localpart: Localpart, expires_at: Instant, event: AuditEvent, use: UiaUse | None
    ) -> None:
        await self._engine.write(lambda: short_tokens.add_login_token(digest, localpart, expires_at, event, use))

    async def use_login_token(self, digest: bytes, at: Instant) -> Localpart | None:
        return await self._engine.write(lambda: short_tokens.use_login_token(digest, at))

    async def add_openid_token(self, digest: bytes, localpart: Localpart, expires_at: Instant) -> None:
        await self._engine.write(lambda: short_tokens.add_openid_token(digest, localpart, expires_at))

    async def find_openid_token(self, digest: bytes, at: Instant) -> tuple[Localpart, AccountState] | None:
        return await self._engine.read(short_tokens.find_openid_token(digest, at))

    async def get_profile(self, localpart: str) -> Profile | None:
        return await self._engine.read(profiles.get(localpart))

    async def set_profile_field(self, localpart: Localpart, name: str, value: Any, most_bytes: int) -> None:
        await self._engine.write(lambda: profiles.set_field(localpart, name, value, most_bytes))

    async def delete_profile_field(self, localpart: Localpart, name: str) -> None:
        await self._engine.write(lambda: profiles.delete_field(localpart, name))
