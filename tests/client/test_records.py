"""A stored session is read by older and by newer versions of this library, and loses nothing on the way."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import UnknownToken
from ostiary.api.secret import Secret
from ostiary.client import CannotSend, Client, FileStore, KeyringStore, MemoryStore, SessionRecord, SessionStore
from tests.client.scripted import BASE, Script, refusal, reply
from tests.client.test_sessions import TokenServer, session_of

FIRST: dict[str, Any] = {
    "homeserver": BASE, "user_id": "@a:b", "device_id": "D", "access_token": "access-0", "refresh_token": "refresh-0",
    "expires_at": 5,
}  # fmt: skip
"""What the first version wrote, but for the API, which was added."""

NEWER: dict[str, Any] = {**FIRST, "auth_api": "legacy", "label": "work", "proof": {"alg": "ES256", "keys": [1, None]}}
"""What a version may write that is yet to come."""

OAUTH = SessionRecord(
    BASE, "@a:b", "D", Secret("access-0"), Secret("refresh-0"), 5, "oauth", "https://auth.example.org/", "01CLIENT"
)


class Entries:
    """The least that a keyring is."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.texts.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.texts[username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.texts[username]


@pytest.fixture(params=["memory", "file", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    if request.param == "memory":
        return MemoryStore()
    return (
        FileStore(tmp_path / "s.json") if request.param == "file" else KeyringStore(backend=Entries(), locks=tmp_path)
    )


class TestVersions:
    def test_what_the_first_version_wrote_is_read(self) -> None:
        record = SessionRecord.from_json(FIRST)
        assert (record.auth_api, record.issuer, record.client_id) == ("legacy", None, None)
        assert record.expires_at == 5

    def test_who_gave_a_session_is_kept(self) -> None:
        assert SessionRecord.from_json(json.loads(json.dumps(OAUTH.to_json()))) == OAUTH

    def test_what_a_later_version_wrote_stays(self) -> None:
        record = SessionRecord.from_json(NEWER)
        assert record.to_json().items() >= NEWER.items()
        newer = record.with_tokens(Secret("access-1"), None, 7)
        assert newer.to_json() == {**record.to_json(), "access_token": "access-1", "expires_at": 7}

    def test_what_is_not_known_does_not_show(self) -> None:
        assert "ES256" not in repr(SessionRecord.from_json(NEWER))

    def test_own_fields_win(self) -> None:
        record = replace(SessionRecord.from_json(NEWER), extra={"user_id": "@mallory:b", "label": "home"})
        assert (record.to_json()["user_id"], record.to_json()["label"]) == ("@a:b", "home")

    def test_file_keeps_what_stands_beside_the_sessions(self, tmp_path: Path) -> None:
        file = tmp_path / "s.json"
        file.write_text(json.dumps({"version": 1, "sessions": [NEWER], "theme": {"dark": True}}), encoding="utf-8")
        store = FileStore(file)
        store.save(replace(store.list()[0], expires_at=9))
        stored = json.loads(file.read_text(encoding="utf-8"))
        assert stored["theme"] == {"dark": True}
        assert stored["sessions"][0].items() >= {**NEWER, "expires_at": 9}.items()


class TestRefreshing:
    def test_refresh_loses_nothing(self, store: SessionStore) -> None:
        server = TokenServer(lifetime_ms=3_600_000)
        record = SessionRecord.from_json(NEWER)
        store.save(record)
        session = session_of(server, record, store)
        session.refresh()
        (stored,) = store.list()
        assert stored.access_token == Secret("access-1")
        assert (stored.extra, stored.to_json()["proof"]) == (record.extra, NEWER["proof"])

    def test_session_of_another_api_is_not_sent_to_the_wrong_place(self, store: SessionStore) -> None:
        """A server would take the refresh token for a stolen one, and end the session."""
        script = Script([reply(200, {"user_id": "@a:b"}), refusal(401, "M_UNKNOWN_TOKEN")])
        store.save(OAUTH)
        session = Client(BASE, world=script.world(store)).restore(OAUTH)
        assert session.whoami().user_id == "@a:b"
        with pytest.raises(CannotSend, match="oauth"):
            session.refresh()
        with pytest.raises(UnknownToken):
            session.whoami()
        assert {path.rpartition("/")[2] for path in script.paths} == {"whoami"}
        assert store.list() == [OAUTH]

    def test_login_again_after_a_soft_logout_is_of_the_api_that_it_went_by(self) -> None:
        login = reply(200, {"user_id": "@a:b", "device_id": "D", "access_token": "access-1"})
        script = Script([login])
        session = Client(BASE, world=script.world()).restore(replace(OAUTH, extra={"label": "work"}))
        session.login_again("password")
        record = session.record
        assert (record.auth_api, record.issuer, record.client_id) == ("legacy", None, None)
        assert (record.refresh_token, dict(record.extra)) == (None, {"label": "work"})
