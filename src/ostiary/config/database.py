"""The URL that says which database: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``postgresql://…``."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ostiary.api.secret import HIDDEN, Secret

_SQLITE: Final = "sqlite://"


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A SQLite file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A PostgreSQL database, by its URL, which may hold a password."""

    url: Secret


def parse_database_url(text: str) -> SqliteDatabase | PostgresDatabase:
    """Read a database URL. Raises ValueError with what is allowed."""
    if text.startswith(("postgresql://", "postgres://")):
        return PostgresDatabase(Secret(text))
    if not text.startswith(_SQLITE):
        raise ValueError(
            "a URL like sqlite:///ostiary.db, sqlite:////var/lib/ostiary.db for an absolute path, or postgresql://…"
        )
    path = text.removeprefix(_SQLITE)
    if path in ("", "/", "/:memory:"):
        raise ValueError("a URL that names a file: a database in memory would lose every account at the end")
    if not path.startswith("/"):
        raise ValueError("a URL with three slashes before a relative path, four before an absolute one")
    return SqliteDatabase(Path(path[1:]))


def without_password(url: str) -> str:
    """A database URL as it may be shown."""
    url = re.sub(r"(://[^/@:]*):[^@]*@", rf"\1:{HIDDEN}@", url)
    return re.sub(r"(password=)[^&]*", rf"\1{HIDDEN}", url)
