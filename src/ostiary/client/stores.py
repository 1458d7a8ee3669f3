"""Where sessions are kept: in memory, or in a file that other processes may share."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ostiary.client.errors import StoreUnreadable
from ostiary.client.record import SessionRecord

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


class SessionStore(Protocol):
    """Keeps sessions. Called from one thread at a time for each session, between entering and leaving ``lock``."""

    def load(self, record: SessionRecord) -> SessionRecord | None:
        """The session with this record's key as it is now; None where it is not here."""
        ...

    def save(self, record: SessionRecord) -> None:
        """Keep a session, in place of the one with its key. Durable when this returns."""
        ...

    def remove(self, record: SessionRecord) -> None:
        """Keep it no longer."""
        ...

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, the one saved last at the end."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Keep other processes from changing what is stored."""
        ...


class MemoryStore:
    """Keeps sessions as long as the process lives."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, str], SessionRecord] = {}
        self._lock = threading.Lock()

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return self._records.get(record.key)

    def save(self, record: SessionRecord) -> None:
        self._records.pop(record.key, None)
        self._records[record.key] = record

    def list(self) -> Sequence[SessionRecord]:
        return list(self._records.values())

    def remove(self, record: SessionRecord) -> None:
        self._records.pop(record.key, None)

    def lock(self) -> AbstractContextManager[None]:
        return _held(self._lock)


class FileStore:
    """Keeps sessions in a JSON file of mode 0600, the one used last at the end.

    Written anew beside the old file and put in its place, so that no moment has half a file; on disk before ``save``
    returns. Processes that share the file take turns by a lock on another file beside it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, the one saved last at the end. Raises StoreUnreadable."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return [SessionRecord.from_json(one) for one in stored["sessions"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreUnreadable(f"{self.path} does not hold sessions: {error}") from error

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return next((one for one in self.list() if one.key == record.key), None)

    def save(self, record: SessionRecord) -> None:
        self._write([*self._others(record), record])

    def remove(self, record: SessionRecord) -> None:
        if len(others := self._others(record)) < len(self.list()):
            self._write(others)

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        handle = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            _lock_file(handle)
            yield
        finally:
            os.close(handle)  # which lets go of the lock

    def _others(self, record: SessionRecord) -> Sequence[SessionRecord]:
        return [one for one in self.list() if one.key != record.key]

    def _write(self, records: Sequence[SessionRecord]) -> None:
        content: dict[str, Any] = {"version": 1, "sessions": [record.to_json() for record in records]}
        directory = self.path.parent
        directory.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        # mkstemp makes the file with mode 0600: at no moment can others read it.
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=directory)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock_file(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks here; one process at a time, then
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    with lock:
        yield
