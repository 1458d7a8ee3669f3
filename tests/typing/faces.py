"""What a type checker is to see of the client's two faces. It is checked, by two of them, and never run.

Methods that are made of flows are no less typed than those that are written out: what the answer is, which arguments
there are and of what type. Where a mistake must be found the line says so, as in ``sending``.
"""

from collections.abc import Sequence
from typing import Any, assert_type

from ostiary.api.administrative_contact import ThirdPartyId
from ostiary.api.capabilities import Capabilities
from ostiary.api.device_management import DeviceResponse
from ostiary.api.login import LoginFlow
from ostiary.api.login_token import LoginTokenResponse
from ostiary.api.profile import Profile
from ostiary.api.registration import RegisterResponse
from ostiary.api.secret import Secret
from ostiary.client import (
    Answers,
    AppserviceClient,
    AppserviceUser,
    AsyncAppserviceClient,
    AsyncAppserviceUser,
    AsyncClient,
    AsyncSession,
    AsyncTransport,
    Client,
    Dialogue,
    FileStore,
    RetryPolicy,
    Session,
    SessionRecord,
    SyncTransport,
    Timeouts,
    Validation,
    Waiting,
)


def what_a_client_answers(client: Client, dialogue: Dialogue[RegisterResponse]) -> None:
    assert_type(client.login("alice", "password", device_id="D", device_name=None, refreshes=False), Session)
    assert_type(client.login_with_token("token"), Session)
    assert_type(client.login_by("x.y", {"a": 1}), Session)
    assert_type(client.login_by_browser(open_browser=print, timeout_ms=1), Session)
    assert_type(client.import_token("token"), Session)
    assert_type(client.register(stages=Answers(accept_terms=True)), Session)
    assert_type(client.register_without_login("alice"), str)
    assert_type(client.go_on_registering(dialogue), Session)
    assert_type(client.go_on(dialogue), RegisterResponse)
    assert_type(client.resume("@a:b", legacy_refresh=True, on_soft_logout=lambda _: None), Session | None)
    assert_type(client.is_available("alice"), bool)
    assert_type(client.login_flows(), Sequence[LoginFlow])
    assert_type(client.sso_url("https://example.org"), str)
    client.reset_password_by_email("a@example.org", "new", waiting=Waiting(timeout_ms=0))


def how_servers_are_found(transport: SyncTransport, store: FileStore) -> None:
    patience, limits = RetryPolicy(attempts=9), Timeouts(total_ms=9_000)
    found = Client.discover("example.org", transport=transport, store=store, retries=patience, timeouts=limits)
    assert_type(found, Client)
    assert_type(Client("https://example.org", retries=patience, timeouts=limits, transport=transport), Client)
    AppserviceClient("https://example.org", "token", retries=patience, timeouts=limits, transport=transport)


async def how_servers_are_found_later(transport: AsyncTransport, password: Secret) -> None:
    limits = Timeouts(total_ms=9_000)
    found = await AsyncClient.discover("example.org", transport=transport, timeouts=limits, on_soft_logout=password)
    assert_type(found, AsyncClient)
    AsyncAppserviceClient("https://example.org", "token", timeouts=limits, transport=transport)


def what_a_session_answers(session: Session, validation: Validation, dialogue: Dialogue[RegisterResponse]) -> None:
    assert_type(session.devices(), Sequence[DeviceResponse])
    assert_type(session.capabilities(), Capabilities)
    assert_type(session.refresh(), SessionRecord)
    assert_type(session.login_token(password="p"), LoginTokenResponse)
    assert_type(session.upgrade_guest("password"), Session)
    assert_type(session.go_on_upgrading(dialogue), Session)
    assert_type(session.third_party_ids(), Sequence[ThirdPartyId])
    assert_type(session.begin_adding_email("a@example.org"), Validation)
    assert_type(session.profile(), Profile)
    assert_type(session.profile_field("m.tz"), Any)
    assert_type(session.is_locked("@a:b"), bool)
    session.add_validated(validation, password="p")


async def what_an_async_client_answers(client: AsyncClient, dialogue: Dialogue[RegisterResponse]) -> None:
    assert_type(await client.login("alice", "password", device_id="D", refreshes=False), AsyncSession)
    assert_type(await client.login_by_browser(open_browser=print, timeout_ms=1), AsyncSession)
    assert_type(await client.register(stages=Answers(accept_terms=True)), AsyncSession)
    assert_type(await client.go_on(dialogue), RegisterResponse)
    assert_type(await client.resume(), AsyncSession | None)
    assert_type(await client.is_available("alice"), bool)
    assert_type(client.sso_url("https://example.org"), str)


async def what_an_async_session_answers(session: AsyncSession) -> None:
    assert_type(await session.devices(), Sequence[DeviceResponse])
    assert_type(await session.refresh(), SessionRecord)
    assert_type(await session.upgrade_guest("password"), AsyncSession)
    assert_type(await session.profile(), Profile)


async def what_application_services_answer(client: AppserviceClient, later: AsyncAppserviceClient) -> None:
    assert_type(client.register("bridge_1"), Session)
    assert_type(client.as_user("@bridge_1:b"), AppserviceUser)
    assert_type(client.as_user("@bridge_1:b").devices(), Sequence[DeviceResponse])
    assert_type(await later.login("bridge_1"), AsyncSession)
    assert_type(later.as_user("@bridge_1:b"), AsyncAppserviceUser)
    assert_type(await later.ping("bridge"), int)


def mistakes_are_found(client: Client, session: Session, user: AppserviceUser) -> None:
    Client.discover("example.org", timeouts=9_000)  # type: ignore[arg-type]  # a number for timeouts
    Client.discover("example.org", patience=9)  # type: ignore[call-arg]  # no such option
    client.resume(legacy_refresh="yes")  # type: ignore[arg-type]  # a text for whether
    client.login("alice")  # type: ignore[call-arg]  # without the password
    client.login("alice", 7)  # type: ignore[arg-type]  # a number for a password
    client.login("alice", "password", "D")  # type: ignore[call-arg]  # by place what goes by name
    client.login("alice", "password", device="D")  # type: ignore[call-arg]  # no such argument
    client.login("alice", "password").devicez()  # type: ignore[attr-defined]  # a session has no such method
    session.device()  # type: ignore[call-arg]  # without saying which
    session.device(b"D")  # type: ignore[arg-type]  # bytes for text
    session.add_phone("DE", "030")  # type: ignore[call-arg]  # with nobody to ask for the code
    session.delete_devices(7)  # type: ignore[arg-type]  # a number for names
    session.devices().append(7)  # type: ignore[attr-defined]  # what was answered does not change
    user.logout()  # type: ignore[attr-defined]  # has no session to end


async def mistakes_are_found_later_too(client: AsyncClient, session: AsyncSession) -> None:
    await AsyncClient.discover("example.org", timeouts=9_000)  # type: ignore[arg-type]  # a number for timeouts
    await client.login("alice")  # type: ignore[call-arg]  # without the password
    await client.login("alice", 7)  # type: ignore[arg-type]  # a number for a password
    await client.login("alice", "password", device="D")  # type: ignore[call-arg]  # no such argument
    await session.device()  # type: ignore[call-arg]  # without saying which
    await session.device(b"D")  # type: ignore[arg-type]  # bytes for text
    client.login("alice", "password").devices()  # type: ignore[attr-defined]  # not awaited
    (await session.devices()).append(7)  # type: ignore[attr-defined]  # what was answered does not change
