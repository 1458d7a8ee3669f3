"""Interactive authentications under way."""

import json
from typing import Any, Final

from ostiary.accounts.model import UiaRecord, UiaUse
from ostiary.accounts.ports import UiaAlreadyUsed
from ostiary.api.identifiers import Localpart
from ostiary.storage.work import Work, ask

_FIND: Final = """
    SELECT operation, target, owner, parameters, completed, expires_at, outcome
    FROM uia_sessions WHERE digest = :digest
"""
_ADD: Final = """
    INSERT INTO uia_sessions (digest, operation, target, owner, parameters, completed, expires_at)
    VALUES (:digest, :operation, :target, :owner, :parameters, :completed, :expires_at)
"""
_UPDATE: Final = """
    UPDATE uia_sessions SET parameters = :parameters, completed = :completed
    WHERE digest = :digest AND parameters = :old_parameters AND completed = :old_completed AND outcome IS NULL
    RETURNING digest
"""
_USE_UP: Final = (
    "UPDATE uia_sessions SET outcome = :outcome WHERE digest = :digest AND outcome IS NULL RETURNING digest"
)
_USE_VALIDATION: Final = "UPDATE validations SET used_at = :at WHERE sid = :sid AND used_at IS NULL RETURNING sid"
_END_HOLD: Final = "DELETE FROM registration_token_holds WHERE token = :token AND uia_digest = :digest"
_USE_TOKEN: Final = """
    UPDATE registration_tokens SET completed = completed + 1
    WHERE token = :token AND (uses_allowed IS NULL OR completed < uses_allowed)
    RETURNING token
"""


def find_uia(digest: bytes) -> Work[UiaRecord | None]:
    """The one with this digest."""
    rows = yield ask(_FIND, digest=digest)
    if not rows:
        return None
    operation, target, owner, parameters, completed, expires_at, outcome = rows[0]
    return UiaRecord(
        digest, operation, target, Localpart(owner) if owner is not None else None,
        json.loads(parameters), json.loads(completed), expires_at, json.loads(outcome) if outcome else None,
    )  # fmt: skip


def add_uia(record: UiaRecord) -> Work[None]:
    """Remember a new one."""
    yield ask(
        _ADD, digest=record.digest, operation=record.operation, target=record.target, owner=record.owner,
        parameters=_text(record.parameters), completed=_text(record.completed), expires_at=record.expires_at,
    )  # fmt: skip


def update_uia(before: UiaRecord, after: UiaRecord) -> Work[bool]:
    """Write progress, unless another has written meanwhile."""
    rows = yield ask(
        _UPDATE, digest=before.digest, parameters=_text(after.parameters), completed=_text(after.completed),
        old_parameters=_text(before.parameters), old_completed=_text(before.completed),
    )  # fmt: skip
    return bool(rows)


def use_up(use: UiaUse) -> Work[None]:
    """Mark one as used; raises UiaAlreadyUsed when it was."""
    if use.is_stored:
        rows = yield ask(_USE_UP, digest=use.digest, outcome=_text(use.outcome))
        if not rows:
            raise UiaAlreadyUsed
    for sid in filter(None, use.sids):
        rows = yield ask(_USE_VALIDATION, sid=sid, at=use.at)
        if not rows:
            raise UiaAlreadyUsed
    for token in use.registration_tokens:
        yield ask(_END_HOLD, token=token, digest=use.digest)
        rows = yield ask(_USE_TOKEN, token=token)
        if not rows:
            raise UiaAlreadyUsed


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=False, separators=(",", ":"))
