"""Take all figures and write the page about them: ``python -m benchmarks.report``, eight minutes on two quiet cores.

Writes ``docs/performance.json`` and, of that alone, ``docs/performance.md`` and ``docs/performance.svg``, so that no
figure is ever copied by hand; ``--render`` writes the two anew without measuring.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.beside import IDLE_MIB, Verdict, beside, verdicts
from benchmarks.hashing import TARGET, measure_share
from benchmarks.kept import keep, surroundings
from benchmarks.operations import OPERATIONS
from benchmarks.phases import PHASES, measure_phases
from benchmarks.plot import drawn
from benchmarks.runs import Chosen, Run, add_options, measured_run, opening_ostiary
from benchmarks.servers import ENGINES, OURS
from benchmarks.synapse import HOME, VERSION, interpreter, opening_synapse
from benchmarks.tables import ENGINE_NAMES, table

PAGE = Path("docs/performance.md")
OTHER = "Synapse"

INTRODUCTION = """\
# Performance

<!-- Written by `python -m benchmarks.report` from performance.json: not to be edited, every figure is replaced. -->

What a request costs, and what the same request costs an unmodified Synapse {version} in the same run, on the same
engine, the two taking turns. CPU is that of the server's processes, by the system's account; what the database's own
processes take stands apart, behind the plus. Medians of rounds with {connections} connections, on {cores} cores
({processor}), {system}, Python {python}.

{note}![CPU per request](performance.svg)
"""

PHASES_TOLD = """\
## Where the CPU goes

µs by step, of a server whose steps are wrapped from outside; what that takes (the last column) has been taken off by
how often each was entered, so that small steps are good to a few µs only. `benchmarks/phases.py` says what each is.
"""

METHOD = """\
## How it is measured

```
python -m benchmarks.report                    # all of this page
python -m benchmarks.beside --synapse          # beside Synapse, which is installed into build/synapse
python -m benchmarks.beside --url URL --pid PID   # beside any other Matrix server that runs here
python -m benchmarks --engine sqlite --only whoami --workers 2
python -m benchmarks.hashing                   # logins with the real hash beside bare Argon2id
python -m benchmarks.phases                    # where the CPU of a request goes
```

- Ostiary runs without `--dev`, with its limits on but out of reach, so that counting for them is measured; Synapse as
  its `--generate-config` has it (it logs a line for each request, Ostiary does not), with limits out of reach and
  without presence. Both have the cheapest hash that they allow, except where the hash is what is measured.
- What was acknowledged is on the disk: SQLite with `synchronous=FULL`, PostgreSQL as it comes. Commits are shared by
  what waits at the same time, so a lone client pays more for its commit than these figures say.
- *whoami* asks with one token, *not cached* with another for each request; *devices* lists three; *refresh* goes on
  with the newest token of each of its sessions; *login* makes a new device, in turn for 32 accounts. *username
  available* is not compared, since Synapse answers it slowly on purpose.
- The load comes from one process on the same cores. Rates and latencies are with all connections busy; CPU hardly
  depends on what else the machine does, they do.
- *Bare* is argon2-cffi with OWASP's parameters in as many threads as there are cores and nothing else; logins are whole
  requests, by the same load. Nothing is taken off for what the load takes. The server makes its hashes in memory of
  its own, in huge pages where the system has them, which is why it can have more of them than bare ones.
- Memory is what is resident without what is mapped from files. A hash takes 19 MiB while it is made, and as many are
  made at once as there are cores; a second after the last one a process gives that back.
