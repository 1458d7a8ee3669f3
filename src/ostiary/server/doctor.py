"""Looks an installation over: what it stands on, and how the world reaches it. Changes nothing.

Each finding says what was looked at, how it is, and what to do. Must not know how findings are shown; what others see
of the server is looked at by ``doctor_outside``.
"""

import asyncio
import ipaddress
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from ostiary.api.secret import Secret
from ostiary.config import Config, MailConfig, SqliteDatabase, parse_database_url
from ostiary.server.environment import SystemEntropy
from ostiary.server.wiring_passwords import make_hasher
from ostiary.storage.inspecting import Inspection, inspect_postgres, inspect_sqlite
from ostiary.storage.work import DatabaseUnusable

LITTLE_SPACE: Final = 1024**3
NO_SPACE: Final = 100 * 1024**2
FEW_FILES: Final = 4_096
TOO_FEW_FILES: Final = 256
QUICK_HASH_MS: Final = 10
SLOW_HASH_MS: Final = 500
SMTP_TIMEOUT_S: Final = 5.0
HASHES: Final = 3


class Verdict(StrEnum):
    """How it is. A warning may be meant so; a problem keeps the server or its clients from working."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. ``advice``: what to do, where there is anything to be done."""

    check: str
    verdict: Verdict
    told: str
    advice: str = ""


def ok(check: str, told: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, told)


def warning(check: str, told: str, advice: str) -> Finding:
    """Somebody should look at it."""
    return Finding(check, Verdict.WARNING, told, advice)


def problem(check: str, told: str, advice: str) -> Finding:
    """Somebody has to do something."""
    return Finding(check, Verdict.PROBLEM, told, advice)


async def examine(config: Config) -> AsyncIterator[Finding]:
    """All that can be seen from this machine without asking the server itself."""
    yield _server_name(config)
    async for finding in _database(config):
        yield finding
    yield _open_files()
    yield await _hashing(config)
    yield _proxies(config)
    if config.mail.host:
        yield await _smtp(config.mail)


# --- Configuration ---------------------------------------------------------------------------------------------------


def _server_name(config: Config) -> Finding:
    name = config.server_name
    host = urlsplit(f"//{name}").hostname or ""
    never = "It is part of every user ID and can never change once there are accounts: set server_name"
    if host == "localhost" or host.endswith((".localhost", ".local", ".test", ".invalid")):
        return warning("server_name", f"{name} names no server that others can find", never)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return warning("server_name", f"{name} is an address, which may change", never)
    if name != name.lower():
        return warning("server_name", f"{name} has capital letters, which clients write in many ways", never)
    if "." not in host:
        return warning("server_name", f"{name} is no whole name of a domain", never)
    if host.endswith(("example.org", "example.com", "example.net")):
        return warning("server_name", f"{name} is a name of examples", never)
    return ok("server_name", name)


