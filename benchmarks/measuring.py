"""Measures operations of servers that run: rounds in which they take turns, and the median of those.

CPU is what the system has charged to the server's processes; it hardly depends on what else the machine does. Rates and
latencies do.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmarks.connections import CONNECTIONS
from benchmarks.load import limited, send
from benchmarks.operations import OPERATIONS, Client, Operation
from benchmarks.servers import Server

WARM_UP = 64
"""Requests before counting begins, at most."""


@dataclass(frozen=True)
class Figures:
    """Of an operation. CPU in µs per request; latencies in ms, with all connections busy.

    ``database_us``: what the database's processes took, where it has any.
    """

    cpu_us: float
    database_us: float | None
    per_second: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def median(cls, rounds: Iterable["Figures"]) -> "Figures":
        """The median of each figure."""
        columns = zip(*(asdict(one).values() for one in rounds), strict=True)
        medians: list[Any] = [None if None in column else statistics.median(column) for column in columns]
        return cls(*medians)


Measured = dict[str, dict[str, Figures]]
"""Figures by the operation's name and the server's."""


Told = Callable[[str, dict[str, Figures]], None]
"""Is told an operation's name and the servers' figures as soon as there are any."""


async def measure(
    servers: Sequence[Server],
    operations: Sequence[Operation] = OPERATIONS,
    *,
    rounds: int = 3,
    connections: int = CONNECTIONS,
    told: Told,
) -> Measured:
    """Measure operations on servers that take turns."""
    clients = [Client(server.address, connections) for server in servers]
    measured: Measured = {}
    for operation in operations:
        found: dict[str, list[Figures]] = {server.name: [] for server in servers}
        for _ in range(rounds):
            for server, client in zip(servers, clients, strict=True):
                found[server.name].append(await _round(server, client, operation))
        measured[operation.name] = {name: Figures.median(figures) for name, figures in found.items()}
        told(operation.name, measured[operation.name])
    return measured


async def _round(server: Server, client: Client, operation: Operation) -> Figures:
    count = max(4, int(operation.count * server.work))
    warm_up = min(WARM_UP, count)
    work = await operation.prepare(client, count + warm_up)
    await send(server.address, limited(work, warm_up), client.connections)
    before = server.processes.cpu_seconds()
    database_before = server.database.cpu_seconds() if server.database is not None else 0.0
    sent = await send(server.address, limited(work, count), client.connections)
    cpu = server.processes.cpu_seconds() - before
    database = None if server.database is None else server.database.cpu_seconds() - database_before
    return Figures(
        cpu_us=cpu / count * 1e6,
        database_us=None if database is None else database / count * 1e6,
        per_second=sent.per_second,
        p50_ms=sent.quantile(50),
        p99_ms=sent.quantile(99),
    )


def as_json(measured: Measured) -> dict[str, Any]:
    """The figures as plain data."""
    return {
        name: {
            server: {key: _rounded(value) for key, value in asdict(figures).items()} for server, figures in of.items()
        }
        for name, of in measured.items()
    }


def from_json(told: dict[str, Any]) -> Measured:
    """The same, read back."""
    known = [field.name for field in fields(Figures)]
    return {
        name: {server: Figures(*(figures[key] for key in known)) for server, figures in of.items()}
        for name, of in told.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
