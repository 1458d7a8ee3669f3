"""The guide's examples, run as they stand: all of its Python, as one file of tests in a project of somebody else's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ostiary.testing.settings import Options

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "testing.md"
FOREIGN = "ignore::DeprecationWarning"
"""What nio and what it imports bring along."""


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "test_examples.py").write_text("\n\n".join(blocks), encoding="utf-8")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "ostiary.testing.plugin", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "-o", "asyncio_mode=auto", "-W", "error", "-W", FOREIGN],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "skipped" not in ended.stdout


def test_every_option_is_told() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [name for name in Options.__annotations__ if f"`{name}`" not in guide] == []
