"""What is read to see how the store is doing: whether it answers, and what waits in it."""

from typing import NamedTuple

from ostiary.storage.work import Work, ask


class OutboxCounts(NamedTuple):
    """Messages that wait to be sent, and those that nobody tries to send any longer."""

    waiting: int
    given_up: int


def read_schema() -> Work[int]:
    """The version of the schema: a read of the least that must be there."""
    ((version,),) = yield ask("SELECT max(version) FROM schema_migrations")
    return int(version)


def count_outbox() -> Work[OutboxCounts]:
    """How many messages are in the outbox."""
    ((waiting, given_up),) = yield ask("SELECT count(*) - count(given_up_at), count(given_up_at) FROM outbox")
    return OutboxCounts(waiting, given_up)
