"""Every endpoint of the contract, in one tuple. A new endpoint is entered here; all else follows from its class."""

from typing import Any, Final

from ostiary.api.account_deactivation import DeactivateAccount
from ostiary.api.admin import IsLocked, IsSuspended, Lock, Suspend, WhoIs
from ostiary.api.administrative_contact import (
    AddThirdPartyId,
    BindThirdPartyId,
    DeleteThirdPartyId,
    GetThirdPartyIds,
    PostThirdPartyId,
    RequestTokenToAddEmail,
    RequestTokenToAddPhone,
    UnbindThirdPartyId,
)
from ostiary.api.appservice_ping import PingAppservice
from ostiary.api.audit import GetAudit
from ostiary.api.capabilities import GetCapabilities
from ostiary.api.device_management import DeleteDevice, DeleteDevices, GetDevice, GetDevices, UpdateDevice
from ostiary.api.endpoint import Endpoint
from ostiary.api.login import GetLoginFlows, Login
from ostiary.api.login_token import GetLoginToken
from ostiary.api.logout import Logout, LogoutAll
from ostiary.api.openid import GetOpenIdUserInfo, RequestOpenIdToken
from ostiary.api.password_management import (
    ChangePassword,
    RequestTokenToResetPasswordEmail,
    RequestTokenToResetPasswordPhone,
)
from ostiary.api.password_policy import GetPasswordPolicy
from ostiary.api.profile import DeleteProfileField, GetProfile, GetProfileField, SetProfileField
from ostiary.api.refresh import Refresh, TokenRefresh
from ostiary.api.registration import (
    CheckUsernameAvailability,
    Register,
    RequestTokenToRegisterEmail,
    RequestTokenToRegisterPhone,
)
from ostiary.api.registration_tokens import IsRegistrationTokenValid
from ostiary.api.server_keys import GetServerKeys
from ostiary.api.support import GetSupport
from ostiary.api.validation import SubmitToken
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import GetWellKnownClient
from ostiary.api.whoami import WhoAmI

ENDPOINTS: Final[tuple[type[Endpoint[Any]], ...]] = (
    GetVersions, GetWellKnownClient, GetSupport, GetServerKeys, GetCapabilities,
    GetLoginFlows, Login, GetLoginToken, Refresh, TokenRefresh, Logout, LogoutAll,
    Register, CheckUsernameAvailability, IsRegistrationTokenValid,
    RequestTokenToRegisterEmail, RequestTokenToRegisterPhone,
    WhoAmI, ChangePassword, RequestTokenToResetPasswordEmail, RequestTokenToResetPasswordPhone, DeactivateAccount,
    GetPasswordPolicy,
    GetThirdPartyIds, PostThirdPartyId, AddThirdPartyId, BindThirdPartyId, DeleteThirdPartyId, UnbindThirdPartyId,
    RequestTokenToAddEmail, RequestTokenToAddPhone, SubmitToken,
    GetDevices, GetDevice, UpdateDevice, DeleteDevice, DeleteDevices,
    GetProfile, GetProfileField, SetProfileField, DeleteProfileField,
    RequestOpenIdToken, GetOpenIdUserInfo,
    WhoIs, IsSuspended, Suspend, IsLocked, Lock, PingAppservice, GetAudit,
)  # fmt: skip
