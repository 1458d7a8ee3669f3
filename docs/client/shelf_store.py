"""A store of one's own: sessions in a shelf of the standard library, for one process."""

import shelve
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ostiary.client import SessionRecord


class ShelfStore:
    """Keeps sessions in a shelf, in the order in which they came."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._writing = threading.Lock()
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return next((one for one in self.list() if one.key == record.key), None)

    def save(self, record: SessionRecord) -> None:
        with self._writing:
            self._put({**self._get(), record.key: record})  # whose place it keeps, if it has one

    def remove(self, record: SessionRecord) -> None:
        with self._writing:
            self._put({key: one for key, one in self._get().items() if key != record.key})

    def list(self) -> Sequence[SessionRecord]:
        with self._writing:
            return list(self._get().values())

    def lock(self, record: SessionRecord) -> AbstractContextManager[object]:
        # One lock for each session, or a refresh of one would wait for that of another. threading.Lock may be let go
        # of in another thread than it was taken in; an RLock may not.
        with self._writing:
            return self._locks.setdefault(record.key, threading.Lock())

    def _get(self) -> dict[tuple[str, str, str], SessionRecord]:
        with shelve.open(self._path) as shelf:  # noqa: S301 - a file of this program's own
            records = [SessionRecord.from_json(one) for one in shelf.get("sessions", [])]
        return {record.key: record for record in records}

    def _put(self, records: dict[tuple[str, str, str], SessionRecord]) -> None:
        with shelve.open(self._path) as shelf:  # noqa: S301 - as above
            shelf["sessions"] = [record.to_json() for record in records.values()]
