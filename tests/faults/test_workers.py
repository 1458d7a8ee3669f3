"""Several processes on one address and one database: what one has acknowledged, every other knows."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import fresh_url
from tests.process import ServerProcess, run_cli, serving
from tests.world import PASSWORD

WORKERS = 3
ENOUGH = 40
"""Connections, so that each worker gets some."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path, "--dev", "--workers", str(WORKERS), "--database", fresh_url(tmp_path)) as process:
        until(lambda: len(children(process)) == WORKERS)
        yield process


def register(server: ServerProcess, name: str) -> dict[str, Any]:
    body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    status, session = server.call("POST", "v3/register", body)
    assert status == 200, session
    return dict(session)


def everywhere(server: ServerProcess, token: str) -> set[int]:
    """What all workers answer to a token."""
    return {server.call("GET", "v3/account/whoami", token=token)[0] for _ in range(ENOUGH)}


def children(server: ServerProcess) -> list[int]:
    found = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in found.split()]


def until(what: Any) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_token_is_dead_everywhere_once_the_logout_is_acknowledged(server: ServerProcess) -> None:
    for number in range(5):
        token = register(server, f"user{number}")["access_token"]
        assert everywhere(server, token) == {200}
        assert server.call("POST", "v3/logout", {}, token=token)[0] == 200
        assert everywhere(server, token) == {401}


def test_dialogue_goes_on_in_whichever_process(server: ServerProcess) -> None:
    body = {"username": "alice", "password": PASSWORD}
    for _ in range(10):
        status, asked = server.call("POST", "v3/register", body)
        assert status == 401
    auth = {"type": "m.login.dummy", "session": asked["session"]}
    assert server.call("POST", "v3/register", {**body, "auth": auth})[0] == 200


def test_worker_that_dies_is_replaced(server: ServerProcess) -> None:
    token = register(server, "alice")["access_token"]
    before = children(server)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(children(server)) == WORKERS and before[0] not in children(server))
    assert everywhere(server, token) == {200}
    assert any(line["event"] == "worker ended" for line in server.log)


def test_all_stop_together(server: ServerProcess) -> None:
    workers = children(server)
    register(server, "alice")
    assert server.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_what_cannot_work_is_told_once(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "serve", "--workers", "2", "--database", "sqlite:////nonexistent/folder/x.db")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be opened" in done.stderr
