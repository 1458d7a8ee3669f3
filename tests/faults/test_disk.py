"""A disk that is full, once; ``python -m tests.faults disk`` fills it by the dozen."""

from pathlib import Path

import pytest

from tests.databases import ON_POSTGRES
from tests.faults.disk import full_rounds, small_disk
from tests.faults.report import Report

pytestmark = pytest.mark.skipif(ON_POSTGRES, reason="is about SQLite's file")


def test_full_disk_stops_writing_alone_and_loses_nothing(tmp_path: Path) -> None:
    report = Report("disk")
    try:
        with small_disk(tmp_path):
            full_rounds(tmp_path, rounds=1, seed=1, report=report)
    except PermissionError as error:
        pytest.skip(f"a small disk cannot be made here: {error}")
    assert not report.violations, str(report)
    assert report.refused.total() > 0, str(report)
