"""Fill a database: ``python -m benchmarks.grow --database URL --accounts 10_000_000 --sessions-per-account 3``.

A SQLite file that is not there yet, or a PostgreSQL database that is empty. The schema is that of the project's own
migrations. What is in it, ``benchmarks.population`` says; the same command makes the same accounts and tokens. A run
that was stopped is started again by the same command.
"""

import argparse
import time
from collections.abc import Sequence

from argon2 import PasswordHasher

from benchmarks.population import Population
from benchmarks.requests import PASSWORD
from ostiary.config import PostgresDatabase, SqliteDatabase, parse_database_url

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""So that logging in costs what it costs beside the hash. Its text is three letters shorter than that of a real one."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grow", description=__doc__)
    parser.add_argument("--database", required=True, help="sqlite:///FILE or postgresql://…")
    parser.add_argument("--accounts", type=int, default=10_000_000, help="a multiple of 20")
    parser.add_argument("--sessions-per-account", type=int, default=3)
    parser.add_argument("--forgettable", type=int, default=0, help="so many long dead of each kind, to be cleaned up")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cache-mib", type=int, default=3_000, help="SQLite's, while the file is made")
    chosen = parser.parse_args(arguments)
    if chosen.accounts % 20:
        parser.error("--accounts is to be a multiple of 20")
    people = Population(
        chosen.accounts, chosen.sessions_per_account, CHEAP.hash(PASSWORD), int(time.time() * 1000), chosen.forgettable
    )
    match parse_database_url(chosen.database):
        case SqliteDatabase(path):
            from benchmarks import grow_sqlite

            grow_sqlite.fill(path, people, processes=chosen.processes, cache_mib=chosen.cache_mib)
        case PostgresDatabase(url):
            from benchmarks import grow_postgres

            grow_postgres.fill(url.reveal(), people, processes=chosen.processes)


if __name__ == "__main__":
    main()
