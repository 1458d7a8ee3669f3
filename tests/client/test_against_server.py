"""Our client through the life of a session: against our server inside the test, against Synapse, and over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.api.errors import (
    Forbidden,
    InvalidUsername,
    LimitExceeded,
    NotFound,
    UnknownToken,
    UserInUse,
    WeakPassword,
)
from ostiary.client import Client, ConnectionFailed, FileStore, NotLoggedIn, RetryPolicy
from tests.client.faced import AnyFaces, Faces
from tests.client.homeservers import OSTIARY, STRICT_SYNAPSE, on, on_any_server
from tests.process import ServerProcess, serving
from tests.world import PASSWORD, Account

NEW = "another good password"
MINUTE_MS = 60_000


@on_any_server
class TestOnAnyServer:
    async def test_a_whole_life(self, faces: AnyFaces) -> None:
        client, name = faces.client(), faces.world.name("alice")
        assert {"r0.6.1", "v1.15"} <= set(await client.versions())
        assert await client.is_available(name)
        session = await client.register(name, PASSWORD, device_name="First")
        assert not await client.is_available(name)
        assert (await session.whoami()).user_id == session.user_id == f"@{name}:localhost"
        assert (await session.capabilities()).change_password

        other = await client.login(name, PASSWORD, device_name="Second")
        names = {device.display_name for device in await session.devices()}
        assert names == {"First", "Second"}
        await session.rename_device(other.device_id, "Renamed")
        assert (await other.device(other.device_id)).display_name == "Renamed"
        await session.delete_device(other.device_id, password=PASSWORD)
        with pytest.raises(UnknownToken):
            await other.whoami()
        with pytest.raises(NotFound):
            await session.device(other.device_id)

        third = await client.login(session.user_id, PASSWORD)
        await session.delete_devices([third.device_id], password=PASSWORD)
        await session.change_password(NEW, password=PASSWORD, logout_devices=False)
        with pytest.raises(Forbidden):
            await client.login(name, PASSWORD)
        await session.logout()
        with pytest.raises(NotLoggedIn):
            await session.whoami()

    async def test_password_that_is_changed_ends_the_other_sessions(self, faces: AnyFaces, alice: Account) -> None:
        """One without refresh tokens: Synapse drops all of an account's, and with them the session that changes it."""
        client = faces.client()
        session = await client.login(alice.localpart, PASSWORD, refreshes=False)
        other = await client.login(alice.localpart, PASSWORD)
        await session.change_password(NEW, password=PASSWORD)
        assert (await session.whoami()).user_id == alice.user_id
        with pytest.raises(UnknownToken):
            await other.whoami()

    async def test_password_that_is_changed_with_leave_for_the_others(self, faces: AnyFaces, alice: Account) -> None:
        client = faces.client()
        session = await client.login(alice.localpart, PASSWORD)
        other = await client.login(alice.localpart, PASSWORD)
        await session.change_password(NEW, password=PASSWORD, logout_devices=False)
        assert {(await one.whoami()).user_id for one in (session, other)} == {alice.user_id}

    async def test_session_outlives_its_tokens(self, faces: AnyFaces, alice: Account) -> None:
        session = await faces.client().login(alice.localpart, PASSWORD)
        seen = {session.record.access_token.reveal()}
        for _ in range(10):
            faces.world.clock.advance(4 * MINUTE_MS)
            assert (await session.whoami()).user_id == alice.user_id
            seen.add(session.record.access_token.reveal())
        assert len(seen) > 3

    async def test_session_is_restored_from_its_file(self, faces: AnyFaces, alice: Account, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "sessions.json")
        await faces.client(store).login(alice.localpart, PASSWORD)
        faces.world.clock.advance(10 * MINUTE_MS)
        (record,) = store.list()
        session = await faces.client(store).resume()
        assert (await session.whoami()).user_id == alice.user_id
        assert store.list() == [session.record]
        assert session.record != record

    async def test_guest_and_account_without_login(self, faces: AnyFaces) -> None:
        client, name = faces.client(), faces.world.name("bob")
        guest = await client.register_guest(device_name="Visitor")
        assert (await guest.whoami()).is_guest is True
        assert await client.register_without_login(name, PASSWORD) == f"@{name}:localhost"
        assert (await client.login(name, PASSWORD)).user_id == f"@{name}:localhost"

    async def test_refusals_are_raised_as_their_class(self, faces: AnyFaces, alice: Account) -> None:
        client = faces.client()
        with pytest.raises(UserInUse):
            await client.register(alice.localpart, PASSWORD)
        with pytest.raises(InvalidUsername):
            await client.register("not a name", PASSWORD)
        session = await client.login(alice.localpart, PASSWORD)
        with pytest.raises(Forbidden):
            await session.delete_device("X", password="wrong")


