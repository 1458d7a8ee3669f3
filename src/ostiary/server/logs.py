"""The server's log: an event and its fields, as a line for people on a terminal, as JSON elsewhere.

The standard library's logging underneath, so that uvicorn's messages go the same way. Nothing logs a request's body,
headers or query; a ``Secret`` among the fields shows itself as ``***``. A line that is written while a request is being
handled, whoever writes it, has the request's ID.
"""

import json
import logging
import sys
import time
from typing import Any, Final

from ostiary.api.visible import visible
from ostiary.config import LoggingConfig
from ostiary.server.request_ids import current_request_id

LEVELS: Final = {
    "debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR,
}  # fmt: skip

_FIELDS: Final = "ostiary_fields"


class Log:
    """Takes events. Fields are names and numbers about what happened, never what a client sent."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: Any) -> None:
        """Of interest while looking for a fault."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What happened."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody should look at, some day."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, *, cause: BaseException | None = None, **fields: Any) -> None:
        """What somebody should look at, now. ``cause``: its traceback goes along."""
        self._write(logging.ERROR, event, fields, cause)

    def _write(self, level: int, event: str, fields: dict[str, Any], cause: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event, extra={_FIELDS: fields}, exc_info=cause)


class _JsonLines(logging.Formatter):
    """An object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": _instant(record), "level": record.levelname.lower(), "event": record.getMessage()}
        line |= _fields_of(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _PlainLines(logging.Formatter):
    """A line for people: when, how grave, what, and its fields. Nothing in them ends it: what others say is no line.

    A traceback has lines of its own, set in, so that none of them is taken for an event.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields_of(record).items())
        line = visible(f"{_instant(record)} {record.levelname.lower():<7} {record.getMessage()}{fields}")
        if not record.exc_info:
            return line
        traceback = self.formatException(record.exc_info).split("\n")
        return "\n".join((line, *(f"  {visible(part)}" for part in traceback)))


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, _FIELDS, {})
    request_id = current_request_id()
    return fields if request_id is None else {**fields, "request_id": request_id}


def _instant(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03}Z"


def set_up(config: LoggingConfig) -> Log:
    """Set the log up for the whole process, and give the server's."""
    as_json = config.format == "json" or (config.format == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if as_json else _PlainLines())
    level = LEVELS[config.level]
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logger = logging.getLogger("ostiary.server")
    logger.setLevel(level)
    return Log(logger)
