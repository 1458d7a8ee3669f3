"""Fixtures that most tests use."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from ostiary.config import Config
from tests.answered import SEEN, never_declared, never_seen
from tests.schemas import take_back
from tests.world import Account, World, open_config, open_world

settings.register_profile("suite", max_examples=50, deadline=None)
settings.load_profile("suite")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own, as are the databases that it opens for it."""
    yield tmp_path
    take_back(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A server open to all."""
    return open_config(tmp_path)


@pytest.fixture
async def world(config: Config) -> AsyncIterator[World]:
    """A server on that configuration."""
    async with open_world(config) as opened:
        yield opened


@pytest.fixture
async def alice(world: World) -> Account:
    """An account with a session that can refresh."""
    return await world.register("alice")


# --- Whether the errors that are answered are those that are declared

AMISS: Final = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over what a worker of xdist has seen."""
    SEEN.update(tuple(one) for one in getattr(node, "workeroutput", {}).get("answered", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what was seen; or, where all is gathered and the whole suite has passed, fail for what is amiss."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["answered"] = [list(one) for one in sorted(SEEN)]
    elif exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        session.config.stash[AMISS] = amiss = never_seen(SEEN) + never_declared(SEEN)
        if amiss:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the contract and the answers of the tests do not have in common."""
    if amiss := terminalreporter.config.stash.get(AMISS, []):
        terminalreporter.section("errors, declared and answered (tests/answered.py)")
        for line in amiss:
            terminalreporter.line(line)


def _is_whole(config: pytest.Config) -> bool:
    """Whether nothing was left out: no path, no option that picks."""
    option = config.option
    picks = option.keyword or option.markexpr or option.deselect or option.ignore or option.ignore_glob
    return config.args_source is config.ArgsSource.TESTPATHS and not picks and not option.collectonly
