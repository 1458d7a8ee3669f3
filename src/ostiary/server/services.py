"""The services that handlers call, together; built in ``building``."""

from dataclasses import dataclass

from ostiary.accounts.administration import Administration
from ostiary.accounts.appservices import Appservices
from ostiary.accounts.deactivation import Deactivations
from ostiary.accounts.devices import Devices, LastSeen
from ostiary.accounts.expiry import Expiry
from ostiary.accounts.invitations import Invitations
from ostiary.accounts.login import Logins
from ostiary.accounts.moderation import Moderation
from ostiary.accounts.openid import OpenIds
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import Clock, Limiter, Store
from ostiary.accounts.ports_outside import Pinger
from ostiary.accounts.postroom import Postroom
from ostiary.accounts.profiles import Profiles
from ostiary.accounts.records import Records
from ostiary.accounts.registration import Registrations
from ostiary.accounts.sessions import Sessions
from ostiary.accounts.threepids import Threepids
from ostiary.accounts.uia import InteractiveAuth
from ostiary.accounts.validations import Validations
from ostiary.accounts.who import WhoIs
from ostiary.api.identifiers import ServerName, UserId, make_user_id
from ostiary.api.login import LoginFlowsResponse
from ostiary.api.support import Support
from ostiary.api.wellknown import Discovery
from ostiary.delivery.signing import SigningKey
from ostiary.server.flows import OperationFlows
from ostiary.server.links import Links
from ostiary.server.vitals import Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcements:
    """What the server says of itself. ``discovery`` and ``support`` are None where the configuration has none.

    ``tokens_by_login``: whether sessions can make tokens for a login elsewhere. ``threepid_changes``: whether there is
    a way for users to add an address.
    """

    discovery: Discovery | None
    support: Support | None
    login_flows: LoginFlowsResponse
    tokens_by_login: bool
    threepid_changes: bool


@dataclass(frozen=True, slots=True)
class CaptchaSite:
    """What a page shows a captcha with. ``service``: as the configuration names it; ``site_key``: the public key."""

    service: str
    site_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a request may need."""

    server_name: ServerName
    announcements: Announcements
    links: Links
    flows: OperationFlows
    clock: Clock
    limiter: Limiter
    store: Store
    sessions: Sessions
    logins: Logins
    registrations: Registrations
    passwords: Passwords
    devices: Devices
    last_seen: LastSeen
    administration: Administration
    records: Records
    uia: InteractiveAuth
    who: WhoIs
    appservices: Appservices
    validations: Validations
    threepids: Threepids
    deactivations: Deactivations
    expiry: Expiry
    moderation: Moderation
    profiles: Profiles
    openids: OpenIds
    invitations: Invitations
    postroom: Postroom
    pinger: Pinger
    signing_key: SigningKey | None
    vitals: Vitals
    captcha_site: CaptchaSite | None

    def user_id(self, localpart: str) -> UserId:
        """The user ID of an account of this server."""
        return make_user_id(localpart, self.server_name)
