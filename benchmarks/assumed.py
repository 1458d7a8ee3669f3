"""A hundred million accounts, reckoned from what was measured with fewer: what is assumed, and what follows from it."""

from dataclasses import dataclass
from typing import Any, Final

DAY_S: Final = 86_400

LAST_SEEN: Final = "devices"
"""The operation that stands for writing down when a device was seen."""


@dataclass(frozen=True)
class Load:
    """What people do, as it is assumed. Everything else is measured, or follows."""

    accounts: int = 100_000_000
    sessions_per_account: int = 3
    sessions_in_use_a_day: float = 0.05
    """Of all sessions."""
    hours_in_use: float = 4.0
    """Of each of these, a day."""
    refreshing: float = 0.5
    """Of all sessions."""
    refresh_every_s: float = 300.0
    """While in use; the lifetime of an access token as the configuration has it."""
    checks_every_s: float = 30.0
    """How often a session in use has its token checked here."""
    seen_written_every_s: float = 60.0
    """How often it is written when a device was seen."""
    logins_a_day: float = 0.005
    """Of all accounts. So many log out as well."""
    registrations_a_day: float = 0.001
    """Of all accounts."""
    peak: float = 2.5
    """Times the mean."""
    hash_ms: float = 20.0
    """CPU of one Argon2id with the parameters that the configuration has."""
    utilization: float = 0.6
    """Of a core, so that something is left for whatever is not even."""

    @property
    def sessions(self) -> int:
        return self.accounts * self.sessions_per_account

    @property
    def in_use(self) -> float:
        """Sessions in use at the same time, in the mean."""
        return self.sessions * self.sessions_in_use_a_day * self.hours_in_use / 24

    @property
    def refreshes_per_s(self) -> float:
        return self.in_use * self.refreshing / self.refresh_every_s

    def rates(self) -> dict[str, float]:
        """How often a second in the mean each is done that was measured, by its name.

        The first request after each refresh uses a new pair; the others come while the process has the token in its
        memory, as they do where requests of a session come to the same process. When a device was seen is written every
        minute: what ``devices`` costs is taken for that, which did so when it was measured, and lists them.
        """
        checks = self.in_use / self.checks_every_s
        return {
            "whoami, remembered": checks - self.refreshes_per_s,
            LAST_SEEN: self.in_use / self.seen_written_every_s,
            "refresh": self.refreshes_per_s,
            "first use of a pair": self.refreshes_per_s,
            "login, cheap hash": self.accounts * self.logins_a_day / DAY_S,
            "logout": self.accounts * self.logins_a_day / DAY_S,
            "register, cheap hash": self.accounts * self.registrations_a_day / DAY_S,
        }


def table_of(relation: str, tables: list[str]) -> str:
    """The table that a relation is, or is an index of; "other" for what is none of these."""
    name = relation.removeprefix("sqlite_autoindex_")
    return max((table for table in tables if name.startswith(table)), key=len, default="other")


@dataclass(frozen=True)
class Size:
    """What a table takes, per row, in bytes: the rows themselves, and all its indexes."""

    table: str
    rows: int
    row_bytes: float
    index_bytes: float


def sizes_of(database: dict[str, Any]) -> list[Size]:
    """The tables of a measured database, largest first."""
    tables = list(database["rows"])
    found = []
    for table in tables:
        rows = database["rows"][table]
        mine = {name: size for name, size in database["sizes"].items() if table_of(name, tables) == table}
        if rows:
            found.append(Size(table, rows, mine[table] / rows, (sum(mine.values()) - mine[table]) / rows))
    return sorted(found, key=lambda size: -size.rows * (size.row_bytes + size.index_bytes))
