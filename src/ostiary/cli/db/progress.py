"""How far something is: a bar on a terminal, lines where there is none, on standard error; nothing where unwanted."""

import sys
from typing import Any

PAUSE_S = 5
"""Between two lines about the same thing."""


class Silent:
    """Says nothing but what people should know."""

    def begin(self, what: str, total: int, done: int) -> None:
        """Something begins."""

    def advance(self, rows: int) -> None:
        """So much more is done."""

    def end(self) -> None:
        """What has begun is done."""

    def note(self, text: str) -> None:
        """A line, in any case."""
        sys.stderr.write(f"ostiary: {text}\n")

    def close(self) -> None:
        """Nothing more comes."""


class Lines(Silent):
    """A line for each thing that is done, and one every few seconds while it is not."""

    def __init__(self) -> None:
        from time import monotonic

        self._now = monotonic
        self._what, self._total, self._done, self._told_at = "", 0, 0, 0.0

    def begin(self, what: str, total: int, done: int) -> None:
        self._what, self._total, self._done, self._told_at = what, total, done, self._now()

    def advance(self, rows: int) -> None:
        self._done += rows
        if self._now() - self._told_at >= PAUSE_S:
            self._told_at = self._now()
            self._say(f"{self._what}: {self._done} of {self._total}")

    def end(self) -> None:
        self._say(f"{self._what}: {self._done}")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


class Bar(Silent):
    """A bar for what is under way, with how many a second, and how long it will take; a line for what is done."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._progress = Progress(
            TextColumn("{task.description:<32}", markup=False), BarColumn(), TaskProgressColumn(show_speed=True),
            MofNCompleteColumn(), Remaining(), console=Console(stderr=True),
        )  # fmt: skip
        self._progress.start()
        self._task: Any = None

    def begin(self, what: str, total: int, done: int) -> None:
        self._task = self._progress.add_task(what, total=total, completed=done)

    def advance(self, rows: int) -> None:
        self._progress.advance(self._task, rows)

    def end(self) -> None:
        task = self._progress.tasks[-1]
        self._progress.remove_task(self._task)
        self.note(f"{task.description}: {task.completed:.0f}")

    def note(self, text: str) -> None:
        from rich.text import Text

        self._progress.console.print(Text(text))

    def close(self) -> None:
        self._progress.stop()


def progress(*, quiet: bool) -> Silent:
    """What fits where standard error leads to."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()
