"""A session as a client keeps it: all of it in one value, adopted whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from ostiary.api.secret import Secret

LEGACY: Final = "legacy"
"""The session came about by ``/login`` or ``/register``, and is refreshed by ``/refresh``."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. ``expires_at``: when the access token dies, in milliseconds since the epoch; None where unknown.

    ``auth_api``: by which API the session came about, which is the one that can refresh it; for others than ``legacy``,
    ``issuer`` and ``client_id`` say where and as whom. ``extra``: what a later version has stored besides, which stays.
    """

    homeserver: str
    user_id: str
    device_id: str
    access_token: Secret
    refresh_token: Secret | None = None
    expires_at: int | None = None
    auth_api: str = LEGACY
    issuer: str | None = None
    client_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same while tokens change."""
        return (self.homeserver, self.user_id, self.device_id)

    def with_tokens(
        self, access_token: Secret, refresh_token: Secret | None, expires_at: int | None
    ) -> "SessionRecord":
        """The session with newer tokens. Without a new refresh token the old one stays good."""
        kept = self.refresh_token if refresh_token is None else refresh_token
        return replace(self, access_token=access_token, refresh_token=kept, expires_at=expires_at)

    def begun_again(
        self, device_id: str, access_token: Secret, refresh_token: Secret | None, expires_at: int | None
    ) -> "SessionRecord":
        """The session after another login by ``/login``, of which only the account and what is not known are left."""
        return SessionRecord(
            self.homeserver, self.user_id, device_id, access_token, refresh_token, expires_at, extra=self.extra
        )

    def to_json(self) -> dict[str, Any]:
        """The session with its tokens in clear, for a store."""
        return {
            **self.extra,
            "homeserver": self.homeserver,
            "user_id": self.user_id,
            "device_id": self.device_id,
            "access_token": self.access_token.reveal(),
            "refresh_token": None if self.refresh_token is None else self.refresh_token.reveal(),
            "expires_at": self.expires_at,
            "auth_api": self.auth_api,
            "issuer": self.issuer,
            "client_id": self.client_id,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SessionRecord":
        """The session that a store holds, written by any version. Raises ValueError where that is none."""
        try:
            texts = [stored[name] for name in ("homeserver", "user_id", "device_id", "access_token")]
        except KeyError as error:
            raise ValueError(f"a stored session lacks {error}") from None
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a stored session has a value of the wrong type")
        homeserver, user_id, device_id, access_token = texts
        refresh_token, expires_at = _text(stored, "refresh_token"), stored.get("expires_at")
        return cls(
            homeserver, user_id, device_id, Secret(access_token),
            None if refresh_token is None else Secret(refresh_token),
            expires_at if isinstance(expires_at, int) else None,
            str(stored.get("auth_api", LEGACY)), _text(stored, "issuer"), _text(stored, "client_id"),
            {name: value for name, value in stored.items() if name not in _KNOWN},
        )  # fmt: skip


_KNOWN: Final = frozenset(one.name for one in fields(SessionRecord)) - {"extra"}


def _text(stored: Mapping[str, Any], name: str) -> str | None:
    return value if isinstance(value := stored.get(name), str) else None
