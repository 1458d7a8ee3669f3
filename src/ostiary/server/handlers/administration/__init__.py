"""Serves ``api.administration``: one module for each of its modules."""

from ostiary.server.handlers.administration import (
    accounts,
    audit,
    description,
    devices,
    mail,
    registration_tokens,
    threepids,
)

ADMIN_HANDLERS = (accounts, audit, description, devices, mail, registration_tokens, threepids)
"""Every module with handlers of the admin API."""
