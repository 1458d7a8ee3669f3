"""The server in a test's hand: how it is reached, what it is told to do, what it has seen.

Lives in a thread of its own, so every method here simply waits for it, in synchronous tests and in asynchronous ones.
"""

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ostiary.accounts.administration import Administrator
from ostiary.accounts.messages import Medium
from ostiary.accounts.model import AuditEvent, AuditKind
from ostiary.accounts.sessions import WishedDevice
from ostiary.accounts.values import AccountChange, ProvenAddress
from ostiary.api.errors import NotFound
from ostiary.api.identifiers import Localpart, UserId
from ostiary.api.secret import Secret
from ostiary.client import AsyncClient, Client, MemoryStore, OnSoftLogout, RetryPolicy, SessionStore
from ostiary.client.drivers import AsyncWorld, World
from ostiary.config import Config
from ostiary.testing.bridging import BridgedApp, BridgedAsyncTransport, BridgedTransport
from ostiary.testing.clock import TurnableClock
from ostiary.testing.interception import Recorded, is_named
from ostiary.testing.loops import LoopThread
from ostiary.testing.pages import press_the_button
from ostiary.testing.people import PASSWORD, Account
from ostiary.testing.post import Mail, TextMessage
from ostiary.testing.rooms.house import FakeRooms
from ostiary.testing.running import Running
from ostiary.testing.tokens import expire

T = TypeVar("T")

_TESTER = Administrator()


