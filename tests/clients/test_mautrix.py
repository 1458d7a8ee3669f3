"""mautrix, as it comes from the package index, against a real server process."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.process import ServerProcess, serving
from tests.world import PASSWORD

pytest.importorskip("mautrix")

from mautrix.client import ClientAPI
from mautrix.errors import MForbidden, MUnknownToken
from mautrix.types import LoginType, UserID


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("mautrix"), "--dev") as process:
        body = {"username": "alice", "password": PASSWORD, "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
        assert process.call("POST", "v3/register", body)[0] == 200
        yield process


async def test_log_in_whoami_log_out(server: ServerProcess) -> None:
    client = ClientAPI(base_url=server.address)
    try:
        flows = await client.get_login_flows()
        assert flows.supports_type(LoginType.PASSWORD)
        login = await client.login(UserID("alice"), password=PASSWORD, device_name="a bot")
        assert login.user_id == client.mxid == "@alice:localhost"
        whoami = await client.whoami()
        assert (whoami.user_id, whoami.device_id) == (login.user_id, login.device_id)
        await client.logout()
        with sqlite3.connect(server.directory / "ostiary.db") as database:
            query = "SELECT end_reason FROM sessions WHERE device_id = ?"
            assert database.execute(query, (login.device_id,)).fetchall() == [("logged_out",)]
        database.close()
        client.api.token = login.access_token
        with pytest.raises(MUnknownToken):
            await client.whoami()
    finally:
        await client.api.session.close()


async def test_wrong_password_is_forbidden(server: ServerProcess) -> None:
    client = ClientAPI(base_url=server.address)
    try:
        with pytest.raises(MForbidden):
            await client.login(UserID("alice"), password="wrong")
    finally:
        await client.api.session.close()


async def test_versions_are_read(server: ServerProcess) -> None:
    client = ClientAPI(base_url=server.address)
    try:
        versions = await client.versions()
        assert str(versions.latest_version) == "v1.19"
    finally:
        await client.api.session.close()
