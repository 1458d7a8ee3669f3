"""The synchronous client: :class:`Client` at a server, :class:`Session` on an account. Thin; the logic is in the cores.

``async_client`` has the same names with ``await``; a test holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from ostiary.api.endpoint import Struct
from ostiary.api.secret import Secret
from ostiary.client.calls import RetryPolicy
from ostiary.client.client_core import ClientCore
from ostiary.client.discovery import discover
from ostiary.client.drivers import World
from ostiary.client.given import maybe_secret, secret
from ostiary.client.limits import Timeouts
from ostiary.client.sending import Sends
from ostiary.client.session_core import SessionCore
from ostiary.client.stores import MemoryStore, SessionStore
from ostiary.client.transports import HttpTransport, SyncTransport

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


class Client(Sends[ClientCore]):
    """A client at one server: ``Client("https://matrix.example.org")``.

    ``store``: where sessions are kept (in memory, if nothing is said). ``transport``: how the server is reached.
    ``retries``: how often and how long calls are tried again. ``timeouts``: how long each may take. ``world``: replaces
    transport, store, timeouts and clock at once, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        store: SessionStore | None = None,
        transport: SyncTransport | None = None,
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        world: World | None = None,
    ) -> None:
        self._world = world or World(transport or HttpTransport(), store or MemoryStore(), timeouts=timeouts)
        self._core = ClientCore(base_url, retries or RetryPolicy())

    @classmethod
    def discover(
        cls,
        server_name: str,
        *,
        store: SessionStore | None = None,
        transport: SyncTransport | None = None,
        retries: RetryPolicy | None = None,
    ) -> Client:
        """A client at the server of a domain, as its ``/.well-known`` says. Raises DiscoveryFailed."""
        world = World(transport or HttpTransport(), store or MemoryStore())
        try:
            base_url = world.run(discover(server_name, retries or RetryPolicy()))
        except BaseException:
            if transport is None:
                world.close()
            raise
        return cls(base_url, retries=retries, world=world)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections. Sessions stay as they are."""
        self._world.close()

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._core.calls.base_url

    def send(self, request: Endpoint[R]) -> R:
        """Make any call of the contract that needs no session."""
        return self._world.run(self._core.send(request))

    def login(
        self,
        user: str,
        password: str | Secret,
        *,
        device_id: str | None = None,
        device_name: str | None = None,
        refreshes: bool = True,
    ) -> Session:
        """Log in with a password. ``user``: a user ID or its localpart. ``refreshes``: whether to use refresh tokens.

        Raises Forbidden, UserDeactivated, UserLocked, LimitExceeded, ConnectionFailed.
        """
        flow = self._core.log_in(
            user, secret(password), device_id=device_id, device_name=device_name, refreshes=refreshes
        )
        return self._session(self._world.run(flow))

    def register(
        self,
        username: str | None = None,
        password: str | Secret | None = None,
        *,
        device_id: str | None = None,
        device_name: str | None = None,
        refreshes: bool = True,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> Session:
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
        return self._session(self._world.run(flow).session())

    def register_without_login(
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
        return self._world.run(flow).user_id

    def register_guest(self, *, device_name: str | None = None) -> Session:
        """Make a guest's account, with a session. Raises Forbidden where guests are not let in."""
        return self._session(self._world.run(self._core.register_guest(device_name)).session())

    def restore(self, record: SessionRecord, *, legacy_refresh: bool = False) -> Session:
        """Go on with a session that was kept. ``legacy_refresh``: refresh by the call of the first servers."""
        return self._session(record, legacy_refresh=legacy_refresh)

    def resume(self, user_id: str | None = None) -> Session | None:
        """The session stored last of those at this server, or of this user's; None where there is none."""
        record = self._world.run(self._core.resume(user_id))
        return None if record is None else self._session(record)

    def versions(self) -> Sequence[str]:
        """Which versions of the specification the server speaks."""
        return self._world.run(self._core.versions()).versions

    def login_flows(self) -> Sequence[LoginFlow]:
        """Which ways there are to log in."""
        return self._world.run(self._core.login_flows()).flows

    def is_available(self, username: str) -> bool:
        """Whether a name is free. Raises InvalidUsername, Exclusive for one that can never be had."""
        return self._world.run(self._core.is_available(username))

    def _session(self, record: SessionRecord, *, legacy_refresh: bool = False) -> Session:
        calls = self._core.calls_at(record.homeserver)
        return Session(self._world.another(), SessionCore(calls, record, legacy_refresh=legacy_refresh))


class Session(Sends[SessionCore]):
    """A session on an account. Made by :class:`Client`; may be used from several threads.

    Its tokens are refreshed by themselves, and stored before they are used.
    """

    def __init__(self, world: World, core: SessionCore) -> None:
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

    def send(self, request: Endpoint[R]) -> R:
        """Make any call of the contract, with the session's token. Raises NotLoggedIn when the session has ended."""
        return self._world.run(self._core.send(request))

    def whoami(self) -> WhoAmIResponse:
        """Whom the session belongs to, as the server sees it."""
        return self._world.run(self._core.who_am_i())

    def refresh(self, token: str | Secret | None = None) -> SessionRecord:
        """Refresh the tokens now. ``token``: another refresh token than the session's. Raises UnknownToken."""
        return self._world.run(self._core.refresh(maybe_secret(token)))

    def logout(self) -> None:
        """End the session; well if it has ended already. When the server cannot be reached it stays as it is."""
        self._world.run(self._core.log_out(everywhere=False))

    def logout_all(self) -> None:
        """End all sessions of the account."""
        self._world.run(self._core.log_out(everywhere=True))

    def login_again(self, password: str | Secret) -> None:
        """Log in again on the same device, after a soft logout."""
        self._world.run(self._core.log_in_again(secret(password)))

    def change_password(
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
        self._world.run(flow)

    def capabilities(self) -> Capabilities:
        """What the server lets the session's user do."""
        return self._world.run(self._core.capabilities())

    def devices(self) -> Sequence[DeviceResponse]:
        """All devices of the account."""
        return self._world.run(self._core.devices())

    def device(self, device_id: str) -> DeviceResponse:
        """One device. Raises NotFound."""
        return self._world.run(self._core.device(device_id))

    def rename_device(self, device_id: str, display_name: str) -> None:
        """Give a device another name. Raises NotFound."""
        self._world.run(self._core.rename_device(device_id, display_name))

    def delete_device(
        self,
        device_id: str,
        *,
        password: str | Secret | None = None,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> None:
        """Delete a device and end its session. Raises Forbidden, InteractiveAuthUnsupported."""
        self._world.run(self._core.delete_device(device_id, maybe_secret(password), stages))

    def delete_devices(
        self,
        device_ids: Sequence[str],
        *,
        password: str | Secret | None = None,
        stages: Mapping[str, StageHandler] | None = None,
    ) -> None:
        """Delete several devices and end their sessions. Raises Forbidden, InteractiveAuthUnsupported."""
        self._world.run(self._core.delete_devices(device_ids, maybe_secret(password), stages))
