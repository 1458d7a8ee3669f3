"""A store of one's own: sessions in a shelf of the standard library, for one process."""

import shelve
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ostiary.client import SessionRecord


class ShelfStore:
    """Keeps sessions in a shelf, in the order in which they were saved."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._writing = threading.Lock()
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return next((one for one in self.list() if one.key == record.key), None)

    def save(self, record: SessionRecord) -> None:
        with self._writing:
            self._put([*self._others(record), record])

    def remove(self, record: SessionRecord) -> None:
        with self._writing:
            self._put(self._others(record))

    def list(self) -> Sequence[SessionRecord]:
        with self._writing:
            return self._get()

    def lock(self, record: SessionRecord) -> AbstractContextManager[object]:
        # One lock for each session, or a refresh of one would wait for that of another. threading.Lock may be let go
        # of in another thread than it was taken in; an RLock may not.
        with self._writing:
            return self._locks.setdefault(record.key, threading.Lock())

    def _others(self, record: SessionRecord) -> Sequence[SessionRecord]:
        return [one for one in self._get() if one.key != record.key]

    def _get(self) -> Sequence[SessionRecord]:
        with shelve.open(self._path) as shelf:  # noqa: S301 - a file of this program's own
            return [SessionRecord.from_json(one) for one in shelf.get("sessions", [])]

    def _put(self, records: Sequence[SessionRecord]) -> None:
        with shelve.open(self._path) as shelf:  # noqa: S301 - as above
            shelf["sessions"] = [record.to_json() for record in records]
