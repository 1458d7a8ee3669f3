"""Telling people by mail what has happened to their account."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.accounts.model import Instant, Origin
from ostiary.accounts.stores import AddressStore
from ostiary.api.identifiers import Localpart, ServerName, make_user_id


class Notices:
    """Words what happened, for the mail addresses of an account. ``kinds``: those that are told of at all."""

    def __init__(self, store: AddressStore, server_name: ServerName, kinds: frozenset[MessageKind]) -> None:
        self._store = store
        self._server_name = server_name
        self._kinds = kinds

    async def about(
        self, kind: MessageKind, localpart: Localpart, at: Instant, origin: Origin | None = None, **values: str
    ) -> Sequence[Message]:
        """The messages to be sent along with what happened; a store visit where any are sent."""
        if kind not in self._kinds:
            return ()
        told: dict[str, str | int] = {
            "server_name": self._server_name,
            "user_id": make_user_id(localpart, self._server_name),
            "when": datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "address": origin.address if origin else "",
            **values,
        }
        found = await self._store.list_threepids(localpart)
        return [
            Message(kind, Medium.EMAIL, one.address, told, "")
            for one in found
            if one.medium is Medium.EMAIL
        ]  # fmt: skip
