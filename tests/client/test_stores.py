"""Where sessions are kept."""

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api.secret import Secret
from ostiary.client import FileStore, SessionRecord, StoreUnreadable

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


def test_session_saved_last_is_the_last(store: FileStore) -> None:
    other = replace(RECORD, user_id="@c:b")
    for record in (RECORD, other, RECORD):
        store.save(record)
    assert store.list() == [other, RECORD]


def test_file_and_directory_are_for_their_owner_alone(store: FileStore) -> None:
    with store.lock():
        store.save(RECORD)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.with_name("sessions.json.lock").stat().st_mode) == 0o600


def test_failed_write_leaves_the_old_file_and_no_litter(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(RECORD)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("ostiary.client.stores.os.fsync", fail)
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


def test_lock_is_held_by_one_at_a_time(store: FileStore) -> None:
    order: list[str] = []

    def other() -> None:
        with FileStore(store.path).lock():
            order.append("other")

    with store.lock():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "other"]


def test_tokens_are_in_the_file_but_in_no_repr(store: FileStore) -> None:
    store.save(RECORD)
    assert json.loads(store.path.read_text(encoding="utf-8"))["sessions"][0]["access_token"] == "access"
    assert "access'" not in repr(RECORD)
    assert "Secret(***)" in repr(RECORD)


texts = st.text(st.characters(codec="utf-8"))


secrets = texts.map(Secret)


@given(st.builds(SessionRecord, texts, texts, texts, secrets, st.none() | secrets, st.none() | st.integers(), texts))
def test_record_survives_json(record: SessionRecord) -> None:
    assert SessionRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
