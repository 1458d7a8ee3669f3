"""Files for their owner alone: written whole or not at all, durably, and locked by turns.

Must not know what is in them. Written anew beside the old file and put in its place, so that no moment has half a file.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700

_UNFINISHED: Final = ".unfinished"
"""How the names of files end that are being written."""


def write_privately(path: Path, text: str) -> None:
    """Put a text into a file of mode 0600, on disk when this returns. Raises OSError, and then the old file stays.

    For one writer at a time, who holds a lock on the path: what others were writing when they were killed is removed.
    """
    _clear_away(path)
    file = UnfinishedFile(path)
    try:
        file.write(text.encode())
        file.put_in_place()
    finally:
        file.discard()


class UnfinishedFile:
    """A file of mode 0600 that is written beside another, to take its place once it is whole. Each raises OSError.

    To be discarded in the end, which does nothing to one that is in its place.
    """

    def __init__(self, path: Path) -> None:
        # mkstemp makes the file with mode 0600: at no moment can others read it.
        handle, name = tempfile.mkstemp(prefix=_beginning(path), suffix=_UNFINISHED, dir=path.parent)
        self._path = path
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")

    def write(self, piece: bytes) -> None:
        """Go on with it."""
        self._file.write(piece)

    def put_in_place(self) -> None:
        """Have it stand at its path, on disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        _sync_folder(self._path.parent)

    def discard(self) -> None:
        """Close it, and remove it where it is not in its place."""
        with suppress(OSError):  # of a full disk, which is told already
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def _beginning(path: Path) -> str:
    return f".{path.name}."


def _clear_away(path: Path) -> None:
    """Remove what a process was writing when it was killed. The tokens in it may be good still."""
    for file in path.parent.iterdir():
        if file.name.startswith(_beginning(path)) and file.name.endswith(_UNFINISHED):
            file.unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone, with those above it, durably."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_private_folder(folder.parent)
    folder.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock that this file stands for. The file is there as long as somebody holds it or waits for it."""
    try:
        import fcntl
    except ImportError:  # no such locks here; one process at a time, then
        yield
        return
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_still(handle, path):
                continue  # whoever held it has removed the file, and another may have made and locked a new one
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(handle)  # which lets go of the lock


def _is_still(handle: int, path: Path) -> bool:
    """Whether an open file is the one that stands at this path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
