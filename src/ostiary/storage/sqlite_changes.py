"""Whether sessions have changed in a SQLite file, whoever has changed them: what processes that share a file ask.

Asked in the event loop, before anything remembered is believed: it takes 3 µs where nothing was written meanwhile.
"""

import sqlite3
from typing import Final

NOTE_CHANGE: Final = "UPDATE session_changes SET version = version + 1"
"""What whoever changes sessions does, in the same transaction."""

_COUNT: Final = "SELECT version FROM session_changes"


class SessionChanges:
    """Looks at the file by a connection of its own, to be used in one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._data_version = -1
        self._seen = -1

    def are_none(self) -> bool:
        """Whether no session has changed since this was asked last. What cannot be told counts as changed."""
        try:
            version = data_version(self._connection)
            if version == self._data_version:
                return True
            ((changes,),) = self._connection.execute(_COUNT).fetchall()
        except sqlite3.Error:
            return False
        self._data_version = version
        seen, self._seen = self._seen, changes
        return bool(seen == changes)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def data_version(connection: sqlite3.Connection) -> int:
    """Moves when another connection has changed the file, not when this one has."""
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version
