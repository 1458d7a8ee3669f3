"""All that is stored about one person, as plain data, for whoever asks what is.

Left out are only secrets and their digests. Must not know who may ask (``administration`` does).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from ostiary.accounts.devices import Devices
from ostiary.accounts.model import Instant
from ostiary.accounts.ports import Store
from ostiary.accounts.records import Records
from ostiary.accounts.values import AccountDetails, LoggedEvent
from ostiary.api.identifiers import ServerName, make_user_id

SECTIONS: Final[Mapping[str, str]] = {
    "accounts": "account",
    "threepids": "addresses",
    "threepid_bindings": "bindings",
    "devices": "devices",
    "sessions": "sessions",
    "consents": "consents",
    "profile_fields": "profile",
    "audit_events": "audit_events",
    "validations": "validations",
    "outbox": "messages",
    "registration_tokens": "invitations",
    "uia_sessions": "interactive_authentications",
    "login_tokens": "login_tokens",
    "openid_tokens": "openid_tokens",
}
"""Where in an export the rows of each table stand."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "registration_token_holds": "digests of dialogues that no account has come of yet",
    "buckets": "digests of names beside a time; deleted within the hour",
}
"""The tables that are not in it, and why."""


class Exports:
    """Gathers what is stored about a person."""

    def __init__(self, store: Store, devices: Devices, records: Records, server_name: ServerName) -> None:
        self._store = store
        self._devices = devices
        self._records = records
        self._server_name = server_name

    async def of(self, account: AccountDetails, at: Instant) -> dict[str, Any]:
        """All of it, ready to be written as JSON. ``at``: when it was asked for."""
        localpart = account.localpart
        devices = await self._devices.list(localpart)
        traces = dict(await self._store.find_traces(localpart))
        profile = traces.pop("profile")
        return {
            "user_id": make_user_id(localpart, self._server_name),
            "exported_at": at,
            "account": asdict(account),
            "addresses": _plain(await self._store.list_threepids(localpart)),
            "bindings": _plain(await self._store.list_bindings(localpart)),
            "devices": _plain(devices),
            "consents": _plain(await self._store.list_consents(localpart)),
            "profile": {one["name"]: one["content"] for one in profile},
            "audit_events": [_event(one) for one in await self._records.all_for_owner(account)],
            **traces,
        }


def _plain(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


def _event(logged: LoggedEvent) -> dict[str, Any]:
    event = logged.event
    return {
        "event_id": logged.event_id,
        "kind": event.kind.value,
        "happened_at": event.at,
        "address": event.origin.address,
        "user_agent": event.origin.user_agent,
        "detail": dict(event.detail),
    }
