"""Opens what the server stands on: the one place where domain, storage and the real world meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ostiary.accounts.ports import Clock, Entropy
from ostiary.accounts.token_cache import CountingTokenCache
from ostiary.config import Config, PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.server.building import build_services
from ostiary.server.environment import SystemClock, SystemEntropy, ticks
from ostiary.server.outside import Outside, open_outside
from ostiary.server.services import Services
from ostiary.server.vitals import Vitals
from ostiary.server.wiring_passwords import make_hasher
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.store import SqlStore
from ostiary.storage.work import DatabaseUnusable, Engine


@asynccontextmanager
async def open_services(
    config: Config,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    outside: Outside | None = None,
    engine: Engine | None = None,
) -> AsyncIterator[Services]:
    """The services, on an open database, until the context ends. Raises DatabaseUnusable, ConfigError.

    ``clock``, ``entropy`` and ``outside``: others than the real ones, for tests. ``engine``: another than that of the
    configuration's database; it is started and stopped here.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    engine = engine or _engine(config)
    hasher = make_hasher(config, entropy)
    vitals = Vitals(engine, hasher, CountingTokenCache() if config.metrics.enabled else None)
    try:
        async with open_outside(config, entropy) as real:
            services = build_services(config, SqlStore(engine), outside or real, hasher, clock, entropy, vitals)
            await engine.start(services.sessions)
            await services.registrations.ensure_senders()
            yield services
            await services.last_seen.write_if_possible()
    finally:
        await engine.stop()
        hasher.close()


def _engine(config: Config) -> Engine:
    match parse_database_url(config.database):
        case SqliteDatabase(path):
            return SqliteEngine(path, shared=config.server.workers > 1)
        case PostgresDatabase(url):
            try:
                from ostiary.storage.postgres import PostgresEngine, PostgresRules
            except ImportError:
                raise DatabaseUnusable("PostgreSQL needs: pip install 'ostiary[postgres]'") from None
            postgresql = config.postgresql
            remember_s = None if postgresql.notifications else postgresql.remember_ms / 1000
            rules = PostgresRules(
                connections=postgresql.connections, lease_s=postgresql.lease_ms / 1000, remember_s=remember_s
            )
            return PostgresEngine(url.reveal(), ticks, rules)
