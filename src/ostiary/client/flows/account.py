"""An account: who it is, its password, tokens for others, its end."""

from typing import TypeVar

from ostiary.api.account_deactivation import DeactivateAccount
from ostiary.api.capabilities import Capabilities, GetCapabilities
from ostiary.api.endpoint import UNSET, Endpoint, Struct
from ostiary.api.login_token import GetLoginToken, LoginTokenResponse
from ostiary.api.openid import OpenIdToken, RequestOpenIdToken
from ostiary.api.password_management import ChangePassword
from ostiary.api.secret import Secret
from ostiary.api.whoami import WhoAmI, WhoAmIResponse
from ostiary.client.answering import Stages
from ostiary.client.flows.authenticating import authenticated
from ostiary.client.given import secret
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


def send(core: Speaker, request: Endpoint[R]) -> Flow[R]:
    """Make any call of the contract, with the session's token. Raises NotLoggedIn when the session has ended."""
    return core.send(request)


def whoami(core: Speaker) -> Flow[WhoAmIResponse]:
    """Whom the session belongs to, as the server sees it."""
    return core.send(WhoAmI())


def capabilities(core: Speaker) -> Flow[Capabilities]:
    """What the server lets the session's user do."""
    return (yield from core.send(GetCapabilities())).capabilities


def change_password(
    core: Speaker,
    new_password: str | Secret,
    *,
    password: str | Secret | None = None,
    logout_devices: bool = True,
    stages: Stages = None,
) -> Flow[None]:
    """Give the account a new password; ``password`` is the one that it has.

    ``logout_devices``: whether to end all other sessions. Raises WeakPassword, Forbidden, InteractiveAuthUnsupported.
    """
    request = ChangePassword(new_password=secret(new_password), logout_devices=logout_devices)
    yield from authenticated(core, request, password, stages)


def login_token(
    core: Speaker, *, password: str | Secret | None = None, stages: Stages = None
) -> Flow[LoginTokenResponse]:
    """A token by which another device logs in to the account, once, by ``login_with_token``. Raises Forbidden."""
    return authenticated(core, GetLoginToken(), password, stages)


def openid_token(core: Speaker) -> Flow[OpenIdToken]:
    """A token by which another service learns who the user is, and which opens nothing else."""
    return core.send(RequestOpenIdToken(user_id=core.user_id))


def deactivation(erase: bool, id_server: str | None) -> DeactivateAccount:
    """The request that ends an account."""
    return DeactivateAccount(erase=erase or UNSET, id_server=id_server or UNSET)