def _proxies(config: Config) -> Finding:
    server = config.server
    if server.socket:
        return ok("proxy", f"listens on {server.socket}; who connects there is believed")
    is_behind_proxy = server.public_url.startswith("https:") and _is_loopback(server.host)
    if is_behind_proxy and not server.trusted_proxies:
        return warning(
            "proxy", "a proxy stands before the server, but none is trusted: all clients count as one address",
            'Let it send X-Forwarded-For and set server.trusted_proxies = ["127.0.0.1", "::1"]',
        )  # fmt: skip
    if not _is_loopback(server.host) and not server.trusted_proxies:
        return warning(
            "proxy", f"listens on {server.host} without TLS: passwords can be read on the way",
            "Put a proxy with TLS before it, on this machine or named in server.trusted_proxies",
        )  # fmt: skip
    trusted = ", ".join(server.trusted_proxies)
    return ok("proxy", f"trusted: {trusted}" if trusted else "there is none, and the server listens on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- Database --------------------------------------------------------------------------------------------------------


async def _database(config: Config) -> AsyncIterator[Finding]:
    database = parse_database_url(config.database)
    try:
        if isinstance(database, SqliteDatabase):
            for finding in _folder(database.path):
                yield finding
            if not database.path.exists():
                return
            for finding in _file(database.path):
                yield finding
            inspection = await asyncio.to_thread(inspect_sqlite, database.path)
        else:
            inspection = await inspect_postgres(database.url.reveal())
    except ImportError:
        yield problem("database", "PostgreSQL's library is missing", "pip install 'ostiary[postgres]'")
    except DatabaseUnusable as error:
        yield problem("database", str(error), "See whether it runs, and whether the key `database` names it")
    else:
        for finding in _judged(inspection):
            yield finding


def _judged(found: Inspection) -> Iterator[Finding]:
    yield ok("database", "can be reached")
    if found.unwritable:
        yield problem("database", f"cannot be written: {found.unwritable}", "See to its permissions, and to the disk")
    if found.is_half_copied:
        yield problem("schema", found.mismatch, "Finish the copy, or use another database")
    elif found.mismatch:
        yield problem("schema", found.mismatch, "Install the version that wrote it, or a newer one")
    elif found.version is None:
        yield warning("schema", "there is none yet", "The first start makes it")
    elif found.version < found.newest:
        yield warning(
            "schema", f"version {found.version}; this program has {found.newest}",
            "The next start brings it up to date: make a backup before",
        )  # fmt: skip
    else:
        yield ok("schema", f"version {found.version}")


def _folder(path: Path) -> Iterator[Finding]:
    folder = path.resolve().parent
    if not folder.is_dir():
        yield problem("database", f"there is no folder {folder}", "Make it, for the user that the server runs as")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = "Give it to the user that the server runs as, and run this as that user"
        yield problem("database", f"nothing can be written in {folder}", advice)
    if not path.exists():
        yield warning("database", f"there is no file {path} yet", "The first start makes it")
    free = shutil.disk_usage(folder).free
    told = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < NO_SPACE:
        yield problem("disk", told, "Make room: without it nobody can log in")
    elif free < LITTLE_SPACE:
        yield warning("disk", told, "Make room")
    else:
        yield ok("disk", told)


def _file(path: Path) -> Iterator[Finding]:
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IROTH | stat.S_IWOTH):
        yield warning("database", f"{path} can be read by every user of this machine", f"chmod 600 {path}")


# --- Machine ---------------------------------------------------------------------------------------------------------


def _open_files() -> Finding:
    try:
        import resource
    except ImportError:  # not on every platform
        return ok("files", "are not limited here")
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return ok("files", "may be opened without limit")
    told = f"at most {limit} may be open in this process, each connection being one"
    advice = "Raise it: LimitNOFILE= in the unit file, or ulimit -n"
    if limit < TOO_FEW_FILES:
        return problem("files", told, advice)
    return warning("files", told, advice) if limit < FEW_FILES else ok("files", told)


async def _hashing(config: Config) -> Finding:
    hasher = make_hasher(config, SystemEntropy())
    try:
        took_ms = []
        for _ in range(HASHES):
            started = perf_counter()
            await hasher.hash(Secret("a password of usual length"))
            took_ms.append((perf_counter() - started) * 1000)
    finally:
        hasher.close()
    best = min(took_ms)  # the others had to share the machine
    told = f"a password's hash takes {best:.0f} ms"
    if best < QUICK_HASH_MS:
        advice = "A thief of the database guesses as quickly: raise passwords.argon2_memory_kib or argon2_time_cost"
        return warning("hashing", told, advice)
    if best > SLOW_HASH_MS:
        return warning("hashing", told, "Logins are slow: lower passwords.argon2_memory_kib or argon2_time_cost")
    return ok("hashing", told)


async def _smtp(mail: MailConfig) -> Finding:
    place = f"{mail.host} port {mail.port}"
    try:
        async with asyncio.timeout(SMTP_TIMEOUT_S):
            _, writer = await asyncio.open_connection(mail.host, mail.port)
            writer.close()
            await writer.wait_closed()
    except TimeoutError:
        return problem("mail", f"{place} does not answer", "See to mail.host, mail.port, and the firewall")
    except OSError as error:
        return problem("mail", f"{place}: {error.strerror or error}", "See to mail.host, mail.port, and the firewall")
    return ok("mail", f"{place} can be reached")
