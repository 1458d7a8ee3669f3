"""A store on the engine that the run is for, and messages to put into it."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.config import parse_database_url
from ostiary.config.database import SqliteDatabase
from ostiary.delivery.sending import Postmark
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Engine
from tests.databases import fresh_url

LINK = "https://matrix.example.org/validate?token=SECRETLINK"
CODE = "012345"
POSTMARK = Postmark(b"0123456789abcdef", 1_800_000_000_000)


class Deaf:
    """Watches, and does not care."""

    def forget(self, session_ids: Iterable[int]) -> None:
        pass

    def forget_everything(self) -> None:
        pass

    def ask_before_use(self, are_current: Callable[[], bool]) -> None:
        pass


def engine_at(url: str) -> Engine:
    database = parse_database_url(url)
    if isinstance(database, SqliteDatabase):
        return SqliteEngine(database.path)
    from ostiary.storage.postgres import PostgresEngine

    return PostgresEngine(database.url.reveal(), time.monotonic)


@asynccontextmanager
async def open_store(directory: Path) -> AsyncIterator[tuple[SqlStore, Engine]]:
    """The store of this directory; the same database for the same, through an engine of its own."""
    engine = engine_at(fresh_url(directory))
    await engine.start(Deaf())
    try:
        yield SqlStore(engine), engine
    finally:
        await engine.stop()


def marks(count: int) -> list[bytes]:
    """Random ones, as a worker has them."""
    return [os.urandom(16) for _ in range(count)]


def validation(address: str = "alice@example.org", *, minutes: int = 60, language: str = "") -> Message:
    values: dict[str, str | int] = {"server_name": "example.org", "link": LINK, "code": CODE, "minutes": minutes}
    return Message(MessageKind.VALIDATE_TO_ADD, Medium.EMAIL, address, values, language)


def text_message(address: str = "491700000000") -> Message:
    values: dict[str, str | int] = {"server_name": "example.org", "link": "", "code": CODE, "minutes": 60}
    return Message(MessageKind.VALIDATE_TO_ADD, Medium.MSISDN, address, values)


def notice(address: str = "alice@example.org", *, language: str = "", device: str = "Alice's phone") -> Message:
    values: dict[str, str | int] = {
        "server_name": "example.org", "user_id": "@alice:example.org", "device": device, "address": "192.0.2.1",
        "when": "2027-01-15 08:00 UTC",
    }  # fmt: skip
    return Message(MessageKind.SIGNED_IN, Medium.EMAIL, address, values, language)
