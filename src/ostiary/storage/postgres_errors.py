"""What PostgreSQL may answer without anybody here being at fault."""

from typing import Final

import asyncpg

BEYOND_US: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says of a connection that broke in the middle
    OSError,
)
"""Errors of the network, of the database's machine, or of others' transactions, which may pass; any other is a bug."""
