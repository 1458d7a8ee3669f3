"""What an application service does as itself: making accounts in its namespaces, opening sessions on them, a ping."""

from ostiary.api.appservice_ping import PingAppservice
from ostiary.api.endpoint import UNSET
from ostiary.api.login import APPSERVICE_LOGIN, Login
from ostiary.api.registration import Register
from ostiary.api.users import ByUser
from ostiary.api.whoami import WhoAmI, WhoAmIResponse
from ostiary.client.appservice_core import AppserviceCore
from ostiary.client.flows.logins import begun_by
from ostiary.client.flows.registrations import session_of
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow


def whoami(core: AppserviceCore) -> Flow[WhoAmIResponse]:
    """Which user the application service itself is."""
    return core.send(WhoAmI())


def register(
    core: AppserviceCore,
    username: str,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Make an account in one of its namespaces, with a session. Raises Exclusive, UserInUse."""
    request = Register(
        type=APPSERVICE_LOGIN,
        username=username,
        device_id=device_id or UNSET,
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
    )
    return (yield from session_of(core, (yield from core.send(request))))


def register_without_login(core: AppserviceCore, username: str) -> Flow[str]:
    """Make an account in one of its namespaces, to speak as by ``as_user``, and return its user ID.

    Raises Exclusive, UserInUse.
    """
    request = Register(type=APPSERVICE_LOGIN, username=username, inhibit_login=True)
    return (yield from core.send(request)).user_id


def login(
    core: AppserviceCore,
    user: str,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Open a session for one of its users. ``user``: a user ID or its localpart. Raises Exclusive, Forbidden."""
    request = Login(
        type=APPSERVICE_LOGIN,
        identifier=ByUser(user),
        device_id=device_id or UNSET,
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
    )
    return begun_by(core, request)


def ping(core: AppserviceCore, appservice_id: str, transaction_id: str | None = None) -> Flow[int]:
    """Have the server call the application service; how long that took, in milliseconds.

    ``transaction_id``: what the call is to carry. Raises UrlNotSet, BadStatus, and the ConnectionFailed and
    ConnectionTimeout of ``ostiary.api.errors``.
    """
    request = PingAppservice(appservice_id=appservice_id, transaction_id=transaction_id or UNSET)
    return (yield from core.send(request)).duration_ms
