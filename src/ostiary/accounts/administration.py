"""What administrators do to accounts: once, here, whether it is asked for by command line or over HTTP.

Every change is recorded together with who made it. Must not know who may ask for it: a caller has been found to be an
administrator before. The specification's own calls, which allow less, are ``moderation``'s.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostiary.accounts.deactivation import Deactivations
from ostiary.accounts.devices import Devices
from ostiary.accounts.exporting import Exports
from ostiary.accounts.messages import MessageKind
from ostiary.accounts.model import AuditEvent, AuditKind, Device, EndReason, Origin
from ostiary.accounts.notices import Notices
from ostiary.accounts.paging import Page, page_of
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import Clock, Store
from ostiary.accounts.records import Records
from ostiary.accounts.registration import Registrations
from ostiary.accounts.threepids import Threepids
from ostiary.accounts.values import AccountChange, AccountDetails, LoggedEvent, OpenSession, ThirdPartyId
from ostiary.api.errors import BadState, Forbidden, InvalidParam, NotFound
from ostiary.api.identifiers import Localpart, ServerName, UserId, make_user_id, parse_user_id
from ostiary.api.secret import Secret

COMMAND_LINE: Final = "command line"

_KINDS: Final[Mapping[tuple[str, bool], AuditKind]] = {
    ("is_admin", True): AuditKind.MADE_ADMIN,
    ("is_admin", False): AuditKind.NO_LONGER_ADMIN,
    ("is_locked", True): AuditKind.LOCKED,
    ("is_locked", False): AuditKind.UNLOCKED,
    ("is_suspended", True): AuditKind.SUSPENDED,
    ("is_suspended", False): AuditKind.UNSUSPENDED,
}


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who administers, and from where. ``localpart`` None: whoever sits at the command line."""

    localpart: Localpart | None = None
    origin: Origin = Origin()

    @property
    def by(self) -> str:
        """What the record says of who it was."""
        return COMMAND_LINE if self.localpart is None else self.localpart


