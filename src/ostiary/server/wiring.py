"""Opens what the server stands on: the one place where domain, storage and the real world meet."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ostiary.accounts.ports import Clock, Entropy
from ostiary.config import Config, PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.server.building import build_services
from ostiary.server.environment import SystemClock, SystemEntropy
from ostiary.server.hashing import ArgonHasher
from ostiary.server.outside import make_outside
from ostiary.server.services import Services
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.store import SqlStore
from ostiary.storage.work import DatabaseUnusable, Engine


@asynccontextmanager
async def open_services(
    config: Config, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> AsyncIterator[Services]:
    """The services, on an open database, until the context ends. Raises DatabaseUnusable, ConfigError.

    ``clock`` and ``entropy``: others than the system's, for tests.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    engine = _engine(config)
    hasher = _hasher(config, entropy)
    services = build_services(config, SqlStore(engine), make_outside(config), hasher, clock, entropy)
    try:
        await engine.start(services.sessions)
        await services.registrations.ensure_senders()
        yield services
        await services.last_seen.write()
    finally:
        await engine.stop()
        hasher.close()


def _engine(config: Config) -> Engine:
    match parse_database_url(config.database):
        case SqliteDatabase(path):
            return SqliteEngine(path)
        case PostgresDatabase(url):
            try:
                from ostiary.storage.postgres import PostgresEngine
            except ImportError:
                raise DatabaseUnusable("PostgreSQL needs: pip install 'ostiary[postgres]'") from None
            return PostgresEngine(url.reveal())


def _hasher(config: Config, entropy: Entropy) -> ArgonHasher:
    passwords = config.passwords
    return ArgonHasher(
        memory_kib=passwords.argon2_memory_kib,
        time_cost=passwords.argon2_time_cost,
        parallelism=passwords.argon2_parallelism,
        threads=passwords.hashing_threads or os.cpu_count() or 1,
        queue=passwords.hashing_queue,
        random_bytes=entropy.token_bytes,
    )
