"""What the domain knows, as the contract of the admin API words it. The command line prints the same."""

from typing import TypeVar

from ostiary.accounts.model import Device
from ostiary.accounts.outbox import OutboxEntry
from ostiary.accounts.values import AccountDetails, LoggedEvent, OpenSession, RegistrationToken, ThirdPartyId
from ostiary.api.administration.accounts import AccountResponse
from ostiary.api.administration.audit import AccountEvent
from ostiary.api.administration.devices import AdminDevice, AdminSession
from ostiary.api.administration.mail import MessageResponse
from ostiary.api.administration.registration_tokens import TokenResponse
from ostiary.api.administrative_contact import ThirdPartyId as ThreepidResponse
from ostiary.api.endpoint import UNSET, UnsetType
from ostiary.api.identifiers import ServerName, make_user_id

T = TypeVar("T")


def account_response(account: AccountDetails, server_name: ServerName) -> AccountResponse:
    """An account."""
    return AccountResponse(
        user_id=make_user_id(account.localpart, server_name),
        kind=account.kind.value,
        state=account.state.value,
        admin=account.is_admin,
        locked=account.is_locked,
        suspended=account.is_suspended,
        expired=account.is_expired,
        awaits_approval=account.awaits_approval,
        erased=account.is_erased,
        has_password=account.has_password,
        created_at=account.created_at,
        deactivated_at=_or_unset(account.deactivated_at),
        expires_at=_or_unset(account.expires_at),
        appservice_id=_or_unset(account.appservice_id),
    )


def device_response(device: Device) -> AdminDevice:
    """A device."""
    return AdminDevice(
        device_id=device.device_id,
        display_name=_or_unset(device.display_name),
        last_seen_ip=_or_unset(device.last_seen_ip),
        last_seen_at=_or_unset(device.last_seen_at),
        last_seen_user_agent=_or_unset(device.last_seen_user_agent),
    )


def session_response(session: OpenSession) -> AdminSession:
    """A session."""
    return AdminSession(
        session_id=session.session_id,
        device_id=session.device_id,
        created_at=session.created_at,
        device_name=_or_unset(session.device_name),
        last_seen_ip=_or_unset(session.last_seen_ip),
        last_seen_at=_or_unset(session.last_seen_at),
    )


def threepid_response(one: ThirdPartyId) -> ThreepidResponse:
    """An address."""
    return ThreepidResponse(
        medium=one.medium.value, address=one.address, validated_at=one.validated_at, added_at=one.added_at
    )


def token_response(token: RegistrationToken) -> TokenResponse:
    """A registration token."""
    return TokenResponse(
        token=token.token,
        pending=token.pending,
        completed=token.completed,
        created_at=token.created_at,
        uses_allowed=_or_unset(token.uses_allowed),
        expires_at=_or_unset(token.expires_at),
        proposed_name=_or_unset(token.proposed_name),
        invited_address=_or_unset(token.invited_address),
    )


def message_response(entry: OutboxEntry) -> MessageResponse:
    """A message that waits."""
    return MessageResponse(
        message_id=str(entry.id),
        kind=entry.message.kind.value,
        medium=entry.message.medium.value,
        address=entry.message.address,
        created_at=entry.created_at,
        attempts=entry.attempts,
        next_attempt_at=entry.next_attempt_at,
        last_error=_or_unset(entry.last_error),
        given_up_at=_or_unset(entry.given_up_at),
    )


def event_response(logged: LoggedEvent, server_name: ServerName) -> AccountEvent:
    """An event."""
    event = logged.event
    return AccountEvent(
        event_id=logged.event_id,
        user_id=make_user_id(event.localpart, server_name),
        kind=event.kind.value,
        happened_at=event.at,
        address=event.origin.address,
        user_agent=event.origin.user_agent,
        detail=dict(event.detail),
    )


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