"""


def page(figures: dict[str, Any]) -> str:
    """The page, as Markdown."""
    around = figures["surroundings"]
    note = f"**{figures['note']}**\n\n" if figures["note"] else ""
    parts = [INTRODUCTION.format(version=VERSION, connections=figures["connections"], note=note, **around)]
    parts += [_table_of(run) for run in figures["runs"]]
    parts += [_rates(figures["runs"]), _targets(figures), _starts(figures["runs"]), _phases(figures["phases"]), METHOD]
    versions = ", ".join(f"{name} {version}" for name, version in around["versions"].items())
    return "\n".join([*parts, f"Versions: {versions}.\n"])


def _table_of(run: dict[str, Any]) -> str:
    rows = []
    for name, of in run["operations"].items():
        if OTHER in of:
            times = f"{of[OTHER]['cpu_us'] / of[OURS]['cpu_us']:.1f}"
            rows.append((name, _cpu(of[OURS]), _cpu(of[OTHER]), times))
    title = f"## CPU µs per request on {ENGINE_NAMES[run['engine']]}\n\n"
    return title + table(("operation", OURS, OTHER, "times"), rows)


def _rates(runs: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            name,
            ENGINE_NAMES[run["engine"]],
            _cpu(one),
            f"{one['per_second']:,.0f}",
            f"{one['p50_ms']:.1f}",
            f"{one['p99_ms']:.1f}",
        )
        for run in runs
        for name, of in run["operations"].items()
        for one in [of[OURS]]
    ]
    return "## One process of Ostiary\n\n" + table(
        ("operation", "engine", "CPU µs", "per second", "p50 ms", "p99 ms"), rows
    )


def _targets(figures: dict[str, Any]) -> str:
    rows = [
        (one["what"], one["found"], one["target"], "yes" if one["is_met"] else "**no**") for one in figures["verdicts"]
    ]
    return "## What is to be reached\n\n" + table(("what", "found", "to be", "reached"), rows)


def _starts(runs: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            name, ENGINE_NAMES[run["engine"]], f"{start['seconds']:.2f}", f"{start['cpu_seconds']:.2f}",
            f"{start['idle_mib']:.0f}", f"{run['after_mib'][name]:.0f}",
        )
        for run in runs
        for name, start in run["starts"].items()
    ]  # fmt: skip
    return "## Start and memory\n\n" + table(
        ("server", "engine", "s until it answers", "s of CPU", "MiB then", "MiB after all requests"), rows
    )


def _phases(phases: dict[str, Any]) -> str:
    parts = [PHASES_TOLD]
    for engine, of in phases.items():
        columns = (*PHASES, "sum", "measuring")
        rows = [(name, *(f"{spent[column]:.0f}" for column in columns)) for name, spent in of.items()]
        parts.append(f"### {ENGINE_NAMES[engine]}\n\n" + table(("operation", *columns), rows))
    return "\n".join(parts)


def _cpu(figures: dict[str, Any]) -> str:
    database = "" if figures["database_us"] is None else f" + {figures['database_us']:,.0f}"
    return f"{figures['cpu_us']:,.0f}{database}"


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Take all figures."""
    chosen, python = Chosen.of(options), interpreter(options.synapse_home)
    engines = options.engine or ENGINES
    runs: list[Run] = []
    reached: list[Verdict] = []
    for engine in engines:
        opening = partial(opening_ostiary, workers=chosen.workers)
        runs.append(beside(engine, [opening, partial(opening_synapse, python)], OTHER, chosen.compared()))
        alone = measured_run(engine, [opening], chosen.alone(), lambda _name, _figures: None)
        runs[-1].operations.update(alone.operations)
        reached += verdicts(runs[-1], OTHER)
    share = measure_share(chosen.rounds)
    print(share.told())
    rested = share.rested_mib
    reached += [
        Verdict("login, of bare Argon2id", f"{share.share:.1%}", f"at least {TARGET:.0%}", share.share >= TARGET),
        Verdict("idle process, after those", f"{rested:.0f} MiB", f"at most {IDLE_MIB} MiB", rested <= IDLE_MIB),
    ]
    print(*reached, sep="\n")
    phases = {engine: measure_phases(engine, OPERATIONS, options.work / 2) for engine in engines}
    return {
        "note": options.note,
        "connections": chosen.connections,
        "runs": [run.as_json() for run in runs],
        "share": share.as_json(),
        "verdicts": [vars(one) for one in reached],
        "phases": phases,
    }


def render(figures: dict[str, Any], target: Path) -> Iterator[tuple[Path, str]]:
    """What is written, and where to."""
    yield target, page(figures)
    yield target.with_suffix(".svg"), drawn(figures)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    add_options(parser)
    parser.add_argument("--render", action="store_true", help="write the page anew, without measuring")
    parser.add_argument("--note", default="", metavar="TEXT", help="what readers have to know of these figures")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"default: {PAGE}; the others stand beside it")
    parser.add_argument("--synapse-home", type=Path, default=HOME, help=f"where it is installed (default: {HOME})")
    options = parser.parse_args(arguments)
    source = options.page.with_suffix(".json")
    if not options.render:
        keep(source, {"surroundings": surroundings(), **measured(options)})
    for file, text in render(json.loads(source.read_text(encoding="utf-8")), options.page):
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
