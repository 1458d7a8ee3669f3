"""Messages that wait to be sent."""

import json
from collections.abc import Iterable
from typing import Final

from ostiary.accounts.messages import Message
from ostiary.accounts.model import Instant
from ostiary.storage.work import Work, ask

_PUT: Final = """
    INSERT INTO outbox (kind, medium, address, language, content, created_at, next_attempt_at, attempts)
    VALUES (:kind, :medium, :address, :language, :content, :at, :at, 0)
"""


def put(messages: Iterable[Message], at: Instant) -> Work[None]:
    """Have messages sent, once the transaction is done."""
    for message in messages:
        yield ask(
            _PUT, kind=message.kind.value, medium=message.medium.value, address=message.address,
            language=message.language, content=json.dumps(message.values), at=at,
        )  # fmt: skip
