"""Stores that outlast what is done to them: killed processes, broken files, other versions, systems without keyring."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from ostiary.api.secret import Secret
from ostiary.client import (
    Client,
    FileStore,
    KeyringStore,
    MemoryStore,
    SessionRecord,
    SessionStore,
    StoreUnreadable,
    StoreUnwritable,
)
from tests.client.listening import TokenListener
from tests.starting import start

RECORD = SessionRecord("https://a.b", "@a:b", "D", Secret("access-0"), Secret("refresh-0"), 5)
OTHER = replace(RECORD, user_id="@c:b")


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # it has no annotations
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.entries[service, username]

    def _check(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("hunter2")


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, one = keyring.get_keyring(), Ring()
    keyring.set_keyring(one)
    yield one
    keyring.set_keyring(before)


@pytest.fixture(params=["memory", "file", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path, ring: Ring) -> SessionStore:
    if request.param == "memory":
        return MemoryStore()
    return FileStore(tmp_path / "s.json") if request.param == "file" else KeyringStore(locks=tmp_path)


class TestEveryStore:
    def test_saves_lists_and_removes(self, store: SessionStore) -> None:
        assert store.list() == []
        assert store.load(RECORD) is None
        for record in (RECORD, OTHER, replace(RECORD, expires_at=6)):
            store.save(record)
        assert store.list() == [replace(RECORD, expires_at=6), OTHER]
        store.remove(RECORD)
        store.remove(RECORD)
        assert (store.load(RECORD), store.list()) == (None, [OTHER])
        store.save(RECORD)
        assert store.list() == [OTHER, RECORD]

    def test_lock_may_be_left_in_another_thread(self, store: SessionStore) -> None:
        lock = store.lock(RECORD)
        lock.__enter__()
        thread = threading.Thread(target=lock.__exit__, args=(None, None, None))
        thread.start()
        thread.join(timeout=10)
        with store.lock(RECORD):
            store.save(RECORD)

    def test_one_at_a_time_changes_a_session(self, store: SessionStore) -> None:
        store.save(replace(RECORD, expires_at=0))

        def count() -> None:
            for _ in range(10):
                with store.lock(RECORD):
                    before = store.load(RECORD)
                    assert before is not None
                    store.save(replace(before, expires_at=(before.expires_at or 0) + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        stored = store.load(RECORD)
        assert stored is not None
        assert stored.expires_at == 40


class TestKeyring:
    def test_session_outlives_the_store(self, ring: Ring, tmp_path: Path) -> None:
        KeyringStore("mine", locks=tmp_path).save(RECORD)
        assert KeyringStore("mine", locks=tmp_path).list() == [RECORD]
        assert KeyringStore("other", locks=tmp_path).list() == []
        assert {service for service, _ in ring.entries} == {"mine"}
        assert list(tmp_path.iterdir()) == []

    def test_removed_session_leaves_no_token(self, ring: Ring, tmp_path: Path) -> None:
        store = KeyringStore(locks=tmp_path)
        store.save(RECORD)
        store.remove(RECORD)
        assert "access-0" not in str(ring.entries)

    def test_entry_that_somebody_removed_is_skipped(self, ring: Ring, tmp_path: Path) -> None:
        store = KeyringStore(locks=tmp_path)
        for record in (RECORD, OTHER):
            store.save(record)
        del ring.entries[next(key for key, text in ring.entries.items() if "@a:b" in text)]
        assert store.list() == [OTHER]

    @pytest.mark.parametrize("text", ["{", "[]", "3", '{"user_id": "secret"}', '"x"'])
    def test_what_is_no_session_is_told_and_left_alone(self, ring: Ring, tmp_path: Path, text: str) -> None:
        store = KeyringStore(locks=tmp_path)
        store.save(RECORD)
        for key in ring.entries:
            ring.entries[key] = text
        if text != "[]":
            with pytest.raises(StoreUnreadable, match="ostiary"):
                store.list()
            with pytest.raises(StoreUnreadable):
                store.save(OTHER)
        with pytest.raises(StoreUnreadable) as caught:
            store.load(RECORD)
        assert "secret" not in repr(caught.value)
        assert set(ring.entries.values()) == {text}

    def test_locked_keyring_is_told_in_our_words(self, ring: Ring, tmp_path: Path) -> None:
        store = KeyringStore(locks=tmp_path)
        store.save(RECORD)
        ring.is_locked = True
        with pytest.raises(StoreUnreadable, match="KeyringLocked"):
            store.load(RECORD)
        with pytest.raises(StoreUnreadable):
            store.save(RECORD)

    def test_keyring_that_takes_nothing_is_told(self, ring: Ring, tmp_path: Path, monkeypatch: Any) -> None:
        def full(*_: str) -> None:
            raise keyring.errors.PasswordSetError("full")

        monkeypatch.setattr(ring, "set_password", full)
        with pytest.raises(StoreUnwritable, match="PasswordSetError"):
            KeyringStore(locks=tmp_path).save(RECORD)

    def test_backend_can_be_given(self, tmp_path: Path) -> None:
        own = Ring()
        KeyringStore(backend=own, locks=tmp_path).save(RECORD)
        assert len(own.entries) == 2

    def test_missing_library_is_told_when_it_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)
        store = KeyringStore()
        with pytest.raises(StoreUnreadable, match=r"ostiary\[keyring\]"):
            store.list()

    def test_library_is_not_imported_before(self) -> None:
        program = "import sys, ostiary.client; ostiary.client.KeyringStore(); sys.exit('keyring' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_locks_lie_in_a_folder_for_their_owner_alone(
        self, ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        KeyringStore().save(RECORD)
        (folder,) = tmp_path.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(StoreUnwritable, match="locks="):
            KeyringStore().save(RECORD)


class TestFile:
    def test_file_of_another_version_is_told_and_left_alone(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "s.json")
        store.save(RECORD)
        text = store.path.read_text(encoding="utf-8").replace('"version": 1', '"version": 2')
        store.path.write_text(text, encoding="utf-8")
        for change in (store.save, store.remove, store.load):
            with pytest.raises(StoreUnreadable, match="another version"):
                change(RECORD)
        assert store.path.read_text(encoding="utf-8") == text

    def test_error_does_not_carry_the_tokens_along(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "s.json")
        store.path.write_text('{"sessions": [{"access_token": "syt_secret"', encoding="utf-8")
        with pytest.raises(StoreUnreadable, match=r"s\.json") as caught:
            store.list()
        assert caught.value.__cause__ is None
        assert "syt_secret" not in repr(caught.value)

    def test_folder_in_its_place_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnreadable, match=os.strerror(errno.EISDIR)):
            FileStore(tmp_path).list()

    def test_file_and_folders_are_on_disk_before_saving_returns(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[str] = []
        real = os.fsync

        def fsync(handle: int) -> None:
            synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
            real(handle)

        monkeypatch.setattr("os.fsync", fsync)
        FileStore(tmp_path / "a" / "b" / "s.json").save(RECORD)
        assert [name for name in synced if name.startswith(".s.json.")]
        assert [name for name in synced if not name.startswith(".s.json.")] == [tmp_path.name, "a", "b"]

    def test_what_a_killed_process_was_writing_is_cleared_away(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "s.json")
        program = """
