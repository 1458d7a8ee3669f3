"""A server process in a directory of its own, as all these faults find it: quick hashes, long lives, room for many."""

from contextlib import suppress
from pathlib import Path

from tests.faults.integrity import amiss_in_postgres, amiss_in_sqlite
from tests.process import ServerProcess

QUICK_HASHES = {"OSTIARY_PASSWORDS__ARGON2_MEMORY_KIB": "64", "OSTIARY_PASSWORDS__ARGON2_TIME_COST": "1"}
LONG_LIVES = {
    "OSTIARY_SESSIONS__ACCESS_TOKEN_LIFETIME": "7d",
    "OSTIARY_SESSIONS__REPLAY_GRACE": "7d",
    "OSTIARY_SERVER__KEEP_ALIVE": "1h",
}
"""So that nothing ends by itself: what is missing after a fault was lost by it."""


class Scene:
    """Where a server is started again and again. ``database``: None for SQLite's file in the directory."""

    def __init__(self, directory: Path, database: str | None = None, workers: int = 1) -> None:
        self.directory = directory
        self.workers = workers
        self.file = directory / "ostiary.db"
        self._database = database
        self.options = ("--dev", "--workers", str(workers), "--database", database or f"sqlite:///{self.file}")

    def start(self, **environment: str) -> ServerProcess:
        """A server, once it listens."""
        return ServerProcess(
            self.directory, *self.options, environment={**QUICK_HASHES, **LONG_LIVES, **environment}
        )  # fmt: skip

    def amiss(self) -> list[str]:
        """What is wrong in the database."""
        return amiss_in_sqlite(self.file) if self._database is None else amiss_in_postgres(self._database)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    with suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(one) for one in found.split()]
    return []
