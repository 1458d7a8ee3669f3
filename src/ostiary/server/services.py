"""The services that handlers call, together; built in ``wiring``."""

from collections.abc import Mapping
from dataclasses import dataclass

from ostiary.accounts.devices import Devices, LastSeen
from ostiary.accounts.login import Logins
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import Clock, Limiter, Store
from ostiary.accounts.registration import Accounts, Registrations
from ostiary.accounts.sessions import Sessions
from ostiary.accounts.uia import Flows, InteractiveAuth
from ostiary.accounts.who import WhoIs
from ostiary.api.identifiers import ServerName, UserId, make_user_id
from ostiary.api.uia import PASSWORD
from ostiary.api.wellknown import Discovery

PASSWORD_FLOWS: Flows = ((PASSWORD,),)
"""What an operation asks for where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a request may need. ``discovery``: where clients find this server; None where it is not said.

    ``flows``: of operations whose flows are not the password alone.
    """

    server_name: ServerName
    discovery: Discovery | None
    flows: Mapping[str, Flows]
    clock: Clock
    limiter: Limiter
    store: Store
    sessions: Sessions
    logins: Logins
    registrations: Registrations
    passwords: Passwords
    devices: Devices
    last_seen: LastSeen
    accounts: Accounts
    uia: InteractiveAuth
    who: WhoIs

    def user_id(self, localpart: str) -> UserId:
        """The user ID of an account of this server."""
        return make_user_id(localpart, self.server_name)

    def flows_of(self, operation: str) -> Flows:
        """The ways to authenticate for an operation."""
        return self.flows.get(operation, PASSWORD_FLOWS)
