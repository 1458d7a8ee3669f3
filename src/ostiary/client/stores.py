"""Where sessions are kept: in memory, or in a file that other processes may share."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from ostiary.client.errors import StoreUnreadable
from ostiary.client.private_files import locked_file, make_private_folder, write_privately
from ostiary.client.record import SessionRecord

FORMAT: Final = 1


class SessionStore(Protocol):
    """Keeps sessions. A session is changed between entering and leaving its ``lock``; several may be at once."""

    def load(self, record: SessionRecord) -> SessionRecord | None:
        """The session with this record's key as it is now; None where it is not here."""
        ...

    def save(self, record: SessionRecord) -> None:
        """Keep a session: where the one with its key stands, which it replaces, else at the end. Durable on return."""
        ...

    def remove(self, record: SessionRecord) -> None:
        """Keep it no longer."""
        ...

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, in the order in which they came."""
        ...

    def lock(self, record: SessionRecord) -> AbstractContextManager[object]:
        """Keep everybody else, in other processes too, from changing this session; others go on being changed.

        May be left from another thread than it was entered from.
        """
        ...


class MemoryStore:
    """Keeps sessions as long as the process lives."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, str], SessionRecord] = {}
        self._locks: WeakValueDictionary[tuple[str, str, str], threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return self._records.get(record.key)

    def save(self, record: SessionRecord) -> None:
        with self._guard:
            self._records[record.key] = record

    def remove(self, record: SessionRecord) -> None:
        with self._guard:
            self._records.pop(record.key, None)

    def list(self) -> Sequence[SessionRecord]:
        with self._guard:
            return list(self._records.values())

    @contextmanager
    def lock(self, record: SessionRecord) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(record.key, threading.Lock())
        with lock:
            yield


class FileStore:
    """Keeps sessions in a JSON file of mode 0600. What later versions write there besides stays.

    Written anew beside the old file and put in its place, so that no moment has half a file; on disk before ``save``
    returns. Processes that share the file take turns, by locks on files beside it that last as long as the locks do:
    one for each session, held while that is refreshed, and one for the whole file, held while that is written.

    All but ``list`` and ``load``, which raise StoreUnreadable, raise OSError too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, in the order in which they came. Raises StoreUnreadable."""
        return list(self._read().sessions.values())

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return self._read().sessions.get(record.key)

    def save(self, record: SessionRecord) -> None:
        with self._locked("lock"):
            content = self._read()
            content.sessions[record.key] = record
            self._write(content)

    def remove(self, record: SessionRecord) -> None:
        if self.load(record) is None:
            return
        with self._locked("lock"):
            content = self._read()
            content.sessions.pop(record.key, None)
            self._write(content)

    def lock(self, record: SessionRecord) -> AbstractContextManager[None]:
        name = hashlib.sha256(json.dumps(record.key).encode()).hexdigest()[:16]
        return self._locked(f"{name}.lock")

    def _locked(self, suffix: str) -> AbstractContextManager[None]:
        make_private_folder(self.path.parent)
        return locked_file(self.path.with_name(f".{self.path.name}.{suffix}"))

    def _read(self) -> "_Content":
        try:
            return _content(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return _Content({}, {})
        except OSError as error:
            raise StoreUnreadable(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # Without the error as its cause: that of json holds the whole text, tokens and all.
            why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise StoreUnreadable(f"{self.path} does not hold sessions: {why}") from None

    def _write(self, content: "_Content") -> None:
        write_privately(self.path, json.dumps(content.to_json(), indent=2))


@dataclass(frozen=True, slots=True)
class _Content:
    """What stands in a file: the sessions by their keys, and what later versions write besides."""

    sessions: dict[tuple[str, str, str], SessionRecord]
    others: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        sessions = [record.to_json() for record in self.sessions.values()]
        return {**self.others, "version": FORMAT, "sessions": sessions}


def _content(stored: Any) -> _Content:
    if stored.get("version", FORMAT) != FORMAT:
        raise ValueError("they were stored by another version of this library")
    records = [SessionRecord.from_json(one) for one in stored["sessions"]]
    return _Content({record.key: record for record in records}, stored)
