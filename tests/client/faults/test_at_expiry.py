"""A thousand calls at the moment when the token expires make one refresh: of threads, of tasks, of processes."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.api.secret import Secret
from ostiary.client import AsyncClient, Client, FileStore, MemoryStore, SessionRecord, SessionStore
from tests.client.listening import TokenListener
from tests.client.scripted import BASE
from tests.client.test_sessions import TokenServer
from tests.starting import PIPE, start

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"))
MANY = 1000
HOUR_MS = 3_600_000


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "s.json")


@pytest.fixture(params=["told", "foreseen"])
def server(request: pytest.FixtureRequest) -> TokenServer:
    """Says itself that the token is dead, or has said before when it will be."""
    server = TokenServer(lifetime_ms=HOUR_MS)
    if request.param == "told":
        server.expire()
    return server


def expired(server: TokenServer, store: SessionStore) -> SessionRecord:
    record = replace(RECORD, expires_at=server.script.clock.now())
    store.save(record)
    return record


def test_threads(server: TokenServer, store: SessionStore) -> None:
    session = Client(BASE, world=server.script.world(store)).restore(expired(server, store))
    start = threading.Barrier(MANY)
    answers: list[str] = []

    def call() -> None:
        start.wait()
        answers.append(session.whoami().user_id)

    threads = [threading.Thread(target=call) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == MANY
    assert server.refreshes == 1
    assert store.list() == [session.record]


async def test_tasks(server: TokenServer, store: SessionStore) -> None:
    session = AsyncClient(BASE, world=server.script.async_world(store)).restore(expired(server, store))
    answers = await asyncio.gather(*(session.whoami() for _ in range(MANY)))
    assert len(answers) == MANY
    assert server.refreshes == 1
    assert store.list() == [session.record]


async def test_tasks_half_of_which_give_up(server: TokenServer, store: SessionStore) -> None:
    session = AsyncClient(BASE, world=server.script.async_world(store)).restore(expired(server, store))
    tasks = [asyncio.create_task(session.whoami()) for _ in range(MANY)]
    for turn, task in enumerate(tasks):
        if turn % 2:
            task.cancel()
        if turn % 100 == 0:
            await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(answer).__name__ for answer in answers} == {"WhoAmIResponse", "CancelledError"}
    assert server.refreshes == 1
    assert store.list() == [session.record]


PROGRAM = """
import asyncio, sys, threading
from ostiary.client import AsyncClient, Client, FileStore, RetryPolicy
url, file, kind = sys.argv[1:]
patient = RetryPolicy(attempts=8)

def threads():
    with Client(url, store=FileStore(file), retries=patient) as client:
        session = client.resume()
        ready()
        made = [threading.Thread(target=lambda: answers.append(session.whoami())) for _ in range(250)]
        for one in made: one.start()
        for one in made: one.join()

async def tasks():
    async with AsyncClient(url, store=FileStore(file), retries=patient) as client:
        session = await client.resume()
        ready()
        answers.extend(await asyncio.gather(*(session.whoami() for _ in range(250))))

def ready():
    print("ready", flush=True)
    sys.stdin.readline()

answers = []
threads() if kind == "threads" else asyncio.run(tasks())
assert len(answers) == 250, len(answers)
"""


def test_four_processes_that_share_a_file(tmp_path: Path) -> None:
    with TokenListener(lifetime_ms=HOUR_MS) as server:
        server.made = server.used = 1  # the pair that is stored is dead but for its refresh token
        file = tmp_path / "s.json"
        stored = replace(
            RECORD, homeserver=server.url, access_token=Secret("access-0"), refresh_token=Secret("refresh-1")
        )
        FileStore(file).save(replace(stored, expires_at=1))
        processes = [
            start(server.url, str(file), kind, program=PROGRAM, stdin=PIPE, stdout=PIPE)
            for kind in ("threads", "tasks", "threads", "tasks")
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            with process:
                assert process.wait(timeout=60) == 0
        assert (server.refreshes, server.made, server.calls) == (1, 2, 1000)
    assert [record.refresh_token for record in FileStore(file).list()] == [Secret("refresh-2")]
    assert [found.name for found in tmp_path.iterdir()] == ["s.json"]
