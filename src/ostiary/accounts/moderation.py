"""What administrators do to accounts over the Matrix API: lock, suspend, look where they are used.

The order of the questions keeps strangers from learning who exists: administrator? of this server? there? not another
administrator, not oneself? What is then done is ``administration``'s. Spec: admin.yaml.
"""

from collections.abc import Sequence

from ostiary.accounts.administration import Administration, Administrator
from ostiary.accounts.model import Caller, Origin
from ostiary.accounts.stores import RecordStore, StateStore
from ostiary.accounts.values import AccountChange, AccountDetails, Connection
from ostiary.api.errors import Forbidden, InvalidParam, NotFound
from ostiary.api.identifiers import Localpart, ServerName, parse_user_id


class Moderation:
    """Locks and suspends accounts for administrators that call with a token."""

    def __init__(
        self, store: StateStore, records: RecordStore, administration: Administration, server_name: ServerName
    ) -> None:
        self._store = store
        self._records = records
        self._administration = administration
        self._server_name = server_name

    async def is_admin(self, caller: Caller) -> bool:
        """Whether the caller administers this server."""
        account = await self._store.find_details(caller.localpart)
        return account is not None and account.is_admin

    async def ensure_admin(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller administers this server."""
        if not await self.is_admin(caller):
            raise Forbidden("Only an administrator of the server may do this")

    async def get(self, caller: Caller, user_id: str) -> AccountDetails:
        """An account, for an administrator who asks how it stands. Raises Forbidden, InvalidParam, NotFound."""
        await self.ensure_admin(caller)
        account = await self._store.find_details(self._parse(user_id))
        if account is None or account.deactivated_at is not None:
            raise NotFound("There is no such account")
        if account.is_admin and account.localpart != caller.localpart:
            raise Forbidden("The account is of an administrator")
        return account

    async def change(self, caller: Caller, user_id: str, change: AccountChange, origin: Origin) -> None:
        """Lock, unlock, suspend or unsuspend an account. Raises the same; Forbidden for one's own account, too."""
        account = await self.get(caller, user_id)
        await self._administration.change(account.localpart, change, Administrator(caller.localpart, origin))

    async def connections(self, caller: Caller, user_id: str) -> Sequence[Connection]:
        """Where a user has called from: oneself, or as an administrator anybody. Raises Forbidden, NotFound."""
        localpart = self._parse(user_id)
        if localpart != caller.localpart:
            await self.ensure_admin(caller)
            if await self._store.find_details(localpart) is None:
                raise NotFound("There is no such account")
        return await self._records.list_connections(localpart)

    def _parse(self, user_id: str) -> Localpart:
        try:
            parts = parse_user_id(user_id)
        except ValueError as error:
            raise InvalidParam(f"'userId': {error}", field="userId") from None
        if parts.server_name != self._server_name:
            raise InvalidParam("'userId' is of another server", field="userId")
        return parts.localpart
