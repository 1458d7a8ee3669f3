"""What a session does with its account, on both faces: addresses, passwords, profiles, administration, the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.api.errors import (
    Forbidden,
    NotFound,
    ServerNotTrusted,
    ThreepidAuthFailed,
    ThreepidInUse,
    TokenIncorrect,
    UnknownToken,
    UserInUse,
    UserLocked,
    WeakPassword,
)
from ostiary.client import (
    Answers,
    Client,
    CodeWanted,
    Dialogue,
    DialoguePaused,
    HtmlPage,
    InteractiveAuthUnsupported,
    MemoryStore,
    NotLoggedIn,
    Progress,
    Validation,
    ValidationPaused,
    Waiting,
)
from ostiary.config import Config, ContactConfig, RegistrationConfig, SupportConfig
from tests.client.faced import AnyFaces, Faced, Faces
from tests.client.homeservers import SYNAPSE, Homeserver, on, on_any_server
from tests.client.scripted import BASE, Script, reply
from tests.delivery.test_identity import MAIL
from tests.server.handlers.test_validation import ADDRESS, NUMBER, SECRET, give, sending
from tests.server.test_identity_servers import Place, place
from tests.world import PASSWORD, Account, World

__all__ = ["place"]  # a fixture

NEW = "another good password"
AT_ONCE = Waiting(timeout_ms=0)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    support = SupportConfig(contacts=(ContactConfig("m.role.admin", None, "admin@example.org"),))
    config = replace(sending(tmp_path, reveal_known=True), support=support)
    return replace(config, registration=RegistrationConfig(enabled=True, guests=True))


@pytest.fixture
async def session(faces: AnyFaces, alice: Account) -> Faced:
    opened: Faced = await faces.client().login(alice.user_id, PASSWORD)
    return opened


@pytest.fixture
def address(alice: Account) -> str:
    """A mail address that nobody has."""
    return f"{alice.localpart}@example.org"


async def follow_last(world: Homeserver) -> None:
    linked = [one for one in await world.messages() if "link" in one]
    assert await world.follow(linked[-1]["link"])


async def with_email(faces: AnyFaces, session: Faced, address: str) -> None:
    """Give an account an address."""
    validation = await session.begin_adding_email(address)
    await follow_last(faces.world)
    await session.add_validated(validation, password=PASSWORD, waiting=AT_ONCE)


async def last_code(world: World) -> str:
    coded: str = [one for one in await world.messages() if "code" in one][-1]["code"]
    return coded


async def listed(session: Faced) -> list[tuple[str, str]]:
    return [(one.medium, one.address) for one in await session.third_party_ids()]


@on_any_server
class TestAddingAnEmail:
    async def test_in_one_call(self, faces: AnyFaces, session: Faced, address: str) -> None:
        sent: list[Validation] = []

        async def on_sent(validation: Validation) -> None:
            sent.append(validation)
            await follow_last(faces.world)

        await session.add_email(address, password=PASSWORD, on_sent=faces.does(on_sent))
        assert await listed(session) == [("email", address)]
        assert [(one.medium, one.address) for one in sent] == [("email", address)]
        assert sent[0].client_secret.reveal() not in repr(sent)
        assert faces.slept == []

    async def test_polls_until_the_link_is_followed(self, faces: AnyFaces, session: Faced, address: str) -> None:
        with pytest.raises(ValidationPaused, match=address):
            await session.add_email(address, password=PASSWORD, waiting=Waiting(timeout_ms=20_000))
        assert faces.slept == [2_000, 3_000, 4_500, 6_750]
        assert await listed(session) == []

    async def test_is_gone_on_with_later(self, faces: AnyFaces, session: Faced, address: str) -> None:
        with pytest.raises(ValidationPaused) as caught:
            await session.add_email(address, password=PASSWORD, waiting=AT_ONCE)
        stored = json.dumps(caught.value.validation.to_json())
        await follow_last(faces.world)
        await session.add_validated(Validation.from_json(json.loads(stored)), password=PASSWORD, waiting=AT_ONCE)
        assert await listed(session) == [("email", address)]

    async def test_in_steps(self, faces: AnyFaces, session: Faced, address: str) -> None:
        validation = await session.begin_adding_email(address, next_link="https://example.org/back")
        await follow_last(faces.world)
        await session.add_validated(validation, password=PASSWORD, waiting=AT_ONCE)
        assert await listed(session) == [("email", address)]

    async def test_of_somebody_else(self, faces: AnyFaces, session: Faced, address: str) -> None:
        bob = await faces.client().login((await faces.world.register("bob")).user_id, PASSWORD)
        await with_email(faces, bob, address)
        with pytest.raises(ThreepidInUse):
            await session.add_email(address, password=PASSWORD)

    async def test_wrong_password_is_refused_at_once(self, faces: AnyFaces, session: Faced, address: str) -> None:
        with pytest.raises(Forbidden):
            await session.add_email(address, password="wrong")
        assert faces.slept == []

    async def test_removing_it(self, faces: AnyFaces, session: Faced, address: str) -> None:
        await with_email(faces, session, address)
        assert await session.remove_third_party_id("email", address) in (True, False)
        assert await listed(session) == []


class TestAddresses:
    async def test_a_phone_in_one_call(self, faces: Faces, session: Faced) -> None:
        wanted: list[int] = []

        async def code(one: CodeWanted) -> str:
            wanted.append(one.wrong)
            return await last_code(faces.world) if one.wrong else "000000"

        await session.add_phone("DE", "030 123456", code=faces.does(code), password=PASSWORD)
        assert await listed(session) == [("msisdn", NUMBER)]
        assert wanted == [0, 1]

    async def test_a_phone_in_steps(self, faces: Faces, session: Faced) -> None:
        validation = await session.begin_adding_phone("DE", "030 123456")
        with pytest.raises(TokenIncorrect):
            await session.submit_code(validation, "000000")
        await session.submit_code(validation, await last_code(faces.world))
        await session.add_validated(validation, password=PASSWORD)
        assert await listed(session) == [("msisdn", NUMBER)]

    async def test_by_the_deprecated_call(self, faces: Faces, session: Faced) -> None:
        validation = await session.begin_adding_email(ADDRESS)
        with pytest.raises(ThreepidAuthFailed):
            await session.post_third_party_id(validation.sid, validation.client_secret)
        await follow_last(faces.world)
        await session.post_third_party_id(validation.sid, validation.client_secret, bind=False)
        assert await listed(session) == [("email", ADDRESS)]

    async def test_removing_and_unbinding(self, faces: Faces, session: Faced, alice: Account) -> None:
        await give(faces.world, alice)
        assert await session.unbind_third_party_id("email", ADDRESS) in (True, False)
        assert await session.remove_third_party_id("email", ADDRESS) in (True, False)
        assert await listed(session) == []

    @pytest.mark.parametrize("is_sync", [True, False])
    async def test_binding_and_unbinding(self, place: Place, is_sync: bool) -> None:
        session = await Faces(place.world, is_sync=is_sync).client().register("alice", PASSWORD)
        await session.bind_third_party_id("sid1", SECRET, id_server=place.name, id_access_token="id-access-token")
        assert place.identity.bound == {MAIL: session.user_id}
        assert await session.unbind_third_party_id("email", MAIL, id_server=place.name) is True
        assert place.identity.bound == {}

    async def test_binding_where_it_is_not_trusted(self, session: Faced) -> None:
        with pytest.raises(ServerNotTrusted):
            await session.bind_third_party_id("sid", "secret", id_server="id.example.org", id_access_token="t")


class TestLostPassword:
    @on_any_server
    async def test_by_mail_in_one_call(self, faces: AnyFaces, session: Faced, alice: Account, address: str) -> None:
        await with_email(faces, session, address)

        async def on_progress(progress: Progress) -> None:
            if progress.is_waiting:
                await follow_last(faces.world)

        client = faces.client()
        await client.reset_password_by_email(address, NEW, on_progress=faces.does(on_progress))
        assert (await client.login(alice.user_id, NEW)).user_id == alice.user_id
        assert (await faces.world.whoami(alice.access_token)).status == 401

    @on_any_server
    async def test_by_mail_on_a_web_page(self, faces: AnyFaces, session: Faced, alice: Account, address: str) -> None:
        await with_email(faces, session, address)
        client = faces.client()
        with pytest.raises(DialoguePaused) as caught:
            await client.reset_password_by_email(address, NEW, logout_devices=False, waiting=AT_ONCE)
        stored = json.dumps(caught.value.dialogue.to_json())
        await follow_last(faces.world)
        await client.go_on(Dialogue.from_json(json.loads(stored)), stages=Answers(email=address, waiting=AT_ONCE))
        assert (await client.login(alice.user_id, NEW)).user_id == alice.user_id
        assert (await faces.world.whoami(alice.access_token)).status == 200

    async def test_by_phone(self, faces: Faces, alice: Account) -> None:
        await give(faces.world, alice, NUMBER, "msisdn")

        async def code(_: CodeWanted) -> str:
            return await last_code(faces.world)

        client = faces.client()
        await client.reset_password_by_phone("DE", "030 123456", NEW, code=faces.does(code))
        assert (await client.login("alice", NEW)).user_id == alice.user_id

    async def test_weak_one_is_refused_before_anybody_waits(self, faces: Faces, alice: Account) -> None:
        await give(faces.world, alice)
        with pytest.raises(WeakPassword):
            await faces.client().reset_password_by_email(ADDRESS, "short")


class TestDialogues:
    @on_any_server
    async def test_is_gone_on_with_by_another_answer(self, session: Faced, alice: Account) -> None:
        with pytest.raises(InteractiveAuthUnsupported) as caught:
            await session.delete_device(alice.device_id)
        assert caught.value.dialogue is not None
        dialogue = Dialogue.from_json(caught.value.dialogue.to_json())
        assert dialogue.request == caught.value.dialogue.request
        await session.go_on(dialogue, password=PASSWORD)
        with pytest.raises(NotFound):
            await session.device(alice.device_id)

    @pytest.mark.parametrize("stored", [{}, {"call": "WhoAmI"}, {"call": "Register", "path": 7}])
    async def test_what_is_none_is_told(self, stored: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="lacks something"):
            Dialogue.from_json(stored)
        with pytest.raises(ValueError, match="lacks something"):
            Validation.from_json(stored)


class TestProfiles:
    @on_any_server
    async def test_set_read_and_removed(self, faces: AnyFaces, session: Faced) -> None:
        await session.set_display_name("Alice")
        await session.set_avatar_url("mxc://localhost/a")
        await session.set_time_zone("Europe/Berlin")
        await session.set_profile_field("org.example.pet", {"name": "Rex"})
        profile = await session.profile()
        assert (profile.displayname, profile.avatar_url, profile.time_zone) == (
            "Alice", "mxc://localhost/a", "Europe/Berlin",
        )  # fmt: skip
        assert await session.profile_field("org.example.pet") == {"name": "Rex"}
        await session.delete_profile_field("displayname")
        other = await faces.client().register(faces.world.name("bob"), PASSWORD)
        assert (await other.profile(session.user_id)).displayname is None
        assert await other.profile_field("m.tz", session.user_id) == "Europe/Berlin"
        with pytest.raises(NotFound):
            await other.profile_field("org.example.cat", session.user_id)


class TestAdministration:
    async def test_locks_and_suspends(self, faces: Faces, session: Faced, alice: Account) -> None:
        await faces.world.make_admin(alice)
        admin = await faces.client().login("alice", PASSWORD)
        bob = await faces.client().register("bob", PASSWORD)
        await admin.set_locked(bob.user_id, True)
        assert await admin.is_locked(bob.user_id)
        with pytest.raises(UserLocked):
            await bob.whoami()
        await admin.set_locked(bob.user_id, False)
        await admin.set_suspended(bob.user_id, True)
        assert (await admin.is_suspended(bob.user_id), await admin.is_locked(bob.user_id)) == (True, False)
        await admin.set_suspended(bob.user_id, False)
        assert set((await admin.whois(bob.user_id)).devices) == {bob.device_id}

    @on_any_server
    async def test_tells_administrators_from_where_somebody_calls(self, faces: AnyFaces, alice: Account) -> None:
        bob = await faces.client().login((await faces.world.register("bob")).user_id, PASSWORD)
        session = await faces.client().login(alice.user_id, PASSWORD)
        with pytest.raises(Forbidden):
            await session.whois(bob.user_id)
        await faces.world.make_admin(alice)
        told = await (await faces.client().login(alice.user_id, PASSWORD)).whois(bob.user_id)
        assert told.user_id == bob.user_id
        assert (await bob.whois()).user_id == bob.user_id

    async def test_is_for_administrators(self, faces: Faces, session: Faced) -> None:
        bob = await faces.world.register("bob")
        for call in (session.set_locked(bob.user_id, True), session.is_suspended(bob.user_id)):
            with pytest.raises(Forbidden):
                await call
        assert session.device_id in (await session.whois()).devices


@on_any_server
class TestTokens:
    async def test_openid(self, faces: AnyFaces, session: Faced) -> None:
        told = await session.openid_token()
        assert told.matrix_server_name == "localhost"
        query = {"access_token": told.access_token.reveal()}
        answer = await faces.world.call("GET", "/_matrix/federation/v1/openid/userinfo", query=query)
        assert answer.json == {"sub": session.user_id}

    async def test_login_token_needs_the_password(self, session: Faced) -> None:
        with pytest.raises(InteractiveAuthUnsupported):
            await session.login_token()


@on_any_server
class TestEnding:
    async def test_deactivating(self, faces: AnyFaces, alice: Account) -> None:
        store = MemoryStore()
        session = await faces.client(store).login(alice.user_id, PASSWORD)
        await session.deactivate(password=PASSWORD, erase=True)
        assert store.list() == []
        with pytest.raises(NotLoggedIn):
            await session.whoami()
        with pytest.raises(Forbidden):
            await faces.client().login(alice.user_id, PASSWORD)
        assert (await faces.world.whoami(alice.access_token)).status == 401

    async def test_logging_out_everywhere(self, faces: AnyFaces, session: Faced, alice: Account) -> None:
        other = await faces.client().login(alice.user_id, PASSWORD)
        await session.logout_all()
        with pytest.raises(UnknownToken):
            await other.whoami()
        assert (await faces.world.whoami(alice.access_token)).status == 401


@on_any_server
class TestGuests:
    async def test_guest_becomes_a_user_of_the_same_name(self, faces: AnyFaces) -> None:
        store = MemoryStore()
        client = faces.client(store)
        guest = await client.register_guest()
        user = await guest.upgrade_guest(PASSWORD, device_name="Now a user")
        assert user.user_id == guest.user_id
        assert (await user.whoami()).is_guest is not True
        assert store.list() == [user.record]
        assert (await client.login(user.user_id, PASSWORD)).user_id == guest.user_id

    async def test_user_is_no_guest(self, faces: AnyFaces, session: Faced) -> None:
        with pytest.raises((Forbidden, UserInUse)):
            await session.upgrade_guest(PASSWORD)
        assert (await session.whoami()).user_id == session.user_id


class TestServer:
    async def test_contacts_and_place(self, faces: Faces) -> None:
        client = faces.client()
        (contact,) = (await client.support()).contacts
        assert contact.email_address == "admin@example.org"
        assert (await client.well_known()).homeserver.base_url == "https://matrix.example.org"

    @on_any_server
    async def test_place(self, faces: AnyFaces) -> None:
        assert (await faces.client().well_known()).homeserver.base_url.startswith("http")

    @on(SYNAPSE)
    async def test_no_contacts(self, faces: AnyFaces) -> None:
        """Synapse leaves that document to a web server beside it, and answers with a page."""
        with pytest.raises(NotFound):
            await faces.client().support()

    @pytest.mark.parametrize("status", [404, 500])
    async def test_page_of_a_web_server(self, status: int) -> None:
        script = Script(by=lambda _: reply(status, b"<html>", content_type="text/html"))
        client = Client(BASE, world=script.world())
        for ask in (client.support, client.well_known):
            with pytest.raises(NotFound if status == 404 else HtmlPage):
                ask()
