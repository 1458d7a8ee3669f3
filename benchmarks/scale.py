"""Write the tables of ``docs/scale.md`` from the figures that were kept: ``python -m benchmarks.scale``.

The figures are files in ``benchmarks/figures`` that ``benchmarks.growth`` and ``benchmarks.cleanup`` have written. In
the page each table stands between two comments that name it; the text around them is written by hand. ``--check`` says
whether the page is as it ought to be.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.assumed import LAST_SEEN, Load, sizes_of
from benchmarks.growth import ratio_of
from benchmarks.tables import table

FIGURES: Final = Path(__file__).parent / "figures"
PAGE: Final = Path(__file__).parent.parent / "docs" / "scale.md"
_BLOCK: Final = re.compile(r"(<!-- table: ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def figures(name: str) -> Any:
    """What was kept under a name."""
    return json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))


def size(number: float) -> str:
    """Bytes, for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def operations(engine: str) -> str:
    """CPU per request on both databases."""
    small, large = figures(engine)["databases"]
    has_own = next(iter(small["operations"].values()))["database_us"] is not None
    head = ["operation", f"{small['accounts']:,} accounts", f"{large['accounts']:,}", "ratio"]
    head += ["PostgreSQL's own", f"{large['accounts']:,}", "ratio"] if has_own else []
    rows = []
    for name, few in small["operations"].items():
        many = large["operations"][name]
        row = [name, f"{few['server_us']:.0f} µs", f"{many['server_us']:.0f} µs", f"{ratio_of(few, many):.2f}"]
        if has_own:
            own = ratio_of(few, many, "database_rounds_us")
            row += [f"{few['database_us']:.0f} µs", f"{many['database_us']:.0f} µs", f"{own:.2f}"]
        rows.append(row)
    return table(head, rows)


def disk(engine: str) -> str:
    """What was read and written per request, and how long answers took."""
    small, large = figures(engine)["databases"]
    head = ["operation", "read, small", "read, large", "written, small", "written, large", "99 % within, large"]
    rows = []
    for name, few in small["operations"].items():
        many = large["operations"][name]
        kib = (few["read_kib"], many["read_kib"], few["written_kib"], many["written_kib"])
        rows.append([name, *(f"{one:.1f} KiB" for one in kib), f"{many['p99_ms']:.0f} ms"])
    return table(head, rows)


def memory(engine: str) -> str:
    """Of the server's process."""
    return table(
        ["accounts", "started, MiB", "after all that, MiB"],
        [
            [f"{one['accounts']:,}", *(f"{mib:.0f}" for mib in one["memory_mib"].values())]
            for one in figures(engine)["databases"]
        ],
    )


def sizes(engine: str) -> str:
    """Of each table of the large database, and of as many accounts as are reckoned with."""
    large, load = figures(engine)["databases"][-1], Load()
    times = load.accounts / large["accounts"]
    rows = [
        [
            one.table, f"{one.rows:,}", f"{one.row_bytes:.0f}", f"{one.index_bytes:.0f}",
            size(one.rows * (one.row_bytes + one.index_bytes)),
            size(one.rows * (one.row_bytes + one.index_bytes) * times), size(one.rows * one.index_bytes * times),
        ]
        for one in sizes_of(large)
    ]  # fmt: skip
    indexes = sum(one.rows * one.index_bytes for one in sizes_of(large))
    total = ["all", "", "", "", size(large["bytes"]), size(large["bytes"] * times), size(indexes * times)]
    head = [
        "table", "rows", "bytes a row", "its indexes", f"{large['accounts']:,} accounts", f"{load.accounts:,}",
        "indexes alone",
    ]  # fmt: skip
    return table(head, [*rows, total])


def load_per_second(engine: str) -> str:
    """Requests at the peak, and the cores and the journal that they take."""
    large, load = figures(engine)["databases"][-1], Load()
    rows, totals = [], [0.0, 0.0, 0.0, 0.0]
    for name, mean in load.rates().items():
        measured, rate = large["operations"][name], mean * load.peak
        hashing_us = load.hash_ms * 1000 if "hash" in name else 0.0
        server = rate * (measured["server_us"] + hashing_us) / 1e6
        own = rate * (measured["database_us"] or 0.0) / 1e6
        journal = rate * measured["written_kib"] * 1024 if measured["written_kib"] else 0.0
        is_request = name != LAST_SEEN
        for place, one in enumerate((rate if is_request else 0.0, server, own, journal)):
            totals[place] += one
        label = name if is_request else "(devices seen)"
        rows.append([label, f"{rate:,.0f}", f"{server:.1f}", f"{own:.1f}", f"{size(journal)}/s"])
    rate, server, own, journal = totals
    rows.append(["all", f"{rate:,.0f}", f"{server:.1f}", f"{own:.1f}", f"{size(journal)}/s"])
    return table(["at the peak", "requests/s", "cores, servers", "cores, PostgreSQL", "journal"], rows)


def cleanup(name: str) -> str:
    """How long requests waited while a server cleaned up, and afterwards."""
    found = figures(name)
    rows = []
    for kind in ("whoami", "login", "refresh"):
        beside, after = found["beside"][kind], found["afterwards"][kind]
        rows.append(
            [kind, *(f"{one[key]:.0f} ms" for one in (beside, after) for key in ("p50_ms", "p99_ms", "longest_ms"))]
        )
    deleted = found["forgettable"] - found["left"]
    told = (
        f"{deleted:,} of {found['forgettable']:,} rows deleted in {found['took_s']:.0f} s;"
        f" {found['beside']['failed']} requests failed beside it.\n\n"
    )
    return told + table(["", "median, beside", "99 %", "longest", "median, afterwards", "99 %", "longest"], rows)


def lookups(name: str) -> str:
    """What a look-up of a token costs SQLite, for tokens asked for the first time, and again."""
    keys = ("cpu_us", "system_us", "pages", "read_kib")
    rows = []
    for one in figures(name):
        for when in ("first", "again"):
            cpu, system, pages, kib = (one[when][key] for key in keys)
            row = [f"{one['accounts']:,}", f"`{one['setting']}`", when]
            rows.append([*row, f"{cpu:.0f} µs", f"{system:.0f} µs", f"{pages:.1f}", f"{kib:.1f} KiB"])
    return table(["accounts", "setting", "", "CPU", "of it the system's", "pages asked for", "from the disk"], rows)


TABLES: Final[dict[str, Callable[[str], str]]] = {
    "operations": operations,
    "disk": disk,
    "memory": memory,
    "sizes": sizes,
    "load": load_per_second,
    "cleanup": cleanup,
    "lookups": lookups,
}


def written(page: str) -> str:
    """The page with its tables as the figures have them. Each is named by what it shows and the file of its figures."""

    def fill(match: re.Match[str]) -> str:
        what, _, of = match[2].partition(" of ")
        return f"{match[1]}\n{TABLES[what](of)}\n{match[3]}"

    return _BLOCK.sub(fill, page)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    chosen = parser.parse_args(arguments)
    before = PAGE.read_text(encoding="utf-8")
    after = written(before)
    if not chosen.check:
        PAGE.write_text(after, encoding="utf-8")
    return 1 if chosen.check and after != before else 0


if __name__ == "__main__":
    sys.exit(main())
