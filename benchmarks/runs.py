"""One run: servers on one engine, opened together, each on a fresh directory, their starts and operations measured."""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.connections import CONNECTIONS
from benchmarks.load import run
from benchmarks.measuring import Measured, Told, as_json, measure
from benchmarks.operations import NAMES, OPERATIONS, Operation
from benchmarks.servers import ENGINES, Postgres, Server, Start, Starting, ostiary, postgres, restarted


@dataclass(frozen=True)
class Chosen:
    """What to measure, and how thoroughly. ``work``: of the usual number of requests."""

    operations: Sequence[Operation] = OPERATIONS
    rounds: int = 3
    starts: int = 3
    connections: int = CONNECTIONS
    workers: int = 1
    work: float = 1.0

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Chosen":
        """What the command line says."""
        only = options.only or NAMES
        operations = [operation for operation in OPERATIONS if operation.name in only]
        return cls(operations, options.rounds, options.starts, options.connections, options.workers, options.work)

    def compared(self) -> "Chosen":
        """Without what can only be measured alone."""
        return replace(self, operations=[operation for operation in self.operations if operation.is_compared])

    def alone(self) -> "Chosen":
        """Nothing but that; starts are not measured again."""
        only = [operation for operation in self.operations if not operation.is_compared]
        return replace(self, operations=only, starts=0)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every benchmark of a server."""
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: both, one after the other")
    parser.add_argument("--only", choices=NAMES, action="append", help="measure this operation (may be repeated)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (default: 3)")
    parser.add_argument("--starts", type=int, default=3, help="the same, of starts (default: 3; 0: not measured apart)")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"default: {CONNECTIONS}")
    parser.add_argument("--workers", type=int, default=1, help="processes of Ostiary (default: 1)")
    parser.add_argument("--work", type=float, default=1.0, help="of the usual number of requests (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")


@dataclass(frozen=True)
class Run:
    """Figures of servers, by their names. ``after_mib``: memory resident after all that was measured."""

    engine: str
    operations: Measured
    starts: dict[str, Start]
    after_mib: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            "engine": self.engine,
            "operations": as_json(self.operations),
            "starts": {name: asdict(start) for name, start in self.starts.items()},
            "after_mib": self.after_mib,
        }

    def start_told(self, name: str) -> str:
        """A server's start and memory, for people."""
        start = self.starts[name]
        return (
            f"ready after {start.seconds:.2f} s ({start.cpu_seconds:.2f} s CPU), {start.idle_mib:.0f} MiB;"
            f" {self.after_mib[name]:.0f} MiB after all that"
        )


Opening = Callable[[Path, Postgres | None], Starting]
"""From a directory and, on PostgreSQL, the database's server to what starts a server there."""


def opening_ostiary(directory: Path, database: Postgres | None, *, workers: int = 1) -> Starting:
    """Ostiary, on a fresh database. ``workers``: how many processes of it serve."""
    url = "sqlite:///ostiary.db" if database is None else database.create_database("ostiary")
    return partial(ostiary, directory, database=url, postgres=database, workers=workers)


def measured_run(
    engine: str, openings: Sequence[Opening], chosen: Chosen, told: Told, others: Sequence[Server] = ()
) -> Run:
    """Measure servers that are started here, and ``others`` that run already."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if engine == "postgresql" else None
        startings = [opening(stack.enter_context(directory()), database) for opening in openings]
        starts = [restarted(starting, chosen.starts) for starting in startings if chosen.starts]
        opened = [stack.enter_context(starting()) for starting in startings]
        servers = [server.slowed(chosen.work) for server in (*opened, *others)]
        operations = run(
            measure(servers, chosen.operations, rounds=chosen.rounds, connections=chosen.connections, told=told)
        )
        return Run(
            engine,
            operations,
            {server.name: start for server, start in zip(opened, starts or _starts_of(opened), strict=True)},
            {server.name: server.processes.resident_mib() for server in servers},
        )


def _starts_of(servers: Sequence[Server]) -> list[Start]:
    return [server.start for server in servers if server.start is not None]


@contextmanager
def directory() -> Iterator[Path]:
    """A fresh directory."""
    with tempfile.TemporaryDirectory(prefix="ostiary-bench-") as name:
        yield Path(name)
