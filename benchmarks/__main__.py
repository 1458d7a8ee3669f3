"""Run the benchmarks: ``make bench``, or ``python -m benchmarks --engine sqlite --only whoami``.

Prints, for each operation on each engine, the CPU µs that the server's processes took per request, those of the
database's apart, requests per second and latencies: medians of rounds. Hashes are made cheap here, since the hash is
not what is measured; logins with the real one stand beside bare Argon2id on the same cores at the end (``hashing``).
Other servers are put beside by ``benchmarks.beside``; where a request's time goes is told by ``benchmarks.phases``.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.hashing import MOST_ROUNDS, measure_share
from benchmarks.kept import keep, surroundings
from benchmarks.measuring import Figures
from benchmarks.runs import Chosen, add_options, measured_run, opening_ostiary
from benchmarks.servers import ENGINES, OURS


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add_options(parser)
    parser.add_argument("--no-share", action="store_true", help="leave the real hash out")
    options = parser.parse_args(arguments)
    chosen = Chosen.of(options)
    runs = []
    for engine in options.engine or ENGINES:
        print(f"{engine:<20}{'CPU µs':>9}{'database':>10}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}")
        opening = partial(opening_ostiary, workers=chosen.workers)
        runs.append(measured_run(engine, [opening], chosen, show))
        print(f"{runs[-1].start_told(OURS)}\n")
    figures: dict[str, Any] = {"surroundings": surroundings(), "runs": [one.as_json() for one in runs]}
    if not (options.no_share or options.only):
        share = measure_share(min(chosen.rounds, MOST_ROUNDS))
        print(share.told())
        figures["share"] = share.as_json()
    keep(options.json, figures)
    return 0


def show(name: str, figures: dict[str, Figures]) -> None:
    one = figures[OURS]
    database = "" if one.database_us is None else f"{one.database_us:.1f}"
    print(
        f"{name:<20}{one.cpu_us:>9.1f}{database:>10}{one.per_second:>12.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
