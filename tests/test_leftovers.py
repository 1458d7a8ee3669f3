"""Nothing of a run is left that was killed."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.databases import ON_POSTGRES
from tests.starting import PIPE, start

STARTS_A_SERVER = """
from tests.databases import server_url

print(server_url(), flush=True)
input()
"""


@pytest.mark.skipif(not ON_POSTGRES, reason="this run is not for PostgreSQL")
def test_server_of_a_run_that_was_killed_ends_and_its_folder_goes() -> None:
    with start(program=STARTS_A_SERVER, stdin=PIPE, stdout=PIPE, anew=True) as run:
        assert run.stdout is not None
        folder = Path(parse_qs(urlsplit(run.stdout.readline().strip()).query)["host"][0])
        server = Path("/proc") / (folder / "postmaster.pid").read_text(encoding="ascii").split()[0]
        assert str(folder) in (server / "cmdline").read_text(encoding="utf-8")
        run.kill()
        run.wait(timeout=10)
    end = time.monotonic() + 20
    while folder.exists() or (server.exists() and (server / "cmdline").read_bytes()):
        assert time.monotonic() < end
        time.sleep(0.02)
