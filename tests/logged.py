"""What the server would log, as JSON, read by a test."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ostiary.config import LoggingConfig
from ostiary.server.logs import set_up


class Logged:
    """What has been logged. ``text``: all of it."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream
        self._read = 0

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        """The lines since the last look."""
        new = self.text[self._read :]
        self._read = len(self.text)
        return [json.loads(line) for line in new.splitlines()]


@contextmanager
def logging_as(config: LoggingConfig) -> Iterator[Logged]:
    """The log as this configuration has it, for the whole process, until the context ends."""
    root, server = logging.getLogger(), logging.getLogger("ostiary.server")
    level, server_level, others = root.level, server.level, root.handlers[:]
    root.handlers = []  # setting up would close the test runner's
    stream = io.StringIO()
    set_up(config)
    (ours,) = root.handlers
    assert isinstance(ours, logging.StreamHandler)
    ours.setStream(stream)
    root.handlers += others
    try:
        yield Logged(stream)
    finally:
        root.removeHandler(ours)
        root.setLevel(level)
        server.setLevel(server_level)
