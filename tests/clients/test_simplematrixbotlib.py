"""simplematrixbotlib, as it comes from the package index: a bot logs in, and later goes on with its stored session."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import ServerProcess, serving
from tests.world import PASSWORD

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, and those of what it imports
    botlib: Any = pytest.importorskip("simplematrixbotlib")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("botlib"), "--dev") as process:
        body = {"username": "bot", "password": PASSWORD, "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
        assert process.call("POST", "v3/register", body)[0] == 200
        yield process


def api_of(server: ServerProcess, folder: Path, **credentials: Any) -> Any:
    config = botlib.Config()
    config.encryption_enabled = False
    config.store_path = str(folder / "store")
    creds = botlib.Creds(server.address, session_stored_file=str(folder / "session.txt"), **credentials)
    return botlib.Api(creds, config)


async def test_logs_in_and_goes_on_with_the_stored_session(server: ServerProcess, tmp_path: Path) -> None:
    first = api_of(server, tmp_path, username="bot", password=PASSWORD)
    assert await botlib.api.check_valid_homeserver(server.address)
    await first.login()
    first.creds.session_write_file()
    await first.async_client.close()

    second = api_of(server, tmp_path, username="bot", password=PASSWORD)
    second.creds.session_read_file()
    await second.login()
    whoami = await second.async_client.whoami()
    assert (whoami.user_id, whoami.device_id) == ("@bot:localhost", first.creds.device_id)
    await second.async_client.close()


async def test_access_token_of_elsewhere(server: ServerProcess, tmp_path: Path) -> None:
    _, session = server.call(
        "POST", "v3/login",
        {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "bot"}, "password": PASSWORD},
    )  # fmt: skip
    api = api_of(server, tmp_path, username="bot", access_token=session["access_token"])
    await api.login()
    assert api.creds.device_id == session["device_id"]
    await api.async_client.close()


async def test_login_token_of_another_device(server: ServerProcess, tmp_path: Path) -> None:
    _, session = server.call(
        "POST", "v3/login",
        {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "bot"}, "password": PASSWORD},
    )  # fmt: skip
    auth = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "bot"}, "password": PASSWORD}
    status, made = server.call("POST", "v1/login/get_token", {"auth": auth}, session["access_token"])
    assert status == 200
    api = api_of(server, tmp_path, username="bot", login_token=made["login_token"])
    await api.login()
    assert (await api.async_client.whoami()).user_id == "@bot:localhost"
    await api.async_client.close()