class Administration:
    """Administers accounts. They are named by localpart or user ID; where there is none such, NotFound is raised.

    A user ID that is none, or of another server, raises InvalidParam.
    """

    def __init__(
        self, store: Store, registrations: Registrations, passwords: Passwords, threepids: Threepids,
        deactivations: Deactivations, devices: Devices, records: Records, exports: Exports, notices: Notices,
        clock: Clock, server_name: ServerName, forget_sessions: Callable[[Iterable[int]], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._registrations = registrations
        self._passwords = passwords
        self._threepids = threepids
        self._deactivations = deactivations
        self._devices = devices
        self._records = records
        self._exports = exports
        self._notices = notices
        self._clock = clock
        self._server_name = server_name
        self._forget_sessions = forget_sessions

    # --- Looking -----------------------------------------------------------------------------------------------------

    async def list(
        self, start: str | None, limit: int, *, backward: bool = False, waiting: bool = False
    ) -> Page[AccountDetails]:
        """Accounts in the order of their localparts; ``waiting``: only those that wait for approval."""
        found = await self._store.list_details(start, limit + 1, backward=backward, waiting=waiting)
        return page_of(found, limit, lambda account: account.localpart)

    async def get(self, name: str) -> AccountDetails:
        """An account; failing that, the one of the name in lower case."""
        account = await self._find(self._localpart(name))
        if account is None:
            raise NotFound(f"There is no account {name!r}")
        return account

    async def events(
        self, name: str | None, start: str | None, limit: int, *, newest_first: bool
    ) -> Page[LoggedEvent]:  # fmt: skip
        """What has happened to an account, even to one that was rejected, or to all."""
        localpart = None
        if name is not None:
            localpart = self._localpart(name)
            account = await self._find(localpart)
            localpart = account.localpart if account else localpart
        page = await self._records.list(localpart, start, limit, newest_first=newest_first)
        if localpart is not None and start is None and not page.items and await self._find(localpart) is None:
            raise NotFound(f"There is no account {name!r}")
        return page

    async def export(self, name: str, admin: Administrator) -> dict[str, Any]:
        """All that is stored about a person, ready to be written as JSON."""
        account = await self.get(name)
        event = self._event(AuditKind.EXPORTED, account, admin)
        await self._store.record(event)  # first: nothing is handed out that is not on record
        return await self._exports.of(account, event.at)

    # --- What an account is ------------------------------------------------------------------------------------------

    async def create(
        self, name: str, password: Secret | None, admin: Administrator, *, is_admin: bool = False
    ) -> UserId:  # fmt: skip
        """Make an account. Raises InvalidUsername, Exclusive, UserInUse, WeakPassword."""
        return await self._registrations.create(name, password, is_admin=is_admin, by=admin.by, origin=admin.origin)

    async def change(self, name: str, change: AccountChange, admin: Administrator) -> None:
        """Change one thing of what an account is allowed: lock, suspend, let it expire, make it an administrator's.

        Raises Forbidden where administrators do it to themselves.
        """
        account = await self._get_another(name, admin)
        detail = {} if change.expires_at is None else {"expires_at": change.expires_at or None}
        event = self._event(_kind_of(change), account, admin, **detail)
        self._forget_sessions(await self._store.change_account(account.localpart, change, event))

    async def approve(self, name: str, admin: Administrator) -> None:
        """Let an account be used that waits for approval. Raises BadState where it does not."""
        account = await self._get_waiting(name)
        event = self._event(AuditKind.APPROVED, account, admin)
        told = await self._notices.about(MessageKind.APPROVED, account.localpart, event.at)
        change = AccountChange(awaits_approval=False)
        self._forget_sessions(await self._store.change_account(account.localpart, change, event, told))

    async def reject(self, name: str, admin: Administrator) -> None:
        """Delete an account that waits for approval, whose name is free then. Raises BadState where it does not."""
        account = await self._get_waiting(name)
        event = self._event(AuditKind.REJECTED, account, admin)
        told = await self._notices.about(MessageKind.REJECTED, account.localpart, event.at)
        if not await self._store.reject(account.localpart, event, told):
            raise BadState("The account does not wait for approval")

    async def deactivate(self, name: str, admin: Administrator, *, erase: bool) -> bool:
        """End an account, or erase one that has ended; False where an identity server could not be told.

        Raises BadState where there is nothing to end, Forbidden where administrators do it to themselves.
        """
        account = await self._get_another(name, admin)
        if account.deactivated_at is not None and (account.is_erased or not erase):
            raise BadState("The account has been deactivated already")
        return await self._deactivations.deactivate(account.localpart, admin.origin, erase=erase, by=admin.by)

    async def reactivate(self, name: str, password: Secret | None, admin: Administrator) -> None:
        """Let a deactivated account be used again. Raises BadState where it is not deactivated, WeakPassword."""
        account = await self.get(name)
        password_hash = None
        if password is not None:
            self._passwords.check_policy(password, (account.localpart,))
            password_hash = await self._passwords.hash(password)
        event = self._event(AuditKind.REACTIVATED, account, admin)
        if not await self._store.reactivate(account.localpart, password_hash, event):
            raise BadState("The account is not deactivated")

    async def set_password(
        self, name: str, password: Secret, admin: Administrator, *, logout_devices: bool
    ) -> None:  # fmt: skip
        """Give an account a password. Raises WeakPassword; BadState where the account is deactivated."""
        account = await self.get(name)
        if account.deactivated_at is not None:
            raise BadState("The account is deactivated; reactivating it can give it a password")
        await self._passwords.set(
            account.localpart, password, logout_devices=logout_devices, by=admin.by, origin=admin.origin
        )

    # --- What an account has -----------------------------------------------------------------------------------------

    async def list_devices(self, name: str) -> Sequence[Device]:
        """The devices of an account."""
        return await self._devices.list((await self.get(name)).localpart)

    async def list_sessions(self, name: str) -> Sequence[OpenSession]:
        """The sessions of an account that have not ended."""
        account = await self.get(name)
        await self._devices.bring_up_to_date()
        return await self._store.list_open_sessions(account.localpart)

    async def delete_device(self, name: str, device_id: str, admin: Administrator) -> None:
        """Delete a device, and end its session. Raises NotFound for a device, too."""
        account = await self.get(name)
        await self._devices.get(account.localpart, device_id)
        event = self._event(AuditKind.DEVICES_DELETED, account, admin, device_ids=[device_id])
        self._forget_sessions(await self._store.delete_devices(account.localpart, (device_id,), event, None))

    async def end_sessions(self, name: str, admin: Administrator) -> int:
        """End all sessions of an account and delete its devices; returns how many sessions there were."""
        account = await self.get(name)
        event = self._event(AuditKind.LOGGED_OUT_EVERYWHERE, account, admin)
        ended = await self._store.end_all_sessions(account.localpart, EndReason.ENDED_BY_ADMIN, event)
        self._forget_sessions(ended)
        return len(ended)

    async def list_threepids(self, name: str) -> Sequence[ThirdPartyId]:
        """The addresses of an account."""
        return await self._threepids.list((await self.get(name)).localpart)

    async def add_threepid(self, name: str, medium: str, address: str, admin: Administrator) -> ThirdPartyId:
        """Give an account an address, whose owner need not prove it. Raises ThreepidInUse, InvalidParam."""
        account = await self.get(name)
        if account.deactivated_at is not None:
            raise BadState("The account is deactivated")
        return await self._threepids.give(account.localpart, medium, address, admin.origin, admin.by)

    async def remove_threepid(self, name: str, medium: str, address: str, admin: Administrator) -> bool:
        """Take an address from an account; False where an identity server could not be told.

        Raises NotFound for an address, too.
        """
        account = await self.get(name)
        if not await self._threepids.has(account.localpart, medium, address):
            raise NotFound("The account has no such address")
        return await self._threepids.remove(account.localpart, medium, address, None, admin.origin, admin.by)

    # --- Who is meant ------------------------------------------------------------------------------------------------

    def user_id(self, account: AccountDetails) -> UserId:
        """The user ID of an account."""
        return make_user_id(account.localpart, self._server_name)

    def _localpart(self, name: str) -> Localpart:
        if not name.startswith("@"):
            return Localpart(name)
        try:
            parts = parse_user_id(name)
        except ValueError as error:
            raise InvalidParam(f"The user ID is none: {error}") from None
        if parts.server_name != self._server_name:
            raise InvalidParam("The user ID is of another server")
        return parts.localpart

    async def _find(self, localpart: Localpart) -> AccountDetails | None:
        found = await self._store.find_details(localpart)
        lowered = localpart.lower()
        return await self._store.find_details(lowered) if found is None and lowered != localpart else found

    async def _get_another(self, name: str, admin: Administrator) -> AccountDetails:
        account = await self.get(name)
        if account.localpart == admin.localpart:
            raise Forbidden("Administrators cannot do this to themselves")
        return account

    async def _get_waiting(self, name: str) -> AccountDetails:
        account = await self.get(name)
        if not account.awaits_approval:
            raise BadState("The account does not wait for approval")
        return account

    def _event(self, kind: AuditKind, account: AccountDetails, admin: Administrator, **detail: Any) -> AuditEvent:
        return AuditEvent(kind, account.localpart, self._clock.now(), admin.origin, {"by": admin.by, **detail})


def _kind_of(change: AccountChange) -> AuditKind:
    for (name, value), kind in _KINDS.items():
        if getattr(change, name) is value:
            return kind
    return AuditKind.EXPIRY_SET
