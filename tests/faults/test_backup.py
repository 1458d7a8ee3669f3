"""A backup of a server that is written to, and what is there when it is restored."""

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.databases import ON_POSTGRES
from tests.faults.test_process import QUICK, register
from tests.process import ServerProcess, run_cli, serving

pytestmark = pytest.mark.skipif(ON_POSTGRES, reason="is about SQLite's file")


def test_backup_under_writes_has_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    acknowledged: list[tuple[str, str]] = []
    enough = threading.Event()
    with serving(tmp_path, "--dev", environment=QUICK) as server:
        writers = [
            threading.Thread(target=_register, args=(server, f"w{number}", acknowledged, enough)) for number in range(3)
        ]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 40:
            time.sleep(0.01)
        before = list(acknowledged)
        done = run_cli(tmp_path, "db", "backup", "copy.db")
        meanwhile = len(acknowledged) - len(before)
        enough.set()
        for writer in writers:
            writer.join(timeout=30)
        assert done.returncode == 0, done.stderr
        assert meanwhile, "the server did not write during the backup"

    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "copy.db", tmp_path / "restored" / "ostiary.db")
    with closing(sqlite3.connect(tmp_path / "restored" / "ostiary.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with serving(tmp_path / "restored", "--dev", environment=QUICK) as server:
        for name, token in before:
            status, answer = server.call("GET", "v3/account/whoami", token=token)
            assert (status, answer.get("user_id")) == (200, f"@{name}:localhost")
        register(server, "newcomer")


def _register(server: ServerProcess, prefix: str, made: list[tuple[str, str]], enough: threading.Event) -> None:
    number = 0
    while not enough.is_set():
        name = f"{prefix}-{number}"
        made.append((name, register(server, name)))
        number += 1
