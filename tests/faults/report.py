"""What came of a run, as it is printed and written into the documentation."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

TELL_EVERY = 20


@dataclass
class Report:
    """Counts. ``violations``: what must not be, each as a sentence."""

    title: str
    rounds: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    notes: dict[str, object] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def round_done(self) -> None:
        """Count one more round; whoever waits for many is told now and then."""
        self.rounds += 1
        if self.rounds % TELL_EVERY == 0:
            told = f"{self.title}: {self.rounds} rounds, {len(self.violations)} violations"
            sys.stderr.write(f"{told}, {time.monotonic() - self.began:.0f} s\n")

    def longest(self, what: str, seconds: float) -> None:
        """Keep the longest of something."""
        known = self.notes.get(what, 0.0)
        assert isinstance(known, float)
        self.notes[what] = max(known, round(seconds, 3))

    def violated(self, what: str) -> None:
        """Note what must not be."""
        self.violations.append(what)

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.rounds} rounds in {time.monotonic() - self.began:.0f} s"]
        for name, counts in (
            ("acknowledged", self.acknowledged),
            ("refused", self.refused),
            ("in doubt", self.doubtful),
            ("of these", self.settled),
            ("checks", self.checks),
        ):
            if counts:
                told = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
                lines.append(f"  {name:<14}{counts.total():>8}  ({told})")
        lines += [f"  {what}: {value}" for what, value in self.notes.items()]
        lines.append(f"  violations    {len(self.violations):>8}")
        lines += [f"    {violation}" for violation in self.violations[:20]]
        return "\n".join(lines)
