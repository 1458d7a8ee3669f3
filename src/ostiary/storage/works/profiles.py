"""Profiles."""

import json
from typing import Any, Final

from ostiary.accounts.ports import ProfileFull
from ostiary.accounts.values import Profile
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask
from ostiary.storage.works import passwords

_GET: Final = """
    SELECT field.name, field.content FROM accounts AS account
    LEFT JOIN profile_fields AS field ON field.localpart = account.localpart
    WHERE account.localpart = :localpart AND account.deactivated_at IS NULL
    ORDER BY field.name
"""
_SET: Final = """
    INSERT INTO profile_fields (localpart, name, content) VALUES (:localpart, :name, :content)
    ON CONFLICT (localpart, name) DO UPDATE SET content = excluded.content
"""
_DELETE: Final = "DELETE FROM profile_fields WHERE localpart = :localpart AND name = :name"


def get(localpart: str) -> Work[Profile | None]:
    """A profile; None where there is no such account, or no longer."""
    rows = yield ask(_GET, localpart=localpart)
    if not rows:
        return None
    return {name: json.loads(content) for name, content in rows if name is not None}


def set_field(localpart: Localpart, name: str, value: Any, most_bytes: int) -> Work[None]:
    """Set a field; raises ProfileFull when the whole would be larger than so many bytes of JSON."""
    yield passwords.hold(localpart)
    profile = yield from get(localpart)
    if len(_text({**(profile or {}), name: value}).encode("utf-8", "surrogatepass")) > most_bytes:
        raise ProfileFull
    yield ask(_SET, localpart=localpart, name=name, content=json.dumps(value))


def delete_field(localpart: Localpart, name: str) -> Work[None]:
    """Remove a field, if it is there."""
    yield ask(_DELETE, localpart=localpart, name=name)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
