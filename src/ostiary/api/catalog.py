"""Every endpoint of the contract, in one tuple. A new endpoint is entered here; all else follows from its class."""

from typing import Any, Final

from ostiary.api.capabilities import GetCapabilities
from ostiary.api.device_management import DeleteDevice, DeleteDevices, GetDevice, GetDevices, UpdateDevice
from ostiary.api.endpoint import Endpoint
from ostiary.api.login import GetLoginFlows, Login
from ostiary.api.logout import Logout, LogoutAll
from ostiary.api.password_management import ChangePassword
from ostiary.api.refresh import Refresh, TokenRefresh
from ostiary.api.registration import CheckUsernameAvailability, Register
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import GetWellKnownClient
from ostiary.api.whoami import WhoAmI

ENDPOINTS: Final[tuple[type[Endpoint[Any]], ...]] = (
    GetVersions, GetWellKnownClient, GetCapabilities,
    GetLoginFlows, Login, Refresh, TokenRefresh, Logout, LogoutAll,
    Register, CheckUsernameAvailability,
    WhoAmI, ChangePassword,
    GetDevices, GetDevice, UpdateDevice, DeleteDevice, DeleteDevices,
)  # fmt: skip
