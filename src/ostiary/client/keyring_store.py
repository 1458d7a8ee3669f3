"""Sessions in the system's keyring: Keychain, Secret Service, Credential Locker. Needs the extra ``keyring``.

One entry for each session, and one that lists them, for keyrings cannot be listed. Processes take turns by locks on
files in a folder of their own, which hold nothing. The library is imported when the first session is read or stored.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from ostiary.client.errors import StoreUnreadable, StoreUnwritable
from ostiary.client.private_files import PRIVATE_DIRECTORY, locked_file
from ostiary.client.record import SessionRecord

T = TypeVar("T")

INDEX: Final = "sessions"
"""The entry that lists the others. No session's has this name: theirs are 32 hexadecimal digits."""


class Keyring(Protocol):
    """What is used of a keyring: ``keyring`` itself is one, and any backend of it."""

    def get_password(self, service: str, username: str) -> str | None:
        """The entry's text; None where there is none."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Make or change an entry."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Remove an entry."""
        ...


class KeyringStore:
    """Keeps sessions in the system's keyring, under the name ``service``.

    ``backend``: a keyring to use instead of the one that the system offers. ``locks``: a folder for the files by which
    processes take turns; else one of this user's among the temporary files. All functions raise StoreUnreadable, and
    those that change something StoreUnwritable, also where the extra is not installed.
    """

    def __init__(
        self, service: str = "ostiary", *, backend: Keyring | None = None, locks: str | os.PathLike[str] | None = None
    ) -> None:
        self.service = service
        self._backend = backend
        self._locks = None if locks is None else Path(locks)

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, in the order in which they came. Raises StoreUnreadable."""
        found = [self._read(name) for name in self._index()]
        return [record for record in found if record is not None]

    def load(self, record: SessionRecord) -> SessionRecord | None:
        return self._read(_entry(record))

    def save(self, record: SessionRecord) -> None:
        name = _entry(record)
        with self._locked(INDEX):
            names = self._index()
            # The session first: an entry that is not listed is still found by its key; one listed in vain is skipped.
            self._set(name, json.dumps(record.to_json()))
            if name not in names:
                self._set(INDEX, json.dumps([*names, name]))

    def remove(self, record: SessionRecord) -> None:
        name = _entry(record)
        with self._locked(INDEX):
            names = self._index()
            if name in names:
                self._set(INDEX, json.dumps([one for one in names if one != name]))
            if self._get(name) is not None:
                self._writing(lambda: self._keyring().delete_password(self.service, name))

    def lock(self, record: SessionRecord) -> AbstractContextManager[None]:
        return self._locked(_entry(record))

    def _read(self, name: str) -> SessionRecord | None:
        if (text := self._get(name)) is None:
            return None
        try:
            return SessionRecord.from_json(json.loads(text))
        except (ValueError, TypeError, AttributeError, RecursionError):
            # Its text may hold tokens, and so may what json says of it.
            raise StoreUnreadable(f"the entry {name} of {self.service} in the keyring is no session") from None

    def _index(self) -> Sequence[str]:
        try:
            names = json.loads(self._get(INDEX) or "[]")
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StoreUnreadable(f"the entry {INDEX} of {self.service} in the keyring does not list sessions")
        return names

    def _get(self, name: str) -> str | None:
        try:
            return self._keyring().get_password(self.service, name)
        except Exception as error:
            if isinstance(error, StoreUnreadable):
                raise
            raise StoreUnreadable(f"the keyring cannot be read: {type(error).__name__}") from error

    def _set(self, name: str, text: str) -> None:
        self._writing(lambda: self._keyring().set_password(self.service, name, text))

    def _writing(self, write: Callable[[], T]) -> T:
        try:
            return write()
        except Exception as error:
            if isinstance(error, StoreUnreadable):
                raise
            raise StoreUnwritable(f"the keyring takes nothing: {type(error).__name__}") from error

    def _keyring(self) -> Keyring:
        if self._backend is None:
            try:
                import keyring
            except ImportError:
                raise StoreUnreadable("the keyring needs the extra: pip install 'ostiary[keyring]'") from None
            library: Any = keyring
            self._backend = library
        return self._backend

    def _locked(self, name: str) -> AbstractContextManager[None]:
        service = hashlib.sha256(self.service.encode()).hexdigest()[:16]
        return locked_file(self._lock_folder() / f"{service}.{name}.lock")

    def _lock_folder(self) -> Path:
        if self._locks is not None:
            self._locks.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            return self._locks
        owner = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"ostiary-{owner}"
        folder.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        found = folder.lstat()
        if os.name == "posix" and (not stat.S_ISDIR(found.st_mode) or found.st_uid != owner):
            raise StoreUnwritable(f"{folder} belongs to somebody else: say where locks may be, by locks=…")
        return folder


def _entry(record: SessionRecord) -> str:
    return hashlib.sha256(json.dumps(record.key).encode()).hexdigest()[:32]
