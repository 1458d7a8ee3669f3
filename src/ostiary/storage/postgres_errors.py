"""What PostgreSQL may answer without anybody here being at fault."""

from typing import Final

import asyncpg

BROKEN_OFF: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What a transaction is told that gives way to another: nothing of it was done, and it may be tried again."""

BEYOND_US: Final = (
    *BROKEN_OFF,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says of a connection that broke in the middle
    OSError,
)
"""Errors of the network, of the database's machine, or of others' transactions, which may pass; any other is a bug."""
