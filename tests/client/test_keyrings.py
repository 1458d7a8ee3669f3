"""Sessions in keyrings of other people's making: files of ``keyrings.alt``, a desktop's Secret Service, small entries.

What the store itself promises is in ``test_stores_lasting``, on a keyring in memory.
"""

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.secret import Secret
from ostiary.client import Client, KeyringStore, SessionRecord, StoreUnreadable
from tests.client.listening import TokenListener
from tests.starting import start

RECORD = SessionRecord("https://a.b", "@a:b", "D", Secret("access-0"), Secret("refresh-0"), 5)
LONG = replace(RECORD, user_id="@Å 100% ü[=]:b", access_token=Secret("ey." * 2000), refresh_token=Secret("é" * 900))


def plaintext(folder: Path) -> Any:
    backend = importlib.import_module("keyrings.alt.file").PlaintextKeyring()
    backend.file_path = str(folder / "plain.cfg")
    return backend


def encrypted(folder: Path) -> Any:
    backend = importlib.import_module("keyrings.alt.file").EncryptedKeyring()
    backend.file_path = str(folder / "encrypted.cfg")
    backend.keyring_key = "the keyring's own password"
    return backend


class Small:
    """As large as an entry of Windows can be: 2,560 bytes (CRED_MAX_CREDENTIAL_BLOB_SIZE), of UTF-16."""

    def __init__(self, _: Path) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.fail_after = -1

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560 or len(username) > 513:
            raise OSError(1783, "CredWrite", "The stub received bad data.")
        if self.fail_after == 0:
            raise KeyboardInterrupt
        self.fail_after -= 1
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.fail_after == 0:
            raise KeyboardInterrupt
        self.fail_after -= 1
        del self.entries[service, username]


@pytest.mark.filterwarnings("ignore:PBKDF2 without:DeprecationWarning")  # of keyrings.alt
@pytest.mark.parametrize("make", [plaintext, encrypted, Small])
class TestBackends:
    def test_sessions_come_and_go(self, make: Callable[[Path], Any], tmp_path: Path) -> None:
        def opened() -> KeyringStore:
            return KeyringStore("äöü/%=[x]", backend=backend, locks=tmp_path / "locks")

        backend = make(tmp_path)
        for record in (RECORD, LONG, replace(RECORD, expires_at=6)):
            opened().save(record)
        assert opened().list() == [replace(RECORD, expires_at=6), LONG]
        assert opened().load(LONG) == LONG
        opened().save(replace(LONG, access_token=Secret("short")))
        opened().save(replace(LONG, access_token=Secret("longer" * 1000)))
        assert opened().load(LONG) == replace(LONG, access_token=Secret("longer" * 1000))
        for record in (RECORD, LONG, LONG):
            opened().remove(record)
        assert opened().list() == []
        assert list((tmp_path / "locks").iterdir()) == []

    def test_many_sessions_are_listed(self, make: Callable[[Path], Any], tmp_path: Path) -> None:
        count = 10 if make is encrypted else 40  # each read and write of it derives a key
        store = KeyringStore(backend=make(tmp_path), locks=tmp_path / "locks")
        records = [replace(RECORD, device_id=f"D{number}") for number in range(count)]
        for record in records:
            store.save(record)
        assert store.list() == records

    def test_session_lives_and_refreshes(self, make: Callable[[Path], Any], tmp_path: Path) -> None:
        store = KeyringStore(backend=make(tmp_path), locks=tmp_path / "locks")
        with TokenListener() as server:
            store.save(replace(RECORD, homeserver=server.url, access_token=Secret("dead-0")))
            with Client(server.url, store=store) as client:
                session = client.resume()
                assert session is not None
                assert session.whoami().user_id == "@a:b"
        assert [one.access_token for one in store.list()] == [Secret("access-1")]


COUNTING = """
import sys
from dataclasses import replace
from keyrings.alt.file import PlaintextKeyring
from ostiary.client import KeyringStore, SessionRecord
from ostiary.api.secret import Secret
backend = PlaintextKeyring()
backend.file_path, name = sys.argv[1], sys.argv[2]
store = KeyringStore(backend=backend, locks=sys.argv[1] + ".locks")
shared, own = (SessionRecord("h", "u", device, Secret("t"), expires_at=0) for device in ("shared", name))
store.save(own)
for number in range(20):
    with store.lock(shared):
        before = store.load(shared) or shared
        store.save(replace(before, expires_at=before.expires_at + 1))
    assert store.load(own) == own, "another's writing hid it"
"""


