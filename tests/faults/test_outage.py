"""One of each harm to PostgreSQL that ``python -m tests.faults database`` does by the dozen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import ON_POSTGRES
from tests.faults.outage import HARMS, outage_rounds
from tests.faults.postgres_server import PostgresServer, postgres_server
from tests.faults.report import Report
from tests.faults.scene import Scene

pytestmark = pytest.mark.skipif(not ON_POSTGRES, reason="is about PostgreSQL")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that is harmed by one test after the other."""
    with postgres_server() as server:
        yield server


@pytest.mark.parametrize("harm", HARMS)
def test_server_outlives_it_and_loses_nothing(tmp_path: Path, postgres: PostgresServer, harm: str) -> None:
    report = Report(harm)
    outage_rounds(Scene(tmp_path, postgres.url), postgres, harm=harm, rounds=1, seed=1, report=report)
    assert not report.violations, str(report)
    assert report.acknowledged.total() > 20, str(report)
