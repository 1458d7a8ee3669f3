"""The client: sessions that persist and refresh themselves, synchronous and asynchronous, over one core.

::

    async with AsyncClient("https://matrix.example.org", store=FileStore("sessions.json")) as client:
        session = await client.resume() or await client.login("alice", password)
        print((await session.whoami()).user_id)

What a server refuses is raised as the class of its error code, from ``ostiary.api.errors``.
"""

from ostiary.client.answers import content_type_matches, parse
from ostiary.client.async_client import AsyncClient, AsyncSession
from ostiary.client.async_queues import AsyncPending, AsyncRequestQueue
from ostiary.client.calls import RetryPolicy
from ostiary.client.errors import (
    CannotSend,
    ClientError,
    ConnectionFailed,
    DiscoveryFailed,
    HtmlPage,
    InteractiveAuthUnsupported,
    NotLoggedIn,
    PagesRepeat,
    Redirected,
    RequestCancelled,
    StoreUnreadable,
    StoreUnwritable,
    TimedOut,
)
from ostiary.client.http_settings import HttpSettings
from ostiary.client.keyring_store import KeyringStore
from ostiary.client.limits import Timeouts
from ostiary.client.paging import AsyncPages, Pages
from ostiary.client.queues import CANCEL_REST, GO_ON, Pending, QueuePolicy, RequestQueue, Restored
from ostiary.client.record import SessionRecord
from ostiary.client.requests import Answered, Prepared, prepare
from ostiary.client.stages import StageContext, StageHandler
from ostiary.client.stores import FileStore, MemoryStore, SessionStore
from ostiary.client.sync_client import Client, Session
from ostiary.client.transports import AsgiTransport, AsyncHttpTransport, AsyncTransport, HttpTransport, SyncTransport

__all__ = [
    "Answered", "AsgiTransport", "AsyncClient", "AsyncHttpTransport", "AsyncPages", "AsyncPending",
    "AsyncRequestQueue", "AsyncSession", "AsyncTransport", "CANCEL_REST", "CannotSend", "Client", "ClientError",
    "ConnectionFailed", "DiscoveryFailed", "FileStore", "GO_ON", "HtmlPage", "HttpSettings", "HttpTransport",
    "InteractiveAuthUnsupported", "KeyringStore", "MemoryStore", "NotLoggedIn", "Pages", "PagesRepeat", "Pending",
    "Prepared", "QueuePolicy", "Redirected", "RequestCancelled", "RequestQueue", "Restored", "RetryPolicy", "Session",
    "SessionRecord", "SessionStore", "StageContext", "StageHandler", "StoreUnreadable", "StoreUnwritable",
    "SyncTransport", "TimedOut", "Timeouts", "content_type_matches", "parse", "prepare",
]  # fmt: skip
