"""The client: sessions that persist and refresh themselves, synchronous and asynchronous, over one core.

::

    async with AsyncClient("https://matrix.example.org", store=FileStore("sessions.json")) as client:
        session = await client.resume() or await client.login("alice", password)
        print((await session.whoami()).user_id)

What a server refuses is raised as the class of its error code, from ``ostiary.api.errors``.
"""

from ostiary.client.async_client import AsyncClient, AsyncSession
from ostiary.client.calls import RetryPolicy
from ostiary.client.errors import (
    CannotSend,
    ClientError,
    ConnectionFailed,
    DiscoveryFailed,
    InteractiveAuthUnsupported,
    NotLoggedIn,
    StoreUnreadable,
)
from ostiary.client.record import SessionRecord
from ostiary.client.stages import StageContext, StageHandler
from ostiary.client.stores import FileStore, MemoryStore, SessionStore
from ostiary.client.sync_client import Client, Session
from ostiary.client.transports import AsgiTransport, AsyncHttpTransport, AsyncTransport, HttpTransport, SyncTransport

__all__ = [
    "AsgiTransport", "AsyncClient", "AsyncHttpTransport", "AsyncSession", "AsyncTransport", "CannotSend", "Client",
    "ClientError", "ConnectionFailed", "DiscoveryFailed", "FileStore", "HttpTransport", "InteractiveAuthUnsupported",
    "MemoryStore", "NotLoggedIn", "RetryPolicy", "Session", "SessionRecord", "SessionStore", "StageContext",
    "StageHandler", "StoreUnreadable", "SyncTransport",
]  # fmt: skip
