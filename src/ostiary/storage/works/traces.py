"""What is stored about a person: open sessions, and all the rest that nothing else reads back.

Digests and whatever a secret could be made of are not asked for.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ostiary.accounts.values import OpenSession, Traces
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask


class _Trace(NamedTuple):
    """Columns of the rows that are of a person, and where those stand."""

    columns: tuple[str, ...]
    source: str


_OF_ADDRESSES: Final = """
    {table} AS one JOIN threepids AS mine ON mine.medium = one.medium AND mine.address = one.address
    WHERE mine.localpart = :localpart ORDER BY {order}
"""
_TRACES: Final[Mapping[str, _Trace]] = {
    "sessions": _Trace(
        ("session_id", "device_id", "created_at", "ended_at", "end_reason"),
        "sessions AS one WHERE one.localpart = :localpart ORDER BY one.session_id",
    ),
    "profile": _Trace(
        ("name", "content"), "profile_fields AS one WHERE one.localpart = :localpart ORDER BY one.name"
    ),
    "validations": _Trace(
        ("purpose", "medium", "address", "language", "expires_at", "validated_at", "used_at"),
        _OF_ADDRESSES.format(table="validations", order="one.expires_at"),
    ),
    "messages": _Trace(
        ("kind", "medium", "address", "language", "created_at", "attempts", "given_up_at"),
        _OF_ADDRESSES.format(table="outbox", order="one.outbox_id"),
    ),
    "invitations": _Trace(
        ("invited_address", "proposed_name", "created_at", "expires_at"),
        """
        registration_tokens AS one
        WHERE one.invited_address IN (SELECT address FROM threepids WHERE localpart = :localpart AND medium = 'email')
        ORDER BY one.created_at
        """,
    ),
    "interactive_authentications": _Trace(
        ("operation", "expires_at"), "uia_sessions AS one WHERE one.owner = :localpart ORDER BY one.expires_at"
    ),
    "login_tokens": _Trace(
        ("expires_at",), "login_tokens AS one WHERE one.localpart = :localpart ORDER BY one.expires_at"
    ),
    "openid_tokens": _Trace(
        ("expires_at",), "openid_tokens AS one WHERE one.localpart = :localpart ORDER BY one.expires_at"
    ),
}  # fmt: skip
"""By subject. Some are found without an index: this is asked for once in a long while."""

_OPEN_SESSIONS: Final = """
    SELECT one.session_id, one.device_id, device.display_name, one.created_at, device.last_seen_ip, device.last_seen_at
    FROM sessions AS one
    LEFT JOIN devices AS device ON device.localpart = one.localpart AND device.device_id = one.device_id
    WHERE one.localpart = :localpart AND one.ended_at IS NULL
    ORDER BY one.session_id
"""


def list_open_sessions(localpart: Localpart) -> Work[Sequence[OpenSession]]:
    """The sessions of an account that have not ended, oldest first."""
    rows = yield ask(_OPEN_SESSIONS, localpart=localpart)
    return [OpenSession(*row) for row in rows]


def find_traces(localpart: Localpart) -> Work[Traces]:
    """What else is stored about a person, by subject."""
    found: dict[str, list[dict[str, Any]]] = {}
    for subject, (columns, source) in _TRACES.items():
        selected = ", ".join(f"one.{column}" for column in columns)
        rows = yield ask(f"SELECT {selected} FROM {source}", localpart=localpart)
        found[subject] = [dict(zip(columns, row, strict=True)) for row in rows]
    for field in found["profile"]:
        field["content"] = json.loads(field["content"])
    return found
