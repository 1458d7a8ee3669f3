"""A moment of what ``python -m tests.faults overload`` does for a minute, on a machine of which nothing is known."""

from pathlib import Path

from tests.faults.overload import NORMAL, overload
from tests.faults.report import Report


def test_each_login_is_served_or_told_when_to_come_back(tmp_path: Path) -> None:
    report = Report("overload")
    overload(tmp_path, factor=20, seconds=1, report=report, bounds=NORMAL.relaxed(10))
    assert not report.violations, str(report)
    assert report.acknowledged["login"] > 0, str(report)
    assert report.refused["login 429"] > report.acknowledged["login"], str(report)
