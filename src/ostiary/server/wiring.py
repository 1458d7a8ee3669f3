"""Builds the services from a configuration: the one place where domain, storage and the real world meet."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ostiary.accounts.devices import Devices, LastSeen
from ostiary.accounts.login import Logins
from ostiary.accounts.passwords import PasswordRules, Passwords
from ostiary.accounts.ports import Clock, Entropy, Hasher
from ostiary.accounts.registration import Accounts, RegistrationRules, Registrations
from ostiary.accounts.sessions import SessionRules, Sessions
from ostiary.accounts.stages.dummy import DummyStage
from ostiary.accounts.stages.password import PasswordStage
from ostiary.accounts.uia import Flows, InteractiveAuth
from ostiary.accounts.who import WhoIs
from ostiary.api.endpoint import UNSET, RateLimit
from ostiary.api.registration import Register
from ostiary.api.wellknown import Discovery, ServerLocation
from ostiary.config import (
    Config,
    PostgresDatabase,
    RateConfig,
    RateLimitsConfig,
    ServerConfig,
    SqliteDatabase,
    parse_database_url,
)
from ostiary.server.environment import SystemClock, SystemEntropy
from ostiary.server.hashing import ArgonHasher
from ostiary.server.limits import Bucket, Buckets, Limits
from ostiary.server.services import Services
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.store import SqlStore
from ostiary.storage.work import DatabaseUnusable, Engine

MS_PER_MINUTE = 60_000


@asynccontextmanager
async def open_services(
    config: Config, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> AsyncIterator[Services]:
    """The services, on an open database, until the context ends. Raises DatabaseUnusable.

    ``clock`` and ``entropy``: others than the system's, for tests.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    engine = _engine(config)
    hasher = _hasher(config, entropy)
    services = _build(config, SqlStore(engine), hasher, clock, entropy)
    try:
        await engine.start(services.sessions)
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


def _build(config: Config, store: SqlStore, hasher: Hasher, clock: Clock, entropy: Entropy) -> Services:
    limiter = Limits(clock, _buckets(config.rate_limits))
    sessions = Sessions(store, clock, entropy, limiter, _session_rules(config))
    passwords = Passwords(
        store, hasher, clock, limiter,
        PasswordRules(min_length=config.passwords.min_length, max_length=config.passwords.max_length),
        sessions.forget,
    )  # fmt: skip
    registration_rules = RegistrationRules(
        server_name=config.server_name, users=config.registration.enabled, guests=config.registration.guests
    )
    who = WhoIs(config.server_name)
    stages = (DummyStage(), PasswordStage(passwords, who))
    last_seen = LastSeen(store)
    return Services(
        server_name=config.server_name,
        discovery=_discovery(config.server),
        flows=_flows(config),
        clock=clock,
        limiter=limiter,
        store=store,
        sessions=sessions,
        logins=Logins(sessions, passwords, clock),
        registrations=Registrations(store, sessions, passwords, clock, entropy, limiter, registration_rules),
        passwords=passwords,
        devices=Devices(store, clock, last_seen, sessions.forget),
        last_seen=last_seen,
        accounts=Accounts(store),
        uia=InteractiveAuth(store, clock, entropy, hasher, stages, config.uia.session_lifetime_ms),
        who=who,
    )


def _flows(config: Config) -> dict[str, Flows]:
    return {Register.__name__: config.registration.flows}


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


def _session_rules(config: Config) -> SessionRules:
    sessions = config.sessions
    return SessionRules(
        access_token_lifetime_ms=sessions.access_token_lifetime_ms,
        unrefreshable_access_token_lifetime_ms=sessions.unrefreshable_access_token_lifetime_ms,
        refresh_token_lifetime_ms=sessions.refresh_token_lifetime_ms,
        replay_grace_ms=sessions.replay_grace_ms,
    )


def _discovery(server: ServerConfig) -> Discovery | None:
    if not server.public_url:
        return None
    identity_server = ServerLocation(base_url=server.identity_server) if server.identity_server else UNSET
    return Discovery(homeserver=ServerLocation(base_url=server.public_url), identity_server=identity_server)


def _buckets(limits: RateLimitsConfig) -> dict[RateLimit, Buckets]:
    if not limits.enabled:
        return {}
    rates = {
        RateLimit.LOGIN: limits.login,
        RateLimit.REGISTER: limits.register,
        RateLimit.REFRESH: limits.refresh,
        RateLimit.CHECK: limits.check,
    }
    return {limit: _pair_of_buckets(rate) for limit, rate in rates.items()}


def _pair_of_buckets(rate: RateConfig) -> Buckets:
    address, account = rate.per_address, rate.per_account
    return Buckets(
        per_address=Bucket(address.burst, MS_PER_MINUTE / address.per_minute),
        per_account=Bucket(account.burst, MS_PER_MINUTE / account.per_minute),
    )
