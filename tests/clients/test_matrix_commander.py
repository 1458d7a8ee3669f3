"""matrix-commander, as it comes from the package index, as a person would call it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.process import ServerProcess, serving
from tests.starting import clean_environment
from tests.world import PASSWORD

pytestmark = pytest.mark.skipif(find_spec("matrix_commander") is None, reason="matrix-commander is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("commander"), "--dev") as process:
        body = {"username": "ann", "password": PASSWORD, "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
        assert process.call("POST", "v3/register", body)[0] == 200
        yield process


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def commander(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import sys, matrix_commander as m; sys.exit(m.main())",
         "--credentials", str(home / "credentials.json"), "--store", str(home / "store"), *arguments],
        env={**clean_environment(), "HOME": str(home)},
        input="", capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def test_logs_in_looks_around_and_logs_out(server: ServerProcess, home: Path) -> None:
    login = commander(
        home, "--login", "password", "--homeserver", server.address, "--user-login", "@ann:localhost",
        "--password", PASSWORD, "--device", "commander", "--room-default", "!none:localhost",
    )  # fmt: skip
    credentials = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
    assert credentials["user_id"] == "@ann:localhost", login.stderr
    whoami = commander(home, "--whoami")
    assert "@ann:localhost" in whoami.stdout, whoami.stderr
    devices = commander(home, "--get-devices")
    assert credentials["device_id"] in devices.stdout, devices.stderr
    commander(home, "--set-display-name", "Ann")
    named = commander(home, "--get-display-name")
    assert "Ann" in named.stdout, named.stderr
    commander(home, "--logout", "me")
    status, answer = server.call("GET", "v3/account/whoami", token=credentials["access_token"])
    assert (status, answer["errcode"]) == (401, "M_UNKNOWN_TOKEN")
