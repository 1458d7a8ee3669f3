"""Draws figures as bars: ``python -m benchmarks.plot docs/performance.json docs/performance.svg``.

An SVG by hand: CPU per request on a logarithmic scale, a pair of bars for each operation and engine. It takes its
colors from whether the reader's page is light or dark.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.servers import OURS
from benchmarks.tables import ENGINE_NAMES

LEFT, WIDTH, BAR, GAP, HEAD = 190, 620, 11, 14, 46
"""Of the drawing, in pixels: room for names, for bars, of a bar, between operations, above."""

DECADES = (10, 100, 1_000, 10_000)

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.faint { fill: #57606a } line { stroke: #d0d7de } .ours { fill: #0969da } .theirs { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } line { stroke: #30363d }
.ours { fill: #4493f8 } .theirs { fill: #656c76 }
}
"""


def drawn(figures: dict[str, Any]) -> str:
    """The drawing of a report's runs."""
    parts: list[str] = []
    top = HEAD
    for run in figures["runs"]:
        parts.append(_text(0, top, ENGINE_NAMES[run["engine"]], anchor="start"))
        top += GAP
        for name, servers in run["operations"].items():
            parts += _pair(top, name, servers)
            top += BAR * len(servers) + GAP
        top += GAP
    grid = [
        f'<line x1="{_x(value):.1f}" x2="{_x(value):.1f}" y1="{HEAD - 12}" y2="{top - GAP}"/>'
        + _text(_x(value), HEAD - 18, f"{value:,} µs", "faint", "middle")
        for value in DECADES
    ]
    title = _text(
        0,
        14,
        "CPU per request of the server's processes, without the hash; logarithmic; shorter is better",
        anchor="start",
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {top}" role="img">'
        f"<title>CPU per request</title><style>{STYLE}</style>{title}{''.join(grid)}{''.join(parts)}</svg>\n"
    )


def _pair(top: int, name: str, servers: dict[str, dict[str, float]]) -> Iterator[str]:
    yield _text(LEFT - 8, top + BAR + 3, name, anchor="end")
    for number, (server, figures) in enumerate(servers.items()):
        cpu, y = figures["cpu_us"], top + number * BAR
        kind = "ours" if server == OURS else "theirs"
        yield f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{_x(cpu) - LEFT:.1f}" height="{BAR - 1}"/>'
        yield _text(_x(cpu) + 4, y + BAR - 2, f"{cpu:,.0f} {server}", "faint", "start")


def _x(value: float) -> float:
    share = math.log10(max(value, DECADES[0]) / DECADES[0]) / math.log10(DECADES[-1] / DECADES[0])
    return LEFT + 2 + share * (WIDTH - 60)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def main(arguments: Sequence[str] | None = None) -> int:
    source, target = sys.argv[1:] if arguments is None else arguments
    Path(target).write_text(drawn(json.loads(Path(source).read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
