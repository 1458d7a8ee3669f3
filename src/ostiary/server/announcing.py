"""What the server says of itself, from its configuration: where it is, whom to turn to, how to log in."""

from ostiary.accounts.appservices import Appservices
from ostiary.api.endpoint import UNSET
from ostiary.api.login import (
    APPSERVICE_LOGIN,
    JWT_LOGIN,
    PASSWORD_LOGIN,
    TOKEN_LOGIN,
    LoginFlow,
    LoginFlowsResponse,
)
from ostiary.api.support import Contact, Support
from ostiary.api.uia import EMAIL, MSISDN
from ostiary.api.wellknown import Discovery, ServerLocation
from ostiary.config import Config, ServerConfig, SupportConfig, usable_stages
from ostiary.server.services import Announcements


def announcements_of(config: Config, appservices: Appservices) -> Announcements:
    """All of it."""
    return Announcements(
        discovery=_discovery(config.server),
        support=_support(config.support),
        login_flows=_login_flows(config, appservices),
        tokens_by_login=config.login.token,
        threepid_changes=config.threepids.changes and bool({EMAIL, MSISDN} & usable_stages(config)),
    )


def _discovery(server: ServerConfig) -> Discovery | None:
    if not server.public_url:
        return None
    identity_server = ServerLocation(base_url=server.identity_server) if server.identity_server else UNSET
    return Discovery(homeserver=ServerLocation(base_url=server.public_url), identity_server=identity_server)


def _support(support: SupportConfig) -> Support | None:
    if not support.contacts and not support.page:
        return None
    contacts = tuple(
        Contact(role=one.role, matrix_id=one.matrix_id or UNSET, email_address=one.email_address or UNSET)
        for one in support.contacts
    )
    return Support(contacts=contacts or UNSET, support_page=support.page or UNSET)


def _login_flows(config: Config, appservices: Appservices) -> LoginFlowsResponse:
    flows = []
    if config.login.password:
        flows.append(LoginFlow(type=PASSWORD_LOGIN))
    if config.login.token:
        flows.append(LoginFlow(type=TOKEN_LOGIN, get_login_token=True))
    if appservices.all:
        flows.append(LoginFlow(type=APPSERVICE_LOGIN))
    if config.jwt.enabled:
        flows.append(LoginFlow(type=JWT_LOGIN))
    return LoginFlowsResponse(flows=tuple(flows))
