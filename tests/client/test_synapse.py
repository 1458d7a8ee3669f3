"""What only Synapse can show: limits and tokens in real time, logins by browser, moderation, and what it does not have.

All else that runs against Synapse is in the tests that run against any server.
"""

import asyncio
import logging
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

import pytest

from ostiary.api.endpoint import UNSET
from ostiary.api.errors import Forbidden, LimitExceeded, Unrecognized, UserLocked, UserSuspended
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import AsyncClient, Client, HttpTransport, MemoryStore, RetryPolicy, Timeouts
from tests.client.faced import AnyFaces
from tests.client.homeservers import STRICT_SYNAPSE, SYNAPSE, SynapseWorld, on
from tests.client.scripted import refusal
from tests.peers.neighbors import Neighbors
from tests.server.handlers.test_appservices import TOKEN
from tests.world import PASSWORD, Account

NEW = "another good password"


@on(STRICT_SYNAPSE)
class TestInRealTime:
    """With nothing held: the client's own clock, and waits that take as long as they say."""

    async def test_session_outlives_its_tokens(self, world: SynapseWorld, alice: Account) -> None:
        client, later = Client(world.base_url), AsyncClient(world.base_url)
        session = await asyncio.to_thread(client.login, alice.user_id, PASSWORD)
        other = await later.login(alice.user_id, PASSWORD)
        before = {session.record.access_token, other.record.access_token}
        await asyncio.sleep(1.1)
        assert [(await world.whoami(token.reveal())).status for token in before] == [401, 401]
        assert (await asyncio.to_thread(session.whoami)).device_id == session.device_id
        assert (await other.whoami()).device_id == other.device_id
        assert before.isdisjoint({session.record.access_token, other.record.access_token})
        client.close()
        await later.close()

    async def test_limit_is_waited_out_or_raised_with_the_delay(
        self, world: SynapseWorld, alice: Account, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "ostiary.client")
        async with AsyncClient(world.base_url) as client:
            while "Login did not succeed (M_LIMIT_EXCEEDED); trying again" not in caplog.text:
                assert isinstance(await _mistyped(client, alice), Forbidden)
        error: Exception = Forbidden()
        async with AsyncClient(world.base_url, retries=RetryPolicy(attempts=1)) as client:
            while not isinstance(error, LimitExceeded):
                error = await _mistyped(client, alice)
        assert 0 < (error.retry_after_ms or 0) <= 1_000


async def _mistyped(client: AsyncClient, account: Account) -> Exception:
    with pytest.raises((Forbidden, LimitExceeded)) as caught:
        await client.login(account.user_id, "wrong")
    return caught.value


