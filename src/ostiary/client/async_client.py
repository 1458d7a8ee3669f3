"""The asynchronous client: :class:`AsyncClient` at a server, :class:`AsyncSession` on an account. Thin; see ``flows``.

``sync_client`` has the same names without ``await``; each operation stands in ``flows`` once, for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from ostiary.client.async_account import AsyncAccount
from ostiary.client.async_opening import opening_later
from ostiary.client.calls import RetryPolicy
from ostiary.client.client_core import ClientCore
from ostiary.client.discovery import discover
from ostiary.client.drivers import AsyncWorld
from ostiary.client.faces import AwaitingFace, awaiting
from ostiary.client.flows import browser, logins, passwords, registrations, server, sessions
from ostiary.client.limits import Timeouts
from ostiary.client.sending import AsyncSends
from ostiary.client.session_core import OnSoftLogout, SessionCore
from ostiary.client.stores import MemoryStore, SessionStore
from ostiary.client.transports import AsyncHttpTransport, AsyncTransport

if TYPE_CHECKING:
    from types import TracebackType

    from ostiary.client.record import SessionRecord

C_co = TypeVar("C_co", bound=ClientCore, covariant=True)


class AsyncSession(AsyncAccount[SessionCore], AsyncSends[SessionCore]):
    """A session on an account. Made by :class:`AsyncClient`; may be used from several tasks.

    Its tokens are refreshed by themselves, and stored before they are used.
    """

    @property
    def record(self) -> SessionRecord:
        """The session as it is now, to be kept and restored. Raises NotLoggedIn when it has ended."""
        return self._core.current()

    @property
    def device_id(self) -> str:
        """On which device."""
        return self._core.last.device_id

    def _opened(self, record: SessionRecord) -> AsyncSession:
        core = SessionCore(self._core.calls, record, on_soft_logout=self._core.on_soft_logout)
        return AsyncSession(self._world.another(), core)

    refresh = awaiting(sessions.refresh)
    logout = awaiting(sessions.logout)
    logout_all = awaiting(sessions.logout_all)
    login_again = awaiting(sessions.login_again)
    deactivate = awaiting(sessions.deactivate)
    upgrade_guest = opening_later(sessions.upgrade_guest)
    go_on_upgrading = opening_later(sessions.go_on_upgrading)


class AsyncServerFace(AwaitingFace[C_co]):
    """What clients and application services at a server have in common."""

    def __init__(self, world: AsyncWorld, core: C_co, on_soft_logout: OnSoftLogout | None) -> None:
        super().__init__(world, core)
        self._on_soft_logout = on_soft_logout

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections. Sessions stay as they are."""
        await self._world.close()

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._core.base_url

    def restore(
        self, record: SessionRecord, *, legacy_refresh: bool = False, on_soft_logout: OnSoftLogout | None = None
    ) -> AsyncSession:
        """Go on with a session that was kept. ``legacy_refresh``: refresh by the call of the first servers.

        ``on_soft_logout``: for this session, in place of the client's.
        """
        core = SessionCore(
            self._core.calls_at(record.homeserver),
            record,
            legacy_refresh=legacy_refresh,
            on_soft_logout=on_soft_logout or self._on_soft_logout,
        )
        return AsyncSession(self._world.another(), core)

    def _opened(self, record: SessionRecord) -> AsyncSession:
        return self.restore(record)

    async def resume(
        self, user_id: str | None = None, *, legacy_refresh: bool = False, on_soft_logout: OnSoftLogout | None = None
    ) -> AsyncSession | None:
        """The session begun last of those at this server, or of this user's; None where there is none.

        ``legacy_refresh``, ``on_soft_logout``: as of ``restore``.
        """
        record = await self._world.run(logins.resume(self._core, user_id))
        if record is None:
            return None
        return self.restore(record, legacy_refresh=legacy_refresh, on_soft_logout=on_soft_logout)

    send = awaiting(server.send)
    versions = awaiting(server.versions)
    login_flows = awaiting(server.login_flows)
    is_available = awaiting(server.is_available)
    is_registration_token_valid = awaiting(server.is_registration_token_valid)
    support = awaiting(server.support)
    well_known = awaiting(server.well_known)


class AsyncClient(AsyncServerFace[ClientCore], AsyncSends[ClientCore]):
    """A client at one server: ``AsyncClient("https://matrix.example.org")``.

    ``store``: where sessions are kept (in memory, if nothing is said). ``transport``: how the server is reached.
    ``retries``: how often and how long calls are tried again. ``timeouts``: how long each may take. ``on_soft_logout``:
    how sessions log in again when the server has forgotten their tokens but not their device: a password, or a function
    that asks for one. ``world``: replaces transport, store, timeouts and clock at once, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        store: SessionStore | None = None,
        transport: AsyncTransport | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        on_soft_logout: OnSoftLogout | None = None,
        world: AsyncWorld | None = None,
    ) -> None:
        world = world or AsyncWorld(transport or AsyncHttpTransport(), store or MemoryStore(), timeouts=timeouts)
        super().__init__(world, ClientCore(base_url, retries or RetryPolicy()), on_soft_logout)

    @classmethod
    async def discover(
        cls,
        server_name: str,
        *,
        store: SessionStore | None = None,
        transport: AsyncTransport | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        on_soft_logout: OnSoftLogout | None = None,
    ) -> AsyncClient:
        """A client at the server of a domain, as its ``/.well-known`` says. Raises DiscoveryFailed."""
        world = AsyncWorld(transport or AsyncHttpTransport(), store or MemoryStore(), timeouts=timeouts)
        try:
            base_url = await world.run(discover(server_name, retries or RetryPolicy()))
        except BaseException:
            if transport is None:
                await world.close()
            raise
        return cls(base_url, retries=retries, on_soft_logout=on_soft_logout, world=world)

    def sso_url(self, redirect_url: str, *, identity_provider: str | None = None, action: str | None = None) -> str:
        """Where a person logs in with a browser, which then goes to ``redirect_url``, a ``loginToken`` in its query.

        That is for ``login_with_token``. ``identity_provider``: the ID of one that ``login_flows`` tells; ``action``:
        ``login`` or ``register``, as a hint to the server.
        """
        return browser.sso_url(self.base_url, redirect_url, identity_provider=identity_provider, action=action)

    login = opening_later(logins.login)
    login_with_token = opening_later(logins.login_with_token)
    login_with_jwt = opening_later(logins.login_with_jwt)
    login_by = opening_later(logins.login_by)
    login_by_browser = opening_later(browser.login_by_browser)
    import_token = opening_later(logins.import_token)

    register = opening_later(registrations.register)
    register_guest = opening_later(registrations.register_guest)
    go_on_registering = opening_later(registrations.go_on_registering)
    register_without_login = awaiting(registrations.register_without_login)

    reset_password_by_email = awaiting(passwords.reset_password_by_email)
    reset_password_by_phone = awaiting(passwords.reset_password_by_phone)
    go_on = awaiting(passwords.go_on)
