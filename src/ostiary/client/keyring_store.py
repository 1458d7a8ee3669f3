"""Sessions in the system's keyring: Keychain, Secret Service, Credential Locker. Needs the extra ``keyring``.

One entry for each session, and one that lists them, for keyrings cannot be listed. Processes take turns by locks on
files in a folder of their own, which hold nothing: in reading too, since not every keyring is made for more than one.
The library is imported when the first session is read or stored.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from ostiary.client.errors import StoreUnreadable, StoreUnwritable
from ostiary.client.keyring_entries import Entries, Keyring
from ostiary.client.private_files import PRIVATE_DIRECTORY, locked_file
from ostiary.client.record import SessionRecord

INDEX: Final = "sessions"
"""The entry that lists the others. No session's has this name: theirs are 32 hexadecimal digits."""


class KeyringStore:
    """Keeps sessions in the system's keyring, under the name ``service``, however long their tokens are.

    ``backend``: a keyring to use instead of the one that the system offers. ``locks``: a folder for the files by which
    processes take turns; else one of this user's among the temporary files. All functions raise StoreUnreadable and,
    where they write or there is no such folder, StoreUnwritable; also where the extra is not installed.
    """

    def __init__(
        self, service: str = "ostiary", *, backend: Keyring | None = None, locks: str | os.PathLike[str] | None = None
    ) -> None:
        self.service = service
        self._entries = Entries(service, backend)
        self._locks = None if locks is None else Path(locks)

    def list(self) -> Sequence[SessionRecord]:
        """All sessions, in the order in which they came. Raises StoreUnreadable."""
        with self._locked(INDEX):
            found = [self._read(name) for name in self._index()]
        return [record for record in found if record is not None]

    def load(self, record: SessionRecord) -> SessionRecord | None:
        with self._locked(INDEX):
            return self._read(_entry(record))

    def save(self, record: SessionRecord) -> None:
        name = _entry(record)
        with self._locked(INDEX):
            names = self._index()
            # The session first: an entry that is not listed is still found by its key; one listed in vain is skipped.
            self._entries.set(name, json.dumps(record.to_json()))
            if name not in names:
                self._entries.set(INDEX, json.dumps([*names, name]))

    def remove(self, record: SessionRecord) -> None:
        name = _entry(record)
        with self._locked(INDEX):
            names = self._index()
            if name in names:
                self._entries.set(INDEX, json.dumps([one for one in names if one != name]))
            self._entries.delete(name)

    def lock(self, record: SessionRecord) -> AbstractContextManager[None]:
        return self._locked(_entry(record))

    def _read(self, name: str) -> SessionRecord | None:
        if (text := self._entries.get(name)) is None:
            return None
        try:
            return SessionRecord.from_json(json.loads(text))
        except (ValueError, TypeError, AttributeError, RecursionError):
            # Its text may hold tokens, and so may what json says of it.
            raise StoreUnreadable(f"the entry {name} of {self.service} in the keyring is no session") from None

    def _index(self) -> Sequence[str]:
        try:
            names = json.loads(self._entries.get(INDEX) or "[]")
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StoreUnreadable(f"the entry {INDEX} of {self.service} in the keyring does not list sessions")
        return names

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