class TestOnOurServer:
    async def test_replayed_session_is_forgotten(self, faces: Faces, alice: Account) -> None:
        """Synapse does not end a session whose dead refresh token is used."""
        session = await faces.client().login(alice.localpart, PASSWORD)
        stolen = session.record
        await session.refresh()
        await session.whoami()
        faces.world.clock.advance(2 * MINUTE_MS)
        with pytest.raises(UnknownToken):
            await (await faces.client().restore(stolen)).refresh()
        with pytest.raises(UnknownToken):
            await session.whoami()
        with pytest.raises(NotLoggedIn):
            await session.whoami()

    async def test_session_that_changes_the_password_keeps_its_refresh_token(
        self, faces: Faces, alice: Account
    ) -> None:
        session = await faces.client().login(alice.localpart, PASSWORD)
        await session.change_password(NEW, password=PASSWORD)
        await session.refresh()
        assert (await session.whoami()).user_id == alice.user_id


@on(OSTIARY, STRICT_SYNAPSE)
async def test_weak_password_is_refused(faces: AnyFaces) -> None:
    with pytest.raises(WeakPassword):
        await faces.client().register(faces.world.name("bob"), "short")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that limits logins to two at once."""
    limits = {
        "OSTIARY_REGISTRATION__ENABLED": "true",
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ADDRESS__BURST": "2",
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ADDRESS__PER_MINUTE": "100",
        "OSTIARY_RATE_LIMITS__LOGIN__PER_ACCOUNT__BURST": "1000",
    }
    with serving(tmp_path_factory.mktemp("sync"), environment=limits) as process:
        yield process


class TestSync:
    def test_a_whole_life_over_http(self, server: ServerProcess) -> None:
        with Client(server.address) as client:
            session = client.register("alice", PASSWORD)
            assert session.whoami().device_id == session.device_id
            first = session.record
            session.refresh()
            assert session.record != first
            assert session.whoami().user_id == "@alice:localhost"
            assert len(session.devices()) == 1
            session.logout_all()

    def test_rate_limit_is_waited_out_or_raised_with_the_delay(self, server: ServerProcess) -> None:
        with Client(server.address) as client:
            for _ in range(4):
                with pytest.raises(Forbidden):
                    client.login("nobody", "wrong password")
        with Client(server.address, retries=RetryPolicy(attempts=1)) as client:
            error = next(error for error in map(_refusal, [client] * 10) if isinstance(error, LimitExceeded))
            assert 0 < (error.retry_after_ms or 0) <= 2_000

    def test_server_that_is_not_there(self) -> None:
        client = Client("http://127.0.0.1:1", retries=RetryPolicy(attempts=1))
        with pytest.raises(ConnectionFailed) as caught:
            client.versions()
        client.close()
        assert not caught.value.sent


def _refusal(client: Client) -> Exception:
    with pytest.raises((Forbidden, LimitExceeded)) as caught:
        client.login("nobody", "wrong password")
    return caught.value