import os, signal, sys
from ostiary.client import FileStore, SessionRecord, private_files
from ostiary.api.secret import Secret
private_files.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
FileStore(sys.argv[1]).save(SessionRecord("h", "u", "d", Secret("never stored")))
"""
        store.save(RECORD)
        assert start(str(store.path), program=program).wait(timeout=60) == -signal.SIGKILL
        assert [file.read_text() for file in tmp_path.iterdir() if "never stored" in file.read_text()]
        store.save(OTHER)
        assert [file.name for file in tmp_path.iterdir()] == ["s.json"]
        assert store.list() == [RECORD, OTHER]

    def test_process_killed_between_answer_and_saving_does_not_lose_the_session(self, tmp_path: Path) -> None:
        program = """
import os, signal, sys
from ostiary.client import Client, FileStore
class Dying(FileStore):
    def save(self, record):
        os.kill(os.getpid(), signal.SIGKILL)
session = Client(sys.argv[1], store=Dying(sys.argv[2])).resume()
session.refresh()
"""
        with TokenListener() as server:
            store = FileStore(tmp_path / "s.json")
            store.save(replace(RECORD, homeserver=server.url))
            assert start(server.url, str(store.path), program=program).wait(timeout=60) == -signal.SIGKILL
            assert server.refreshes == 1
            assert json.loads(store.path.read_text())["sessions"][0]["refresh_token"] == "refresh-0"
            with Client(server.url, store=store) as client:
                session = client.resume()
                assert session is not None
                assert session.refresh().access_token == Secret("access-1")
                assert session.whoami().user_id == "@a:b"
        assert [record.access_token for record in store.list()] == [Secret("access-1")]
