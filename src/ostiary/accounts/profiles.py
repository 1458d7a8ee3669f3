"""What others see of a user."""

import re
from dataclasses import dataclass
from typing import Any, Final

from ostiary.accounts.model import Caller
from ostiary.accounts.ports import ProfileFull
from ostiary.accounts.stores import ProfileStore
from ostiary.accounts.values import Profile
from ostiary.api.errors import (
    Forbidden,
    GuestAccessForbidden,
    InvalidParam,
    KeyTooLarge,
    MissingParam,
    NotFound,
    ProfileTooLarge,
)
from ostiary.api.identifiers import Localpart, ServerName, make_user_id, parse_user_id
from ostiary.api.profile import AVATAR_URL, DISPLAYNAME, TIME_ZONE

MAX_KEY_BYTES: Final = 255
MAX_PROFILE_BYTES: Final = 65_536
MAX_NAME_LENGTH: Final = 256
MAX_URL_LENGTH: Final = 1_000

_KEY: Final = re.compile(r"avatar_url|displayname|m\.tz|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRules:
    """What may be set and who may look. ``allowed`` None: all but ``disallowed``."""

    changeable: bool
    allowed: tuple[str, ...] | None
    disallowed: tuple[str, ...]
    public: bool

    def may_set(self, name: str) -> bool:
        """Whether users may set this field."""
        if not self.changeable:
            return False
        return name in self.allowed if self.allowed is not None else name not in self.disallowed


class Profiles:
    """Keeps profiles."""

    def __init__(self, store: ProfileStore, server_name: ServerName, rules: ProfileRules) -> None:
        self._store = store
        self._server_name = server_name
        self.rules = rules

    async def get(self, user_id: str) -> Profile:
        """A whole profile. Raises NotFound, Forbidden."""
        if not self.rules.public:
            raise Forbidden("Profiles are not shown on this server")
        localpart = self._parse(user_id)
        profile = None if localpart is None else await self._store.get_profile(localpart)
        if profile is None:
            raise NotFound("There is no such user here")
        return profile

    async def get_field(self, user_id: str, name: str) -> Profile:
        """One field, under its name. Raises NotFound, Forbidden."""
        profile = await self.get(user_id)
        if name not in profile:
            raise NotFound("The field is not set")
        return {name: profile[name]}

    async def set_field(self, caller: Caller, user_id: str, name: str, content: Profile) -> None:
        """Set a field of one's own. Raises Forbidden, MissingParam, InvalidParam, KeyTooLarge, ProfileTooLarge."""
        self._ensure_may_change(caller, user_id, name)
        if name not in content:
            raise MissingParam(f"'{name}' is missing", field=name)
        value = content[name]
        _check_value(name, value)
        try:
            await self._store.set_profile_field(caller.localpart, name, value, MAX_PROFILE_BYTES)
        except ProfileFull:
            raise ProfileTooLarge(f"A profile has at most {MAX_PROFILE_BYTES} bytes") from None

    async def delete_field(self, caller: Caller, user_id: str, name: str) -> None:
        """Remove a field of one's own. Raises Forbidden, InvalidParam."""
        self._ensure_may_change(caller, user_id, name)
        await self._store.delete_profile_field(caller.localpart, name)

    def _ensure_may_change(self, caller: Caller, user_id: str, name: str) -> None:
        if user_id != make_user_id(caller.localpart, self._server_name):
            raise Forbidden("Only one's own profile can be changed")
        if caller.is_guest and name != DISPLAYNAME:
            raise GuestAccessForbidden("Guests have nothing but a display name")
        if len(name.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            raise KeyTooLarge(f"'keyName' has at most {MAX_KEY_BYTES} bytes", field="keyName")
        if not _KEY.fullmatch(name):
            raise InvalidParam(
                "'keyName' is displayname, avatar_url, m.tz, or a name with dots like org.example.field",
                field="keyName",
            )
        if not self.rules.may_set(name):
            raise Forbidden("This field cannot be changed on this server")

    def _parse(self, user_id: str) -> Localpart | None:
        try:
            parts = parse_user_id(user_id)
        except ValueError:
            return None
        return parts.localpart if parts.server_name == self._server_name else None


def _check_value(name: str, value: Any) -> None:
    if name not in (DISPLAYNAME, AVATAR_URL, TIME_ZONE):
        return
    if not isinstance(value, str):
        raise InvalidParam(f"'{name}' must be a string", field=name)
    if "\0" in value or len(value) > (MAX_URL_LENGTH if name == AVATAR_URL else MAX_NAME_LENGTH):
        raise InvalidParam(f"'{name}' is too long, or holds NUL", field=name)
    if name == AVATAR_URL and value and not value.startswith("mxc://"):
        raise InvalidParam("'avatar_url' must be an mxc:// URI", field=name)
