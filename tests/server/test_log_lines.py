"""Whatever ends up in the log is one line of it, and nothing that a terminal obeys."""

import json
import logging

import pytest

from ostiary.config import LoggingConfig
from ostiary.server.logs import Log
from tests.logged import logging_as

HOSTILE = "x\n2030-01-01T00:00:00.000Z info    admin logged in\r\x1b[2J\x9b31m\u2028\u2029\u202e\x85"


@pytest.mark.parametrize("form", ["console", "json"])
def test_values_make_no_lines_and_no_escapes(form: str) -> None:
    with logging_as(LoggingConfig(level="debug", format=form)) as logged:
        log = Log(logging.getLogger("ostiary.server"))
        log.info("refused", path=HOSTILE)
        logging.getLogger("uvicorn.error").warning("Invalid request: %s", HOSTILE)
        text = logged.text
    assert text.count("\n") == 2
    assert len(text.splitlines()) == 2
    assert all(line.isprintable() for line in text.splitlines())
    assert text.count("admin logged in") == 2
    if form == "json":
        assert json.loads(text.splitlines()[0])["path"] == HOSTILE


@pytest.mark.parametrize("form", ["console", "json"])
def test_traceback_looks_like_no_event(form: str) -> None:
    with logging_as(LoggingConfig(level="debug", format=form)) as logged:
        Log(logging.getLogger("ostiary.server")).error("failed", cause=ValueError(HOSTILE))
        first, *more = logged.text.splitlines()
    assert "failed" in first
    assert all(line.startswith("  ") and line.isprintable() for line in more)
    assert bool(more) is (form == "console")
