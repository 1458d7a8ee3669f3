"""The asynchronous client: :class:`AsyncClient` at a server, :class:`AsyncSession` on an account.

Thin, as ``sync_client``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from ostiary.api.endpoint import Struct
from ostiary.api.secret import Secret
from ostiary.client.calls import RetryPolicy
from ostiary.client.client_core import ClientCore
from ostiary.client.discovery import discover
from ostiary.client.drivers import AsyncWorld
from ostiary.client.given import maybe_secret, secret
from ostiary.client.limits import Timeouts
from ostiary.client.sending import AsyncSends
from ostiary.client.session_core import SessionCore
from ostiary.client.stores import MemoryStore, SessionStore
from ostiary.client.transports import AsyncHttpTransport, AsyncTransport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ostiary.api.capabilities import Capabilities
    from ostiary.api.device_management import DeviceResponse
    from ostiary.api.endpoint import Endpoint
    from ostiary.api.login import LoginFlow
    from ostiary.api.whoami import WhoAmIResponse
    from ostiary.client.record import SessionRecord
    from ostiary.client.stages import StageHandler

R = TypeVar("R", bound=Struct)


class AsyncClient(AsyncSends[ClientCore]):
    """A client at one server: ``AsyncClient("https://matrix.example.org")``.

    ``store``: where sessions are kept (in memory, if nothing is said). ``transport``: how the server is reached.
    ``retries``: how often and how long calls are tried again. ``timeouts``: how long each may take. ``world``: replaces
    transport, store, timeouts and clock at once, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        store: SessionStore | None = None,
        transport: AsyncTransport | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        world: AsyncWorld | None = None,
    ) -> None:
        self._world = world or AsyncWorld(transport or AsyncHttpTransport(), store or MemoryStore(), timeouts=timeouts)
        self._core = ClientCore(base_url, retries or RetryPolicy())

    @classmethod
    async def discover(
        cls,
        server_name: str,
        *,
        store: SessionStore | None = None,
        transport: AsyncTransport | None = None,
        retries: RetryPolicy | None = None,
    ) -> AsyncClient:
        """A client at the server of a domain, as its ``/.well-known`` says. Raises DiscoveryFailed."""
        world = AsyncWorld(transport or AsyncHttpTransport(), store or MemoryStore())
        try:
            base_url = await world.run(discover(server_name, retries or RetryPolicy()))
        except BaseException:
            if transport is None:
                await world.close()
            raise
        return cls(base_url, retries=retries, world=world)

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
        return self._core.calls.base_url

    async def send(self, request: Endpoint[R]) -> R:
        """Make any call of the contract that needs no session."""
        return await self._world.run(self._core.send(request))

    async def login(
        self,
        user: str,
        password: str | Secret,
        *,
        device_id: str | None = None,
        device_name: str | None = None,
        refreshes: bool = True,
    ) -> AsyncSession:
        """Log in with a password. ``user``: a user ID or its localpart. ``refreshes``: whether to use refresh tokens.

        Raises Forbidden, UserDeactivated, UserLocked, LimitExceeded, ConnectionFailed.
        """
        flow = self._core.log_in(
            user, secret(password), device_id=device_id, device_name=device_name, refreshes=refreshes
        )
        return self._session(await self._world.run(flow))

    async def register(
        self,
        username: str | None = None,
        password: str | Secret | None = None,
        *,
        device_id: str | None = None,
        device_name: str | None = None,
        refreshes: bool = True,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> AsyncSession:
        """Make an account and log in to it. ``username`` None: the server makes a name up.

        ``stages``: answers to what else the server may ask for, by stage. Raises UserInUse, InvalidUsername,
        WeakPassword, Forbidden, InteractiveAuthUnsupported.
        """
        flow = self._core.register(
            username,
            maybe_secret(password),
            device_id=device_id,
            device_name=device_name,
            refreshes=refreshes,
            log_in=True,
            stages=stages,
        )
        return self._session((await self._world.run(flow)).session())

    async def register_without_login(
        self,
        username: str | None = None,
        password: str | Secret | None = None,
        *,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> str:
        """Make an account without a session, and return its user ID."""
        flow = self._core.register(
            username,
            maybe_secret(password),
            device_id=None,
            device_name=None,
            refreshes=False,
            log_in=False,
            stages=stages,
        )
        return (await self._world.run(flow)).user_id

    async def register_guest(self, *, device_name: str | None = None) -> AsyncSession:
        """Make a guest's account, with a session. Raises Forbidden where guests are not let in."""
        return self._session((await self._world.run(self._core.register_guest(device_name))).session())

    def restore(self, record: SessionRecord, *, legacy_refresh: bool = False) -> AsyncSession:
        """Go on with a session that was kept. ``legacy_refresh``: refresh by the call of the first servers."""
        return self._session(record, legacy_refresh=legacy_refresh)

    async def resume(self, user_id: str | None = None) -> AsyncSession | None:
        """The session stored last of those at this server, or of this user's; None where there is none."""
        record = await self._world.run(self._core.resume(user_id))
        return None if record is None else self._session(record)

    async def versions(self) -> Sequence[str]:
        """Which versions of the specification the server speaks."""
        return (await self._world.run(self._core.versions())).versions

    async def login_flows(self) -> Sequence[LoginFlow]:
        """Which ways there are to log in."""
        return (await self._world.run(self._core.login_flows())).flows

    async def is_available(self, username: str) -> bool:
        """Whether a name is free. Raises InvalidUsername, Exclusive for one that can never be had."""
        return await self._world.run(self._core.is_available(username))

    def _session(self, record: SessionRecord, *, legacy_refresh: bool = False) -> AsyncSession:
        calls = self._core.calls_at(record.homeserver)
        return AsyncSession(self._world.another(), SessionCore(calls, record, legacy_refresh=legacy_refresh))


class AsyncSession(AsyncSends[SessionCore]):
    """A session on an account. Made by :class:`AsyncClient`; may be used from several tasks.

    Its tokens are refreshed by themselves, and stored before they are used.
    """

    def __init__(self, world: AsyncWorld, core: SessionCore) -> None:
        self._world = world
        self._core = core

    @property
    def record(self) -> SessionRecord:
        """The session as it is now, to be kept and restored. Raises NotLoggedIn when it has ended."""
        return self._core.current()

    @property
    def user_id(self) -> str:
        """Whose session it is, or was."""
        return self._core.last.user_id

    @property
    def device_id(self) -> str:
        """On which device."""
        return self._core.last.device_id

    async def send(self, request: Endpoint[R]) -> R:
        """Make any call of the contract, with the session's token. Raises NotLoggedIn when the session has ended."""
        return await self._world.run(self._core.send(request))

    async def whoami(self) -> WhoAmIResponse:
        """Whom the session belongs to, as the server sees it."""
        return await self._world.run(self._core.who_am_i())

    async def refresh(self, token: str | Secret | None = None) -> SessionRecord:
        """Refresh the tokens now. ``token``: another refresh token than the session's. Raises UnknownToken."""
        return await self._world.run(self._core.refresh(maybe_secret(token)))

    async def logout(self) -> None:
        """End the session; well if it has ended already. When the server cannot be reached it stays as it is."""
        await self._world.run(self._core.log_out(everywhere=False))

    async def logout_all(self) -> None:
        """End all sessions of the account."""
        await self._world.run(self._core.log_out(everywhere=True))

    async def login_again(self, password: str | Secret) -> None:
        """Log in again on the same device, after a soft logout."""
        await self._world.run(self._core.log_in_again(secret(password)))

    async def change_password(
        self,
        new_password: str | Secret,
        *,
        password: str | Secret | None = None,
        logout_devices: bool = True,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> None:
        """Give the account a new password; ``password`` is the one that it has.

        ``logout_devices``: whether to end all other sessions. Raises WeakPassword, Forbidden,
        InteractiveAuthUnsupported.
        """
        flow = self._core.change_password(secret(new_password), maybe_secret(password), logout_devices, stages)
        await self._world.run(flow)

    async def capabilities(self) -> Capabilities:
        """What the server lets the session's user do."""
        return await self._world.run(self._core.capabilities())

    async def devices(self) -> Sequence[DeviceResponse]:
        """All devices of the account."""
        return await self._world.run(self._core.devices())

    async def device(self, device_id: str) -> DeviceResponse:
        """One device. Raises NotFound."""
        return await self._world.run(self._core.device(device_id))

    async def rename_device(self, device_id: str, display_name: str) -> None:
        """Give a device another name. Raises NotFound."""
        await self._world.run(self._core.rename_device(device_id, display_name))

    async def delete_device(
        self,
        device_id: str,
        *,
        password: str | Secret | None = None,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> None:
        """Delete a device and end its session. Raises Forbidden, InteractiveAuthUnsupported."""
        await self._world.run(self._core.delete_device(device_id, maybe_secret(password), stages))

    async def delete_devices(
        self,
        device_ids: Sequence[str],
        *,
        password: str | Secret | None = None,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> None:
        """Delete several devices and end their sessions. Raises Forbidden, InteractiveAuthUnsupported."""
        await self._world.run(self._core.delete_devices(device_ids, maybe_secret(password), stages))
