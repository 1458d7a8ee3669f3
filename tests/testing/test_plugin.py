"""The plugin from outside: in a project of somebody else's, and as something that costs others nothing."""

import os
import subprocess
import sys
from pathlib import Path

import ostiary.testing


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_other_peoples_project_passes(sample: Path) -> None:
    options = ("-p", "ostiary.testing.plugin", "-p", "no:cacheprovider", "--strict-markers", "-W", "error")
    ended = run("-m", "pytest", "-q", *options, "check_greeter.py", folder=sample)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "5 passed" in ended.stdout


def test_fixtures_are_listed_with_what_they_are(sample: Path) -> None:
    ended = run("-m", "pytest", "--fixtures", "-p", "ostiary.testing.plugin", "check_greeter.py", folder=sample)
    for fixture in ("ostiary --", "ostiary_app --", "ostiary_config --"):
        assert fixture in ended.stdout


def test_loading_the_plugin_loads_nothing_of_the_server(tmp_path: Path) -> None:
    code = "\n".join(
        (
            "import pytest, sys",
            "before = set(sys.modules)",
            "import ostiary.testing.plugin",
            "print(*sorted(set(sys.modules) - before))",
        )
    )
    ended = run("-c", code, folder=tmp_path)
    loaded = ended.stdout.split()
    assert loaded == ["ostiary", "ostiary.testing", "ostiary.testing.plugin"], ended.stderr


def test_what_the_package_offers_is_there() -> None:
    for name in ostiary.testing.__all__:
        assert getattr(ostiary.testing, name)


def test_pytest_is_not_needed_without_its_plugin(tmp_path: Path) -> None:
    code = "\n".join(
        (
            "import sys",
            "sys.modules['pytest'] = None",
            "from ostiary.testing import serve",
            "with serve(socket=False) as server:",
            "    print(server.account('alice').client().whoami().user_id)",
        )
    )
    ended = run("-W", "error", "-c", code, folder=tmp_path)
    assert ended.stdout == "@alice:localhost\n", ended.stderr
