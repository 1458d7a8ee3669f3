"""The client's benchmark runs. What its figures are is not looked at here: a machine that is busy would fail it."""

import pytest
from benchmarks.client import main


def test_both_faces_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rounds", "1", "--calls", "5"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["whoami", "synchronous", "asynchronous"]
    assert all(float(figure) > 0 for row in rows[1:] for figure in row[1:3])
