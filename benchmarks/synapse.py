"""Sets up an unmodified Synapse from the package index, in an environment of its own, and runs it.

As its own ``--generate-config`` has it, but for what must be for this: registration open, limits that nothing meets, a
hash of the least cost; and without presence. Nothing of it is imported here.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import yaml

from benchmarks.processes import Processes
from benchmarks.servers import Postgres, Server, Starting, free_port, started

HOME = Path("build/synapse")
"""Where ``make synapse`` installs the one that the client is tested against, which is the one that is measured."""

LOCKED = Path(__file__).parent.parent / "tests" / "peers" / "synapse.txt"
VERSION = re.search(r"^matrix-synapse==([\d.]+)", LOCKED.read_text(encoding="utf-8"), re.MULTILINE)[1]  # type: ignore[index] # there

WORK = 0.1
"""Of the requests that Ostiary is given, so that both take about as long."""

_UNBOUNDED = {"per_second": 1_000_000, "burst_count": 1_000_000}


def interpreter(home: Path = HOME) -> Path:
    """Its interpreter. Ends the program where it is not installed."""
    if not (home / "bin" / "synapse_homeserver").exists():
        sys.exit(f"there is no Synapse in {home}: run make synapse")
    return (home / "bin" / "python").absolute()


def opening_synapse(python: Path, directory: Path, postgres: Postgres | None) -> Starting:
    """One on a fresh database."""
    if postgres is not None:
        postgres.create_database("synapse", "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    return partial(synapse, python, directory, postgres)


@contextmanager
def synapse(python: Path, directory: Path, postgres: Postgres | None = None) -> Iterator[Server]:
    """One that answers, until the context ends. ``postgres``: None for SQLite."""
    port = free_port()
    Path(directory, "homeserver.yaml").write_text(yaml.safe_dump(_configuration(port, directory, postgres)))
    Path(directory, "log.yaml").write_text(yaml.safe_dump(_LOGGING))
    arguments = ["-m", "synapse.app.homeserver", "--config-path", "homeserver.yaml"]
    subprocess.run([python, *arguments, "--generate-keys"], cwd=directory, check=True, capture_output=True)
    with started([str(python), *arguments], directory, port) as (process, start):
        database = None if postgres is None else postgres.processes
        yield Server("Synapse", f"http://127.0.0.1:{port}", Processes((process.pid,)), database, WORK, start)


def _configuration(port: int, directory: Path, postgres: Postgres | None) -> dict[str, object]:
    if postgres is None:
        database: dict[str, object] = {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}}
    else:
        arguments = {"user": "postgres", "host": postgres.host, "dbname": "synapse", "cp_min": 5, "cp_max": 10}
        database = {"name": "psycopg2", "args": arguments}
    return {
        "server_name": "localhost",
        "pid_file": str(directory / "homeserver.pid"),
        "listeners": [
            {"port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}
        ],
        "database": database,
        "log_config": str(directory / "log.yaml"),
        "media_store_path": str(directory / "media"),
        "signing_key_path": str(directory / "signing.key"),
        "macaroon_secret_key": "of no use to anybody",
        "form_secret": "of no use to anybody",
        "report_stats": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "presence": {"enabled": False},
        "bcrypt_rounds": 4,
        "rc_registration": _UNBOUNDED,
        "rc_login": {"address": _UNBOUNDED, "account": _UNBOUNDED, "failed_attempts": _UNBOUNDED},
    }


_LOGGING = {
    "version": 1,
    "formatters": {
        "precise": {"format": "%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s"}
    },
    "handlers": {
        "file": {
            "class": "logging.handlers.TimedRotatingFileHandler",
            "formatter": "precise",
            "filename": "homeserver.log",
            "when": "midnight",
            "backupCount": 3,
            "encoding": "utf8",
        },
        "buffer": {
            "class": "synapse.logging.handlers.PeriodicallyFlushingMemoryHandler",
            "target": "file",
            "capacity": 10,
            "flushLevel": 30,
            "period": 5,
        },
    },
    "root": {"level": "INFO", "handlers": ["buffer"]},
    "disable_existing_loggers": False,
}
"""What its ``--generate-config`` writes."""
