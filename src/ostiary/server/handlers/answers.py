"""The parts that several answers share: a session as the contract words it."""

from ostiary.accounts.model import OpenedSession
from ostiary.accounts.sessions import WishedDevice
from ostiary.api.account_deactivation import UnbindResponse
from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.login import LoginResponse
from ostiary.server.services import Services


def wished_device(device_id: str | UnsetType, name: str | UnsetType, refresh_token: bool | UnsetType) -> WishedDevice:
    """The device that a login or a registration asks for."""
    return WishedDevice(
        device_id=None if device_id is UNSET else device_id,
        name=None if name is UNSET else name,
        refreshes=refresh_token is True,
    )


def login_response(opened: OpenedSession, services: Services) -> LoginResponse:
    """A new session, told to its client."""
    tokens = opened.tokens
    return LoginResponse(
        user_id=services.user_id(opened.localpart),
        access_token=tokens.access_token,
        device_id=opened.device_id,
        refresh_token=UNSET if tokens.refresh_token is None else tokens.refresh_token,
        expires_in_ms=UNSET if tokens.expires_in_ms is None else tokens.expires_in_ms,
        home_server=services.server_name,
        well_known=UNSET if services.announcements.discovery is None else services.announcements.discovery,
    )


def unbind_response(forgotten: bool) -> UnbindResponse:
    """Whether identity servers have forgotten what they knew."""
    return UnbindResponse(id_server_unbind_result="success" if forgotten else "no-support")
