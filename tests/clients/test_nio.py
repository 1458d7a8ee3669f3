"""matrix-nio, as it comes from the package index, against a real server process."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import ServerProcess, serving
from tests.world import PASSWORD

nio: Any = pytest.importorskip("nio")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("nio"), "--dev") as process:
        yield process


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[Any]:
    opened = nio.AsyncClient(server.address, "alice")
    yield opened
    await opened.close()


def stored(server: ServerProcess, query: str, *values: str) -> list[tuple[object, ...]]:
    path: Path = server.directory / "ostiary.db"
    with sqlite3.connect(path) as database:
        rows = database.execute(query, values).fetchall()
    database.close()
    return rows


async def logged_in(server: ServerProcess, name: str) -> Any:
    """A client that has registered."""
    client = nio.AsyncClient(server.address, name)
    registered = await client.register(name, PASSWORD, device_name=f"{name}'s device")
    assert isinstance(registered, nio.RegisterResponse), registered
    return client


async def test_register_makes_an_account_and_a_session(server: ServerProcess, client: Any) -> None:
    registered = await client.register("alice", PASSWORD, device_name="nio")
    assert isinstance(registered, nio.RegisterResponse), registered
    assert client.user_id == "@alice:localhost"
    devices = stored(server, "SELECT device_id, display_name FROM devices WHERE localpart = ?", "alice")
    assert devices == [(client.device_id, "nio")]


async def test_interactive_registration_starts_with_an_auth_of_no_type(server: ServerProcess) -> None:
    client = nio.AsyncClient(server.address, "ivy")
    asked = await client.register_interactive("ivy", PASSWORD, {"initial": True})
    assert isinstance(asked, nio.responses.RegisterInteractiveResponse), asked
    assert asked.stages == ["m.login.dummy"]
    registered = await client.register_interactive("ivy", PASSWORD, {"type": "m.login.dummy", "session": asked.session})
    assert stored(server, "SELECT kind FROM accounts WHERE localpart = ?", "ivy") == [("user",)], registered
    await client.close()


async def test_log_in_whoami_log_out(server: ServerProcess) -> None:
    first = await logged_in(server, "bob")
    await first.close()
    client = nio.AsyncClient(server.address, "@bob:localhost")
    login = await client.login(PASSWORD, device_name="again")
    assert isinstance(login, nio.LoginResponse), login
    whoami = await client.whoami()
    assert isinstance(whoami, nio.WhoamiResponse), whoami
    assert (whoami.user_id, whoami.device_id) == ("@bob:localhost", client.device_id)
    device_id = client.device_id
    assert isinstance(await client.logout(), nio.LogoutResponse)
    ended = "SELECT end_reason FROM sessions WHERE device_id = ?"
    assert stored(server, ended, device_id) == [("logged_out",)]
    await client.close()


async def test_wrong_password_is_an_error_with_its_code(server: ServerProcess) -> None:
    client = nio.AsyncClient(server.address, "nobody")
    login = await client.login("wrong")
    assert isinstance(login, nio.LoginError)
    assert login.status_code == "M_FORBIDDEN"
    await client.close()


async def test_devices_are_listed_renamed_and_deleted_with_interactive_authentication(server: ServerProcess) -> None:
    client = await logged_in(server, "carol")
    other = nio.AsyncClient(server.address, "carol")
    await other.login(PASSWORD)
    listed = await client.devices()
    assert isinstance(listed, nio.DevicesResponse), listed
    assert {device.id for device in listed.devices} == {client.device_id, other.device_id}
    updated = await client.update_device(other.device_id, {"display_name": "Renamed"})
    assert isinstance(updated, nio.UpdateDeviceResponse), updated
    asked = await client.delete_devices([other.device_id])
    assert isinstance(asked, nio.DeleteDevicesAuthResponse), asked
    auth = {
        "type": "m.login.password",
        "user": "carol",
        "password": PASSWORD,
        "session": asked.session,
    }
    deleted = await client.delete_devices([other.device_id], auth)
    assert isinstance(deleted, nio.DeleteDevicesResponse), deleted
    left = stored(server, "SELECT device_id FROM devices WHERE localpart = ?", "carol")
    assert left == [(client.device_id,)]
    await client.close()
    await other.close()


STAGE = "m.login.registration_token"


@pytest.fixture(scope="module")
def by_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that wants a registration token, and a stage after it, without which nio cannot do."""
    flows = json.dumps([[STAGE, "m.login.dummy"]])
    with serving(
        tmp_path_factory.mktemp("nio"), "--dev", environment={"OSTIARY_REGISTRATION__FLOWS": flows}
    ) as process:
        with sqlite3.connect(process.directory / "ostiary.db") as database:
            database.execute("INSERT INTO registration_tokens (token, completed, created_at) VALUES ('welcome', 0, 0)")
        database.close()
        yield process


async def test_register_with_a_registration_token(by_token: ServerProcess) -> None:
    client = nio.AsyncClient(by_token.address, "tina")
    registered = await client.register_with_token("tina", PASSWORD, "welcome", device_name="Tina's device")
    assert isinstance(registered, nio.RegisterResponse), registered
    whoami = await client.whoami()
    assert (whoami.user_id, whoami.device_id) == ("@tina:localhost", registered.device_id)
    await client.close()
    wrong = nio.AsyncClient(by_token.address, "tom")
    refused = await wrong.register_with_token("tom", PASSWORD, "guessed")
    assert not isinstance(refused, nio.RegisterResponse), refused
    assert stored(by_token, "SELECT kind FROM accounts WHERE localpart = ?", "tom") == []
    await wrong.close()
