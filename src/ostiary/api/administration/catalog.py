"""Every endpoint of the admin API, in one tuple. It is no part of Matrix's catalog, which the spec is held against."""

from typing import Any, Final

from ostiary.api.administration.accounts import (
    Approve,
    CreateAccount,
    Deactivate,
    ExportAccount,
    GetAccount,
    ListAccounts,
    Reactivate,
    Reject,
    SetAdmin,
    SetExpiry,
    SetLocked,
    SetPassword,
    SetSuspended,
)
from ostiary.api.administration.audit import ListAccountEvents, ListEvents
from ostiary.api.administration.description import GetOpenApi
from ostiary.api.administration.devices import DeleteAnyDevice, EndSessions, ListDevices, ListSessions
from ostiary.api.administration.mail import DropMessage, ListMessages, RetryMessage
from ostiary.api.administration.registration_tokens import (
    ChangeToken,
    CreateToken,
    DeleteToken,
    GetToken,
    Invite,
    ListTokens,
)
from ostiary.api.administration.threepids import AddThreepid, ListThreepids, RemoveThreepid
from ostiary.api.endpoint import Endpoint

ADMIN_ENDPOINTS: Final[tuple[type[Endpoint[Any]], ...]] = (
    ListAccounts, GetAccount, CreateAccount, SetAdmin, SetLocked, SetSuspended, SetExpiry, Approve, Reject,
    Deactivate, Reactivate, SetPassword, ExportAccount,
    ListDevices, DeleteAnyDevice, ListSessions, EndSessions,
    ListThreepids, AddThreepid, RemoveThreepid,
    ListTokens, GetToken, CreateToken, ChangeToken, DeleteToken, Invite,
    ListMessages, RetryMessage, DropMessage,
    ListEvents, ListAccountEvents, GetOpenApi,
)  # fmt: skip
