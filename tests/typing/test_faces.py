"""Both type checkers see through what makes methods of flows: every claim holds, every mistake is found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FACES = Path(__file__).parent / "faces.py"

pytestmark = pytest.mark.types

MISTAKES = [
    number
    for number, line in enumerate(FACES.read_text(encoding="utf-8").splitlines(), start=1)
    if re.search(r"# type: ignore\[", line)
]


def test_mypy(tmp_path: Path) -> None:
    """It tells an ignore without use, and so a mistake that it does not find."""
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--cache-dir", str(tmp_path), str(FACES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Success" in done.stdout, done.stdout


def test_pyright() -> None:
    """Told not to heed the ignores, it finds a mistake on each of their lines and on no other."""
    project = FACES.with_name("pyright.json")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    assert sorted({one["range"]["start"]["line"] + 1 for one in found}) == MISTAKES, done.stdout
