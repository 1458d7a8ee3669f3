"""Our client against our server: asynchronously inside one process, synchronously over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.api.errors import Forbidden, LimitExceeded, NotFound, UnknownToken, UserInUse, WeakPassword
from ostiary.client import AsyncClient, Client, ConnectionFailed, FileStore, NotLoggedIn, RetryPolicy
from ostiary.client.drivers import AsyncWorld
from tests.process import ServerProcess, serving
from tests.world import BASE_URL, PASSWORD, World


def client_of(world: World, store: FileStore | None = None) -> AsyncClient:
    """A client whose clock is the server's."""
    from ostiary.client import MemoryStore

    async def sleep(milliseconds: int) -> None:
        world.clock.advance(milliseconds)

    inside = AsyncWorld(world.transport(), store or MemoryStore(), now=world.clock.now, sleep=sleep)
    return AsyncClient(BASE_URL, world=inside)


class TestAsync:
    async def test_a_whole_life(self, world: World) -> None:
        async with client_of(world) as client:
            assert "v1.19" in await client.versions()
            assert [flow.type for flow in await client.login_flows()] == ["m.login.password", "m.login.token"]
            assert await client.is_available("alice")
            session = await client.register("alice", PASSWORD, device_name="First")
            assert not await client.is_available("alice")
            assert (await session.whoami()).user_id == session.user_id == "@alice:localhost"
            assert (await session.capabilities()).change_password

            other = await client.login("alice", PASSWORD, device_name="Second")
            names = {device.display_name for device in await session.devices()}
            assert names == {"First", "Second"}
            await session.rename_device(other.device_id, "Renamed")
            assert (await other.device(other.device_id)).display_name == "Renamed"
            await session.delete_device(other.device_id, password=PASSWORD)
            with pytest.raises(UnknownToken):
                await other.whoami()
            with pytest.raises(NotFound):
                await session.device(other.device_id)

            third = await client.login("@alice:localhost", PASSWORD)
            await session.delete_devices([third.device_id], password=PASSWORD)
            await session.change_password("another password", password=PASSWORD)
            with pytest.raises(Forbidden):
                await client.login("alice", PASSWORD)
            await session.logout()
            with pytest.raises(NotLoggedIn):
                await session.whoami()

    async def test_session_outlives_its_tokens(self, world: World) -> None:
        client = client_of(world)
        session = await client.register("alice", PASSWORD)
        seen = {session.record.access_token.reveal()}
        for _ in range(10):
            world.clock.advance(4 * 60_000)
            assert (await session.whoami()).user_id == "@alice:localhost"
            seen.add(session.record.access_token.reveal())
        assert len(seen) > 3

    async def test_session_is_restored_from_its_file(self, world: World, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "sessions.json")
        await client_of(world, store).register("alice", PASSWORD)
        world.clock.advance(600_000)
        (record,) = store.list()
        session = client_of(world, store).restore(record)
        assert (await session.whoami()).user_id == "@alice:localhost"
        assert store.list() == [session.record]
        assert session.record != record

    async def test_replayed_session_is_forgotten(self, world: World) -> None:
        client = client_of(world)
        session = await client.register("alice", PASSWORD)
        stolen = session.record
        await session.refresh()
        await session.whoami()
        world.clock.advance(120_000)
        with pytest.raises(UnknownToken):
            await client_of(world).restore(stolen).refresh()
        with pytest.raises(UnknownToken):
            await session.whoami()
        with pytest.raises(NotLoggedIn):
            await session.whoami()

    async def test_guest_and_account_without_login(self, world: World) -> None:
        client = client_of(world)
        guest = await client.register_guest(device_name="Visitor")
        assert (await guest.whoami()).is_guest is True
        assert await client.register_without_login("bob", PASSWORD) == "@bob:localhost"
        assert (await client.login("bob", PASSWORD)).user_id == "@bob:localhost"

    async def test_refusals_are_raised_as_their_class(self, world: World) -> None:
        client = client_of(world)
        await client.register("alice", PASSWORD)
        with pytest.raises(UserInUse):
            await client.register("alice", PASSWORD)
        with pytest.raises(WeakPassword):
            await client.register("bob", "short")
        session = await client.login("alice", PASSWORD)
        with pytest.raises(Forbidden):
            await session.delete_device("X", password="wrong")


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
