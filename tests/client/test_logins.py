"""Logging in by every way that the server has, on both faces."""

from pathlib import Path
from typing import Any

import pytest

from ostiary.api.errors import Forbidden, UnknownToken
from ostiary.api.login import IdentityProvider
from ostiary.api.secret import Secret
from ostiary.api.users import ByPhone, ByThirdParty
from ostiary.client import CannotSend, Client, MemoryStore, NotLoggedIn
from ostiary.config import Config
from tests.client.faced import AnyFaces, Faces
from tests.client.homeservers import on_any_server
from tests.client.scripted import BASE, Script, reply
from tests.server.handlers.test_jwt import CONFIG as JWT
from tests.server.handlers.test_jwt import token_for
from tests.server.handlers.test_validation import ADDRESS, NUMBER, give, sending
from tests.world import PASSWORD, Account, World, open_config, open_world


@on_any_server
class TestPassword:
    @pytest.mark.parametrize("is_whole", [False, True])
    async def test_by_user(self, faces: AnyFaces, alice: Account, is_whole: bool) -> None:
        user = alice.user_id if is_whole else alice.localpart
        session = await faces.client().login(user, PASSWORD, device_id="PHONE", device_name="Phone")
        assert (session.user_id, session.device_id) == (alice.user_id, "PHONE")
        assert (await session.device("PHONE")).display_name == "Phone"
        assert session.record.refresh_token is not None

    async def test_without_refresh_tokens(self, faces: AnyFaces, alice: Account) -> None:
        session = await faces.client().login(alice.localpart, PASSWORD, refreshes=False)
        assert session.record.refresh_token is None

    async def test_wrong_one_and_nobody_are_refused_alike(self, faces: AnyFaces, alice: Account) -> None:
        told = set()
        for user, password in ((alice.localpart, "wrong"), (faces.world.name("nobody"), PASSWORD)):
            with pytest.raises(Forbidden) as caught:
                await faces.client().login(user, password)
            told.add(caught.value.message)
        assert len(told) == 1


class TestAddress:
    @pytest.mark.parametrize("user", [ADDRESS, ByThirdParty("email", ADDRESS), ByPhone("DE", "030 123456")])
    async def test_by_address(self, faces: Faces, world: World, alice: Account, user: Any) -> None:
        await give(world, alice)
        await give(world, alice, NUMBER, "msisdn")
        assert (await faces.client().login(user, PASSWORD)).user_id == alice.user_id

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return sending(tmp_path)


class TestServerThatTakesOneForAnother:
    """Its session would stand among one's own under a name that is another server's to give."""

    def log_in(self, user: Any, told: str) -> MemoryStore:
        store = MemoryStore()
        answer = reply(200, {"user_id": told, "access_token": "t", "device_id": "D"})
        client = Client(BASE, world=Script([answer]).world(store))
        try:
            client.login(user, PASSWORD)
        except NotLoggedIn as error:
            assert told in str(error)
        return store

    @pytest.mark.parametrize("told", ["@alice:bank.example", "@bob:example.org"])
    def test_is_not_believed(self, told: str) -> None:
        assert self.log_in("@alice:example.org", told).list() == []

    @pytest.mark.parametrize("user", ["@Alice:example.org", "alice", "alice@example.org", ByPhone("DE", "1")])
    def test_name_may_be_spelled_otherwise_or_not_be_a_user_id(self, user: Any) -> None:
        assert len(self.log_in(user, "@alice:example.org").list()) == 1


class TestTokens:
    @on_any_server
    async def test_of_another_device(self, faces: AnyFaces, alice: Account) -> None:
        first = await faces.client().login(alice.localpart, PASSWORD)
        told = await first.login_token(password=PASSWORD)
        assert told.expires_in_ms == 120_000
        second = await faces.client().login_with_token(told.login_token, device_name="Second")
        assert second.user_id == alice.user_id
        assert second.device_id != first.device_id
        with pytest.raises(Forbidden):
            await faces.client().login_with_token(told.login_token)

    async def test_of_a_trusted_issuer(self, tmp_path: Path) -> None:
        async with open_world(open_config(tmp_path, jwt=JWT)) as world:
            for is_sync in (True, False):
                session = await Faces(world, is_sync=is_sync).client().login_with_jwt(token_for(world))
                assert session.user_id == "@alice:localhost"

    @on_any_server
    async def test_by_any_way(self, faces: AnyFaces, alice: Account) -> None:
        fields = {"identifier": {"type": "m.id.user", "user": alice.localpart}, "password": PASSWORD}
        session = await faces.client().login_by("m.login.password", fields, device_id="X", device_name="Any")
        assert session.device_id == "X"
        assert (await session.whoami()).user_id == alice.user_id
        assert (await session.device("X")).display_name == "Any"

    async def test_what_has_an_argument_is_no_field(self, faces: Faces) -> None:
        with pytest.raises(CannotSend, match="device_id"):
            await faces.client().login_by("m.login.password", {"device_id": "X"})
        assert faces.asked == []


class TestImport:
    @on_any_server
    async def test_is_checked_and_keeps_its_device(self, faces: AnyFaces, alice: Account) -> None:
        store = MemoryStore()
        session = await faces.client(store).import_token(alice.access_token)
        assert (session.user_id, session.device_id) == (alice.user_id, alice.device_id)
        assert store.list() == [session.record]
        assert (await session.whoami()).device_id == alice.device_id

    @on_any_server
    async def test_dead_token_is_refused(self, faces: AnyFaces) -> None:
        store = MemoryStore()
        with pytest.raises(UnknownToken):
            await faces.client(store).import_token("dead")
        assert store.list() == []

    async def test_session_that_is_kept_already_goes_on_with_its_refresh_token(
        self, faces: Faces, alice: Account
    ) -> None:
        store = MemoryStore()
        client = faces.client(store)
        before = (await client.login("alice", PASSWORD)).record
        session = await client.import_token(before.access_token)
        assert session.record == before
        assert store.list() == [before]

    def test_server_that_does_not_tell_the_device(self) -> None:
        script = Script(by=lambda _: reply(200, {"user_id": "@a:b"}))
        client = Client(BASE, world=script.world())
        with pytest.raises(NotLoggedIn, match="of no device"):
            client.import_token("token")
        assert client.import_token(Secret("token"), device_id="D").device_id == "D"


@on_any_server
async def test_ways_to_log_in_are_data(faces: AnyFaces) -> None:
    told = {flow.type: flow for flow in await faces.client().login_flows()}
    # Synapse tells of the application services' way as well, where it has any.
    assert set(told) - {"m.login.application_service"} == {"m.login.password", "m.login.token"}
    assert told["m.login.token"].get_login_token is True


def test_identity_providers_are_told() -> None:
    provider = {"id": "oidc-x", "name": "X", "brand": "x"}
    script = Script([reply(200, {"flows": [{"type": "m.login.sso", "identity_providers": [provider]}]})])
    (flow,) = Client(BASE, world=script.world()).login_flows()
    assert flow.identity_providers == (IdentityProvider(id="oidc-x", name="X", brand="x"),)
