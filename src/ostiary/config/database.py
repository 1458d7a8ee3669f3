"""The URL that says which database: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SQLITE: Final = "sqlite://"


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A SQLite file."""

    path: Path


def parse_database_url(text: str) -> SqliteDatabase:
    """Read a database URL. Raises ValueError with what is allowed."""
    if text.startswith(("postgresql:", "postgres:")):
        raise ValueError("a sqlite:/// URL: PostgreSQL is not supported yet")
    if not text.startswith(_SQLITE):
        raise ValueError("a URL like sqlite:///ostiary.db, or sqlite:////var/lib/ostiary.db for an absolute path")
    path = text.removeprefix(_SQLITE)
    if path in ("", "/", "/:memory:"):
        raise ValueError("a URL that names a file: a database in memory would lose every account at the end")
    if not path.startswith("/"):
        raise ValueError("a URL with three slashes before a relative path, four before an absolute one")
    return SqliteDatabase(Path(path[1:]))