def test_processes_take_turns_in_a_file_that_has_no_locks(tmp_path: Path) -> None:
    """It is written in place: who reads meanwhile sees half of it, and who writes loses what others wrote."""
    file = tmp_path / "plain.cfg"
    processes = [start(str(file), f"own{number}", program=COUNTING) for number in range(4)]
    assert [process.wait(timeout=100) for process in processes] == [0] * 4
    records = KeyringStore(backend=plaintext(tmp_path), locks=f"{file}.locks").list()
    assert {record.device_id: record.expires_at for record in records}["shared"] == 80
    assert len(records) == 5


class TestSmallEntries:
    def test_interrupted_write_leaves_the_old_session_or_the_new_one(self, tmp_path: Path) -> None:
        newer = replace(LONG, access_token=Secret("newer" * 1000))
        for step in range(40):
            backend = Small(tmp_path)
            store = KeyringStore(backend=backend, locks=tmp_path / "locks")
            store.save(LONG)
            backend.fail_after = step
            with contextlib.suppress(KeyboardInterrupt):
                store.save(newer)
            is_done, backend.fail_after = backend.fail_after > 0, -1
            assert store.load(LONG) in (LONG, newer)
            assert store.list() == [store.load(LONG)]
            store.save(LONG)
            store.save(replace(LONG, access_token=Secret("again" * 1000)))
            store.remove(LONG)
            assert set(backend.entries.values()) == {"[]"}, "a token was left behind"
            if is_done:
                return
        raise AssertionError("there was no end to it")

    def test_missing_part_is_told_without_the_rest(self, tmp_path: Path) -> None:
        backend = Small(tmp_path)
        store = KeyringStore(backend=backend, locks=tmp_path / "locks")
        store.save(LONG)
        del backend.entries[
            max((key for key, text in backend.entries.items() if "ey." in text), key=lambda key: key[1])
        ]
        with pytest.raises(StoreUnreadable) as caught:
            store.load(LONG)
        assert "ey." not in repr(caught.value)

    def test_what_was_stored_whole_is_read(self, tmp_path: Path) -> None:
        """As before entries had parts."""
        large, small = Small(tmp_path), Small(tmp_path)
        KeyringStore(backend=large, locks=tmp_path).save(RECORD)
        assert len(large.entries) == 2
        small.entries.update(large.entries)
        assert KeyringStore(backend=small, locks=tmp_path).list() == [RECORD]


SECRETLY = """
import sys
from dataclasses import replace
import keyring
from keyring.backends.SecretService import Keyring
from ostiary.client import KeyringStore, SessionRecord
from ostiary.api.secret import Secret
keyring.set_keyring(Keyring())
record = SessionRecord("https://a.b", "@ä:b", "D", Secret("access-0"), Secret("é" * 300), 5)
other = replace(record, device_id="E")
store = KeyringStore("ostiary-test", locks=sys.argv[1])
for one in (record, other, replace(record, expires_at=6)):
    store.save(one)
assert KeyringStore("ostiary-test", locks=sys.argv[1]).list() == [replace(record, expires_at=6), other]
store.remove(record)
assert (store.load(record), store.list()) == (None, [other])
store.remove(other)
print("well")
"""


@pytest.fixture
def desktop(tmp_path: Path) -> Callable[[str], str]:
    """Runs a program in a session of its own, with a Secret Service that is unlocked."""
    for needed in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(needed) is None:
            pytest.skip(f"there is no {needed} here to have a Secret Service by")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)

    def run(program: str) -> str:
        script = 'printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec "$@"'
        done = subprocess.run(
            [
                "dbus-run-session", "--", "sh", "-c", script, "sh",
                sys.executable, "-c", program, str(tmp_path / "locks"),
            ],
            env=environment, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_secret_service_of_a_desktop(desktop: Callable[[str], str]) -> None:
    assert desktop(SECRETLY) == "well\n"
