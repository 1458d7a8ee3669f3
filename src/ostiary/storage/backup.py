"""A whole copy of a SQLite file, made while others write to it: as it was at the moment when the copy began."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ostiary.storage.sqlite import connect
from ostiary.storage.work import DatabaseUnusable

PAGES: Final = 2_000
"""Copied at once, then told."""


def back_up(path: Path, file: Path, told: Callable[[int, int], None]) -> int:
    """Copy a database to a new file that only its owner can read; answers with its bytes. Raises DatabaseUnusable.

    ``told``: pages done, and all. The file has its name only once it is whole, so one that is there is a backup.
    """
    if not path.exists():
        raise DatabaseUnusable(f"There is no database {path}")
    unfinished = file.with_name(f"{file.name}.unfinished")
    if file.exists():
        raise DatabaseUnusable(f"{file} is there already, and is not overwritten")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _copy(path, unfinished, told)
            _name(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)
        return file.stat().st_size
    except FileExistsError:
        raise DatabaseUnusable(f"{file} is there already, and is not overwritten") from None
    except (OSError, sqlite3.Error) as error:
        raise DatabaseUnusable(f"No backup of {path} to {file} could be made: {error}") from error


def _copy(path: Path, file: Path, told: Callable[[int, int], None]) -> None:
    with closing(connect(path)) as source, closing(connect(file)) as target:
        source.execute("PRAGMA query_only = ON")
        # One transaction for all steps: what others write meanwhile neither gets in nor makes it begin again.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchall()
        source.backup(target, pages=PAGES, progress=lambda _, remaining, total: told(total - remaining, total))
        source.execute("COMMIT")
        # The copy says that it is in the mode with files beside it; alone it is safer to carry about.
        target.execute("PRAGMA journal_mode = DELETE")
        verdict = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is broken, and so may be the database: {verdict}")
    with suppress(OSError):  # so that the file's name, too, survives a power loss
        _sync(file.parent)


def _name(unfinished: Path, file: Path) -> None:
    try:
        os.link(unfinished, file)  # which does not replace what has come there meanwhile
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
        unfinished.rename(file)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