class Browser:
    """Goes wherever it is sent, with its cookies. ``pages``: where that was, in the end."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    def __call__(self, url: str) -> None:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
        with opener.open(url, timeout=30) as page:
            page.read()
            self.pages.append(page.url)


@on(STRICT_SYNAPSE)
class TestBrowser:
    async def test_logs_in_wherever_synapse_sends_it(self, faces: AnyFaces, around: Neighbors, alice: Account) -> None:
        around.name = alice.localpart
        browser, store = Browser(), MemoryStore()

        async def browse(url: str) -> None:
            await asyncio.to_thread(browser, url)

        client = faces.client(store)
        session = await client.login_by_browser(open_browser=faces.does(browse), device_name="Browser")
        assert session.user_id == alice.user_id
        assert (await session.device(session.device_id)).display_name == "Browser"
        assert store.list() == [session.record]
        assert [page.startswith("http://127.0.0.1:") for page in browser.pages] == [True]

    async def test_is_told_among_the_ways(self, faces: AnyFaces) -> None:
        told = {flow.type: flow for flow in await faces.client().login_flows()}
        (provider,) = told["m.login.sso"].identity_providers
        assert (provider.id, provider.name) == ("cas", "CAS")


@on(STRICT_SYNAPSE)
class TestOtherSettings:
    async def test_login_token_without_the_password(self, faces: AnyFaces, alice: Account) -> None:
        """Where a server does not ask for it, nobody needs to have it at hand."""
        session = await faces.client().login(alice.user_id, PASSWORD)
        told = await session.login_token()
        assert (await faces.client().login_with_token(told.login_token)).user_id == alice.user_id

    async def test_appservice_is_pinged(self, faces: AnyFaces, around: Neighbors) -> None:
        assert await faces.appservice(TOKEN).ping("bridge", "a transaction") >= 0
        assert around.pings[-1] == "a transaction"

    async def test_guests_are_not_let_in(self, faces: AnyFaces) -> None:
        with pytest.raises(Forbidden):
            await faces.client().register_guest()


@on(SYNAPSE)
class TestModeration:
    async def moderate(self, world: SynapseWorld, path: str, body: Any) -> None:
        admin = await world.register("admin", is_admin=True)
        answer = await world.call("PUT", f"/_synapse/admin/{path}", body, token=admin.access_token)
        assert answer.status in {200, 201}, answer

    async def test_locked_account_keeps_its_session(self, faces: AnyFaces, world: SynapseWorld, alice: Account) -> None:
        store = MemoryStore()
        session = await faces.client(store).login(alice.user_id, PASSWORD)
        await self.moderate(world, f"v2/users/{alice.user_id}", {"locked": True})
        for _ in range(2):
            with pytest.raises(UserLocked):
                await session.whoami()
        assert store.list() == [session.record]
        await self.moderate(world, f"v2/users/{alice.user_id}", {"locked": False})
        assert (await session.whoami()).user_id == alice.user_id

    async def test_suspended_account_may_do_less(self, faces: AnyFaces, world: SynapseWorld, alice: Account) -> None:
        session = await faces.client().login(alice.user_id, PASSWORD)
        await self.moderate(world, f"v1/suspend/{alice.user_id}", {"suspend": True})
        with pytest.raises(UserSuspended):
            await session.set_display_name("Somebody else")
        assert (await session.whoami()).user_id == alice.user_id

    async def test_by_the_calls_of_the_specification_it_is_not_to_be_had(self, faces: AnyFaces, alice: Account) -> None:
        await faces.world.make_admin(alice)
        session = await faces.client().login(alice.user_id, PASSWORD)
        with pytest.raises(Unrecognized):
            await session.is_locked(alice.user_id)
        assert (await session.capabilities()).account_moderation is UNSET


class _BeforeV3:
    """Lets no call through that is not of r0, as Synapse was before 2022. ``refused``: how many it was."""

    def __init__(self, inner: HttpTransport) -> None:
        self._inner = inner
        self.refused = 0

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        if request.path.startswith(("/_matrix/client/v", "/_matrix/client/unstable/")):
            self.refused += 1
            return refusal(404, "M_UNRECOGNIZED")
        return self._inner.exchange(base_url, request, timeouts)

    def close(self) -> None:
        self._inner.close()


@on(SYNAPSE)
class TestPaths:
    def test_a_life_by_the_paths_of_r0(self, world: SynapseWorld) -> None:
        transport, name = _BeforeV3(HttpTransport()), world.name("alice")
        with Client(world.base_url, transport=transport) as client:
            assert client.is_available(name)
            session = client.register(name, PASSWORD, refreshes=False)
            assert session.whoami().user_id == session.user_id
            other = client.login(name, PASSWORD, refreshes=False)
            session.rename_device(other.device_id, "Other")
            assert {one.display_name for one in session.devices()} == {None, "Other"}
            session.delete_device(other.device_id, password=PASSWORD)
            session.set_display_name("Alice")
            assert session.profile().displayname == "Alice"
            assert session.third_party_ids() == ()
            assert session.capabilities().change_password
            assert session.openid_token().matrix_server_name == "localhost"
            assert session.whois().user_id == session.user_id
            refused = transport.refused
            session.whoami()
            assert transport.refused == refused  # it is known by now which paths work
            session.change_password(NEW, password=PASSWORD)
            client.login(name, NEW).logout_all()
