"""Put another server beside Ostiary: the same requests, in turn, in the same run.

``python -m benchmarks.beside --synapse`` installs an unmodified Synapse from the package index in an environment of
its own (``build/synapse``) and measures it on SQLite and on PostgreSQL. ``--url http://127.0.0.1:8008 --pid 4711``
takes any Matrix server that runs on this machine instead: registration by ``m.login.dummy`` must be open, limits
lifted, and the hash be cheap if the other's is to be. Prints CPU µs per request of each (its database's processes
apart), and how many times Ostiary's the other's is, against what is to be reached. CPU is what is compared: it hardly
depends on what else the machine does. A request whose cost is another server's intention (as a bound on asking for
free names) is left out.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.kept import keep, surroundings
from benchmarks.measuring import Figures, Told
from benchmarks.processes import Processes
from benchmarks.runs import Chosen, Opening, Run, add_options, measured_run, opening_ostiary
from benchmarks.servers import ENGINES, OURS, Server
from benchmarks.synapse import HOME, WORK, interpreter, opening_synapse

TIMES = {
    "whoami": {"sqlite": 15, "postgresql": 15},
    "login flows": {"sqlite": 15, "postgresql": 15},
    "refresh": {"sqlite": 8, "postgresql": 5},
    "logout": {"sqlite": 8, "postgresql": 5},
    "register": {"sqlite": 8, "postgresql": 8},
    "login": {"sqlite": 8, "postgresql": 8},
}
"""How many times our CPU Synapse's is to be, at least; the hash and the database's processes left out."""

START_S = 0.5
IDLE_MIB = 60
"""Until the first answer, and of a process then, at most."""


@dataclass(frozen=True)
class Verdict:
    """Whether something was reached."""

    what: str
    found: str
    target: str
    is_met: bool

    def __str__(self) -> str:
        return f"{self.what:<32}{self.found:>10}   {self.target}: {'yes' if self.is_met else 'NO'}"


def verdicts(run: Run, theirs: str) -> Iterator[Verdict]:
    """On each target that the run says something of."""
    for name, figures in run.operations.items():
        if (target := TIMES.get(name, {}).get(run.engine)) is not None and theirs in figures:
            times = figures[theirs].cpu_us / figures[OURS].cpu_us
            yield Verdict(f"{name}, {run.engine}", f"1/{times:.1f}", f"at most 1/{target}", times >= target)
    start = run.starts[OURS]
    yield Verdict(f"start, {run.engine}", f"{start.seconds:.2f} s", f"under {START_S} s", start.seconds < START_S)
    idle = f"{start.idle_mib:.0f} MiB"
    yield Verdict(f"idle process, {run.engine}", idle, f"at most {IDLE_MIB} MiB", start.idle_mib <= IDLE_MIB)


def telling(theirs: str) -> Told:
    """Prints an operation as soon as it is done."""

    def tell(name: str, figures: dict[str, Figures]) -> None:
        ours, other = figures[OURS], figures[theirs]
        print(f"{name:<20}{_cpu(ours)}{_cpu(other)}{other.cpu_us / ours.cpu_us:>9.1f}", flush=True)

    return tell


def _cpu(figures: Figures) -> str:
    database = "" if figures.database_us is None else f"+ {figures.database_us:.0f}"
    return f"{figures.cpu_us:>10.1f} {database:<8}"


def beside(engine: str, openings: Sequence[Opening], theirs: str, chosen: Chosen, others: Sequence[Server] = ()) -> Run:
    """Measure, and print as it goes."""
    print(f"{engine:<20}{'Ostiary µs':>10} {'+ db':<8}{theirs + ' µs':>10} {'+ db':<8}{'times':>9}")
    run = measured_run(engine, openings, chosen, telling(theirs), others)
    for name in run.starts:
        print(f"{name}: {run.start_told(name)}")
    print()
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    add_options(parser)
    parser.add_argument("--synapse", action="store_true", help="set Synapse up, and measure it")
    parser.add_argument("--synapse-home", type=Path, default=HOME, help=f"where it is installed (default: {HOME})")
    parser.add_argument("--url", help="of a server that runs")
    parser.add_argument("--pid", type=int, action="append", default=[], help="of its processes (may be repeated)")
    parser.add_argument("--name", default="the other", help="what it is called in the output")
    options = parser.parse_args(arguments)
    if options.synapse == bool(options.url) or bool(options.url) != bool(options.pid):
        parser.error("either --synapse, or --url with --pid")
    chosen = Chosen.of(options).compared()
    ours: Opening = partial(opening_ostiary, workers=chosen.workers)
    openings, others = [ours], list[Server]()
    if options.synapse:
        theirs = "Synapse"
        openings.append(partial(opening_synapse, interpreter(options.synapse_home)))
    else:
        theirs = options.name
        others.append(Server(theirs, options.url, Processes(tuple(options.pid)), work=WORK))
    engines = options.engine or (ENGINES if options.synapse else ENGINES[:1])
    runs = [beside(engine, openings, theirs, chosen, others) for engine in engines]
    reached = [verdict for run in runs for verdict in verdicts(run, theirs)]
    print(*reached, sep="\n")
    keep(options.json, {"surroundings": surroundings(), "runs": [run.as_json() for run in runs]})
    return 0 if all(verdict.is_met for verdict in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
