"""Every benchmark of the server runs to its end, with a few requests. Of figures it is asked that there are any."""

import json
from pathlib import Path

import pytest
from benchmarks.__main__ import main as measure
from benchmarks.beside import main as put_beside
from benchmarks.hashing import measure_share
from benchmarks.operations import NAMES, OPERATIONS
from benchmarks.phases import PHASES
from benchmarks.phases import main as tell_phases
from benchmarks.processes import Processes
from benchmarks.report import PAGE, render
from benchmarks.runs import directory
from benchmarks.servers import ostiary

FEW = ["--engine", "sqlite", "--work", "0.003", "--rounds", "1", "--starts", "0", "--connections", "4"]
ROOT = Path(__file__).parents[2]


def test_every_operation_is_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert measure([*FEW, "--no-share", "--json", str(tmp_path / "figures.json")]) == 0
    shown = capsys.readouterr().out
    (run,) = json.loads((tmp_path / "figures.json").read_text())["runs"]
    assert tuple(run["operations"]) == NAMES
    for name, of in run["operations"].items():
        assert name in shown
        figures = of["Ostiary"]
        assert figures.pop("database_us") is None
        assert all(value > 0 for value in figures.values()), (name, figures)
    assert run["starts"]["Ostiary"]["idle_mib"] > 1


def test_any_server_can_be_put_beside(capsys: pytest.CaptureFixture[str]) -> None:
    with directory() as path, ostiary(path) as other:
        (pid,) = other.processes.pids
        put_beside([*FEW, "--url", other.address, "--pid", str(pid), "--name", "Other"])
    shown = capsys.readouterr().out
    for operation in OPERATIONS:
        assert (operation.name in shown) is operation.is_compared
    assert "whoami, sqlite" in shown  # and what is to be reached


def test_steps_of_every_operation_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert tell_phases([*FEW, "--json", str(tmp_path / "phases.json")]) == 0
    found = json.loads((tmp_path / "phases.json").read_text())["phases"]["sqlite"]
    assert tuple(found) == NAMES
    assert all(spent["sum"] > 0 and set(PHASES) < set(spent) for spent in found.values())
    assert any(spent["handle"] > 0 for spent in found.values())


def test_logins_are_put_beside_bare_hashes() -> None:
    share = measure_share(1, 0.05)
    assert share.share > 0
    assert share.login_ms > 1
    assert share.bare_ms > 1


def test_processes_have_their_descendants() -> None:
    with directory() as path, ostiary(path) as server:
        before = server.processes.cpu_seconds()
        assert before > 0
        assert server.processes.resident_mib() > 1
        assert set(server.processes.pids) <= set(Processes((_parent_of(server.processes.pids[0]),)).all())


def test_page_is_what_its_figures_make_of_it() -> None:
    figures = json.loads((ROOT / PAGE).with_suffix(".json").read_text(encoding="utf-8"))
    for file, text in render(figures, ROOT / PAGE):
        assert file.read_text(encoding="utf-8") == text, f"python -m benchmarks.report --render writes {file.name}"


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
