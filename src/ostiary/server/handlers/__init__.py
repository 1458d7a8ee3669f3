"""One module a spec file, one function an endpoint: from the contract's value to the domain and back."""

from ostiary.server.handlers import (
    capabilities,
    device_management,
    login,
    logout,
    password_management,
    refresh,
    registration,
    versions,
    wellknown,
    whoami,
)

HANDLERS = (
    capabilities, device_management, login, logout, password_management, refresh, registration, versions, wellknown,
    whoami,
)  # fmt: skip
"""Every module with handlers."""