class Server:
    """A server. Accounts are named by an :class:`Account`, a user ID or a localpart."""

    def __init__(self, thread: LoopThread[Running], opened: Running) -> None:
        self._thread = thread
        self._opened = opened
        self._services = opened.services
        self._count = 0

    # --- Reaching it -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL. Without a socket it leads nowhere, and serves to be given to a client with a transport."""
        return self._opened.url

    @property
    def app(self) -> BridgedApp:
        """The server as an ASGI application, for any event loop: ``httpx.ASGITransport(server.app)``."""
        return BridgedApp(self._opened.app, self._thread.loop)

    def transport(self) -> BridgedTransport:
        """For ``ostiary.client.Client``: into the server without a socket."""
        return BridgedTransport(self._opened.app, self._thread.loop)

    def atransport(self) -> BridgedAsyncTransport:
        """For ``ostiary.client.AsyncClient``: the same."""
        return BridgedAsyncTransport(self._opened.app, self._thread.loop)

    def client(
        self, store: SessionStore | None = None, *, retries: RetryPolicy | None = None,
        on_soft_logout: OnSoftLogout | None = None,
    ) -> Client:  # fmt: skip
        """A client without a socket, which has nothing to close. Its clock is the test's; it waits by turning it."""
        clock = self.clock
        world = World(self.transport(), store or MemoryStore(), now=clock.now, sleep=clock.advance)
        return Client(self.url, world=world, retries=retries, on_soft_logout=on_soft_logout)

    def aclient(
        self, store: SessionStore | None = None, *, retries: RetryPolicy | None = None,
        on_soft_logout: OnSoftLogout | None = None,
    ) -> AsyncClient:  # fmt: skip
        """The same, asynchronous."""
        clock = self.clock

        async def sleep(milliseconds: int) -> None:
            clock.advance(milliseconds)

        world = AsyncWorld(self.atransport(), store or MemoryStore(), now=clock.now, sleep=sleep)
        return AsyncClient(self.url, world=world, retries=retries, on_soft_logout=on_soft_logout)

    # --- What it is --------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._opened.config

    @property
    def clock(self) -> TurnableClock:
        """The clock that all of the server goes by."""
        return self._opened.clock

    @property
    def rooms(self) -> FakeRooms:
        """The faked rooms, which are no part of Ostiary."""
        return self._opened.rooms

    def user_id(self, localpart: str) -> UserId:
        """The user ID of a name on this server."""
        return self._services.user_id(localpart)

    # --- Accounts ----------------------------------------------------------------------------------------------------

    def account(
        self,
        name: str | None = None,
        *,
        password: str = PASSWORD,
        device_id: str | None = None,
        device_name: str | None = None,
        refreshes: bool = True,
        admin: bool = False,
        email: str | None = None,
    ) -> Account:
        """Make an account with a session; its name is made up where none is given. No limit counts this.

        ``refreshes``: whether the session has a refresh token. ``email``: an address of its own, proven. Raises
        InvalidUsername, UserInUse, WeakPassword.
        """
        self._count += 1
        name = name or f"user{self._count}"
        wished = WishedDevice(device_id=device_id, name=device_name, refreshes=refreshes)

        async def make() -> Account:
            administration, store = self._services.administration, self._services.store
            await administration.create(name, Secret(password), _TESTER, is_admin=admin)
            localpart = Localpart(name)
            made = await self._open(localpart, password, wished)
            if email is not None:  # last, so that nothing of all this is told to it by mail
                now = self.clock.now()
                proven = ProvenAddress(Medium.EMAIL, self._services.validations.email(email), now, "")
                await store.add_threepid(localpart, proven, AuditEvent(AuditKind.ADDRESS_ADDED, localpart, now), None)
            return made

        return self._run(make())

    def login(self, account: Account, *, device_id: str | None = None, refreshes: bool = True) -> Account:
        """Another session of an account: a new device's, or that of the device named. Raises UserLocked, NotFound."""
        wished = WishedDevice(device_id=device_id, refreshes=refreshes)
        return self._run(self._open(Localpart(account.localpart), account.password, wished))

    async def _open(self, localpart: Localpart, password: str, wished: WishedDevice) -> Account:
        credentials = await self._services.store.find_credentials(localpart)
        if credentials is None:
            raise NotFound(f"There is no account {localpart!r}")
        event = AuditEvent(AuditKind.LOGGED_IN, localpart, self.clock.now())
        opened = await self._services.sessions.open(credentials, wished, event)
        refresh = opened.tokens.refresh_token
        return Account(
            user_id=self.user_id(localpart),
            password=password,
            device_id=opened.device_id,
            access_token=opened.tokens.access_token.reveal(),
            refresh_token=None if refresh is None else refresh.reveal(),
            server=self,
        )

    def registration_token(
        self, token: str | None = None, *, uses: int | None = None, lifetime_ms: int | None = None
    ) -> str:  # fmt: skip
        """Make a token that lets one register; its text is made up where none is given."""
        expires_at = None if lifetime_ms is None else self.clock.now() + lifetime_ms
        made = self._services.invitations.create(token=token, uses_allowed=uses, expires_at=expires_at)
        return self._run(made).token

    def lock(self, account: Account | str, *, locked: bool = True) -> None:
        """Lock an account, or unlock it."""
        self._change(account, AccountChange(is_locked=locked))

    def suspend(self, account: Account | str, *, suspended: bool = True) -> None:
        """Suspend an account, or take that back."""
        self._change(account, AccountChange(is_suspended=suspended))

    def make_admin(self, account: Account | str) -> None:
        """Make an account an administrator's."""
        self._change(account, AccountChange(is_admin=True))

    def deactivate(self, account: Account | str, *, erase: bool = False) -> None:
        """End an account for good."""
        self._run(self._services.administration.deactivate(_name(account), _TESTER, erase=erase))
        self.rooms.wake()

    def _change(self, account: Account | str, change: AccountChange) -> None:
        self._run(self._services.administration.change(_name(account), change, _TESTER))
        self.rooms.wake()

    # --- Sessions ----------------------------------------------------------------------------------------------------

    def expire_token(self, account: Account) -> None:
        """Let the access token of a session expire now; its refresh token stays good."""
        self._expire(account, refresh_tokens=False)

    def soft_logout(self, account: Account) -> None:
        """Let all tokens of a session expire now: its device lives, and has to log in again (``soft_logout: true``)."""
        self._expire(account, refresh_tokens=True)

    def revoke(self, account: Account) -> None:
        """End a session and delete its device, as an administrator would (``soft_logout: false``)."""
        self._run(self._services.administration.delete_device(account.localpart, account.device_id, _TESTER))
        self.rooms.wake()

    def _expire(self, account: Account, *, refresh_tokens: bool) -> None:
        work = expire(account.localpart, account.device_id, self.clock.now(), refresh_tokens=refresh_tokens)

        async def write() -> None:
            self._services.sessions.forget(await self._opened.engine.write(work))

        self._run(write())
        self.rooms.wake()

    def keep_house(self) -> None:
        """Do now what a server does once in a while: log idle devices out, end accounts whose time is over."""
        house = self._opened.housekeeping
        for chore in (house.expire_accounts, house.end_idle_devices, house.forget_dead):
            self._run(chore())
        self.rooms.wake()

    # --- Messages ----------------------------------------------------------------------------------------------------

    def mails(self, to: str | None = None) -> list[Mail]:
        """The mails sent so far, oldest first, or those to one address."""
        self._run(self._opened.worker.deliver_due())
        return [mail for mail in self._opened.letterbox.mails if to in (None, mail.to)]

    def text_messages(self, to: str | None = None) -> list[TextMessage]:
        """The text messages sent so far, oldest first, or those to one number (digits alone)."""
        self._run(self._opened.worker.deliver_due())
        return [text for text in self._opened.letterbox.texts if to in (None, text.to)]

    def confirm(self, mail: Mail) -> None:
        """Follow a mail's link and press the button there. Raises LinkRefused; ValueError for a mail without a link."""
        if not mail.links:
            raise ValueError(f"The mail {mail.subject!r} has no link")
        self._run(press_the_button(mail.links[0], self._opened.plain))

    # --- Requests ----------------------------------------------------------------------------------------------------

    def requests(self, path: str = "*", method: str | None = None) -> Sequence[Recorded]:
        """The requests answered so far, to all paths or to one: ``/login``, ``/rooms/*``."""
        found = list(self._opened.app.recorded)
        return [one for one in found if is_named(one.path, path) and method in (None, one.method)]

    def fail_next(
        self,
        path: str,
        *,
        times: int = 1,
        status: int = 500,
        errcode: str = "M_UNKNOWN",
        error: str = "The test has asked for this error",
        method: str | None = None,
        **fields: Any,
    ) -> None:
        """Answer the next requests to a path (``/login``, ``*``) with an error, and do nothing else about them.

        ``fields``: what else the answer says, as ``retry_after_ms`` or ``soft_logout``.
        """
        self._opened.app.fail(
            path, status=status, errcode=errcode, error=error, times=times, method=method, fields=fields
        )

    def drop_next(self, path: str, *, times: int = 1, method: str | None = None, handled: bool = False) -> None:
        """Drop the connection of the next requests to a path instead of answering.

        ``handled``: do what they ask for all the same, so that only the answer is lost.
        """
        self._opened.app.drop(path, times=times, method=method, handled=handled)

    def heal(self) -> None:
        """Let everything go well again."""
        self._opened.app.heal()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._thread.run(coroutine)


def _name(account: Account | str) -> str:
    return account if isinstance(account, str) else account.user_id
