"""Every benchmark of the server runs to its end, with a few requests. Of figures it is asked that there are any."""

import json
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import main as measure
from benchmarks.beside import main as put_beside
from benchmarks.hashing import measure_share
from benchmarks.operations import NAMES, OPERATIONS
from benchmarks.phases import PHASES
from benchmarks.phases import main as tell_phases
from benchmarks.processes import Process, Processes
from benchmarks.report import PAGE, render
from benchmarks.runs import directory
from benchmarks.servers import ostiary

from tests.starting import clean_environment

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
        (process,) = server.processes.all()
        assert process in Processes((process.parent(),)).all()


def test_a_process_is_counted_alone_and_its_descendants_with_it() -> None:
    process, processes = Process(os.getpid()), Processes((os.getpid(),))
    alone, together = process.cpu_seconds(), processes.cpu_seconds()
    subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.2: pass"], check=True)
    assert process.cpu_seconds() - alone < 0.1
    assert processes.cpu_seconds() - together > 0.15  # of ended ones whole ticks are counted


def test_what_is_mapped_from_files_is_not_private(tmp_path: Path) -> None:
    process, file = Process(os.getpid()), tmp_path / "large"
    file.write_bytes(bytes(2**25))
    private, resident = process.private_mib(), process.resident_mib()
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE)) == 0
        assert process.resident_mib() - resident > 16
        assert process.private_mib() - private < 16


def test_of_a_process_that_has_ended_nothing_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with pytest.raises(ProcessLookupError):
        Process(ended.pid).cpu_seconds()
    assert Processes((ended.pid,)).cpu_seconds() == Processes((ended.pid,)).resident_mib() == 0


def test_what_is_measured_has_its_compiled_modules_beside_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("OSTIARY_SERVER_NAME", "elsewhere.example")
    kept = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "OSTIARY_SERVER_NAME"}
    assert not kept & clean_environment(compiled=None).keys()
    assert kept & clean_environment().keys() == {"PYTHONPYCACHEPREFIX"}


def test_page_is_what_its_figures_make_of_it() -> None:
    figures = json.loads((ROOT / PAGE).with_suffix(".json").read_text(encoding="utf-8"))
    for file, text in render(figures, ROOT / PAGE):
        assert file.read_text(encoding="utf-8") == text, f"python -m benchmarks.report --render writes {file.name}"
