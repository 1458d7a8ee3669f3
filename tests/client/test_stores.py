"""Where sessions are kept."""

import json
import stat
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret
from ostiary.client import FileStore, MemoryStore, SessionRecord, SessionStore, StoreUnreadable
from tests.starting import start

RECORD = SessionRecord("https://a.b", "@a:b", "D", Secret("access"), Secret("refresh"), 5)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "deep" / "sessions.json")


def test_saved_session_is_loaded_and_removed(store: FileStore) -> None:
    assert store.load(RECORD) is None
    store.save(RECORD)
    assert store.load(RECORD) == RECORD
    store.remove(RECORD)
    assert store.load(RECORD) is None
    store.remove(RECORD)


def test_session_that_is_saved_again_stays_where_it_is(store: FileStore) -> None:
    other, newer = replace(RECORD, user_id="@c:b"), replace(RECORD, access_token=Secret("newer"))
    for record in (RECORD, other, newer):
        store.save(record)
    assert store.list() == [newer, other]


def test_file_and_directory_are_for_their_owner_alone(store: FileStore) -> None:
    with store.lock(RECORD):
        store.save(RECORD)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in store.path.parent.iterdir()}
    assert len(modes) == 2
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_locks_leave_no_files(store: FileStore) -> None:
    for number in range(5):
        with store.lock(replace(RECORD, device_id=f"D{number}")):
            store.save(RECORD)
    assert [file.name for file in store.path.parent.iterdir()] == ["sessions.json"]


def test_failed_write_leaves_the_old_file_and_no_litter(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(RECORD)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        store.save(replace(RECORD, access_token=Secret("newer")))
    monkeypatch.undo()
    assert store.load(RECORD) == RECORD
    assert [file.name for file in store.path.parent.iterdir()] == ["sessions.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"sessions": 3}', '{"sessions": [{}]}', '{"sessions": [{"user_id": 1}]}']
)
def test_file_of_another_form_is_told_and_left_alone(store: FileStore, text: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreUnreadable, match=r"sessions\.json"):
        store.save(RECORD)
    assert store.path.read_text(encoding="utf-8") == text


@pytest.fixture(params=["file", "memory"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SessionStore]:
    """Opens one store, whichever it is, once or more often."""
    memory = MemoryStore()
    return (lambda: memory) if request.param == "memory" else (lambda: FileStore(tmp_path / "sessions.json"))


def test_lock_is_held_by_one_at_a_time(either: Callable[[], SessionStore]) -> None:
    order: list[str] = []

    def other() -> None:
        with either().lock(RECORD):
            order.append("other")

    with either().lock(RECORD):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "other"]


def test_lock_of_one_session_lets_others_be(either: Callable[[], SessionStore]) -> None:
    with either().lock(RECORD):
        thread = threading.Thread(target=either().lock(replace(RECORD, user_id="@c:b")).__enter__)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_lock_excludes_whoever_waits_for_it(either: Callable[[], SessionStore]) -> None:
    """The file of a lock goes when the lock does; whoever waited for it must not believe to hold the next one's."""
    inside, most, rounds = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, rounds
        for _ in range(30):
            with either().lock(RECORD):
                inside += 1
                most = max(most, inside)
                rounds += 1
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (most, rounds) == (1, 240)


def test_sessions_saved_at_once_are_all_kept(either: Callable[[], SessionStore]) -> None:
    records = [replace(RECORD, user_id=f"@{number}:b") for number in range(20)]
    threads = [threading.Thread(target=either().save, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert {record.user_id for record in either().list()} == {record.user_id for record in records}


def test_processes_take_turns(tmp_path: Path) -> None:
    """Each reads, waits and writes; without the lock they would overwrite each other's."""
    program = """
import sys, time
from dataclasses import fields, replace
from ostiary.client import FileStore, SessionRecord
from ostiary.api.secret import Secret
record, store = SessionRecord("h", "u", "d", Secret("0")), FileStore(sys.argv[1])
for _ in range(5):
    with store.lock(record):
        before = store.load(record) or record
        time.sleep(0.005)
        store.save(replace(before, access_token=Secret(str(int(before.access_token.reveal()) + 1))))
"""
    file = tmp_path / "sessions.json"
    processes = [start(str(file), program=program) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    (record,) = FileStore(file).list()
    assert record.access_token.reveal() == "20"


def test_tokens_are_in_the_file_but_in_no_repr(store: FileStore) -> None:
    store.save(RECORD)
    assert json.loads(store.path.read_text(encoding="utf-8"))["sessions"][0]["access_token"] == "access"
    assert "access'" not in repr(RECORD)
    assert "Secret(***)" in repr(RECORD)


texts = st.text(st.characters(codec="utf-8"))


secrets = texts.map(Secret)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
own = {one.name for one in fields(SessionRecord)}
extras = st.dictionaries(texts.filter(lambda name: name not in own), json_values, max_size=3)


@given(
    st.builds(
        SessionRecord, texts, texts, texts, secrets, st.none() | secrets, st.none() | st.integers(), texts,
        st.none() | texts, st.none() | texts, extras,
    )
)  # fmt: skip
def test_record_survives_json(record: SessionRecord) -> None:
    assert SessionRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
