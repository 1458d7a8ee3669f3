"""The client: sessions that persist and refresh themselves, synchronous and asynchronous, over one core.

::

    async with AsyncClient("https://matrix.example.org", store=FileStore("sessions.json")) as client:
        session = await client.resume() or await client.login("alice", password)
        print((await session.whoami()).user_id)

What a server asks for besides, interactively, is answered by what the caller has, each stage by its own means; where a
person takes longer than the caller waits, the dialogue can be stored and gone on with::

    answers = Answers(accept_terms=True, email="alice@example.org", waiting=Waiting(timeout_ms=0))
    try:
        session = await client.register("alice", password, stages=answers)
    except DialoguePaused as paused:
        keep(paused.dialogue.to_json())  # and later, once the link in the mail has been followed:
        session = await client.go_on_registering(Dialogue.from_json(kept()), stages=answers)

What a server refuses is raised as the class of its error code, from ``ostiary.api.errors``.
"""

from ostiary.api.http import FileBody, SaveTo
from ostiary.client.answering import (
    Answers,
    CodeWanted,
    Fallback,
    Phone,
    Policy,
    Progress,
    Stages,
    Waiting,
)
from ostiary.client.answers import content_type_matches, parse
from ostiary.client.async_appservice import AsyncAppserviceClient, AsyncAppserviceUser
from ostiary.client.async_client import AsyncClient, AsyncSession
from ostiary.client.async_queues import AsyncPending, AsyncRequestQueue
from ostiary.client.calls import RetryPolicy
from ostiary.client.dialogue import Dialogue, Validation
from ostiary.client.errors import (
    AnswerTooLong,
    BrowserLoginFailed,
    CannotSave,
    CannotSend,
    ClientError,
    ConnectionFailed,
    Declined,
    DialoguePaused,
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
    ValidationPaused,
)
from ostiary.client.http_settings import HttpSettings
from ostiary.client.keyring_store import KeyringStore
from ostiary.client.limits import Timeouts
from ostiary.client.paging import AsyncPages, Pages
from ostiary.client.queues import CANCEL_REST, GO_ON, Pending, QueuePolicy, RequestQueue, Restored
from ostiary.client.raw import RawAnswer, RawCall
from ostiary.client.record import SessionRecord
from ostiary.client.requests import Answered, Prepared, prepare
from ostiary.client.session_core import OnSoftLogout
from ostiary.client.stages import StageContext, StageHandler
from ostiary.client.stores import FileStore, MemoryStore, SessionStore
from ostiary.client.sync_appservice import AppserviceClient, AppserviceUser
from ostiary.client.sync_client import Client, Session
from ostiary.client.transports import AsgiTransport, AsyncHttpTransport, AsyncTransport, HttpTransport, SyncTransport

__all__ = [
    "AnswerTooLong", "Answered", "Answers", "AppserviceClient", "AppserviceUser", "AsgiTransport",
    "AsyncAppserviceClient", "AsyncAppserviceUser", "AsyncClient", "AsyncHttpTransport", "AsyncPages", "AsyncPending",
    "AsyncRequestQueue", "AsyncSession", "AsyncTransport", "BrowserLoginFailed", "CANCEL_REST", "CannotSave",
    "CannotSend", "Client", "ClientError", "CodeWanted", "ConnectionFailed", "Declined", "Dialogue", "DialoguePaused",
    "DiscoveryFailed", "Fallback", "FileBody", "FileStore", "GO_ON", "HtmlPage", "HttpSettings", "HttpTransport",
    "InteractiveAuthUnsupported", "KeyringStore", "MemoryStore", "NotLoggedIn", "OnSoftLogout", "Pages", "PagesRepeat",
    "Pending", "Phone", "Policy", "Prepared", "Progress", "QueuePolicy", "RawAnswer", "RawCall", "Redirected",
    "RequestCancelled", "RequestQueue", "Restored", "RetryPolicy", "SaveTo", "Session", "SessionRecord", "SessionStore",
    "StageContext", "StageHandler", "Stages", "StoreUnreadable", "StoreUnwritable", "SyncTransport", "TimedOut",
    "Timeouts", "Validation", "ValidationPaused", "Waiting", "content_type_matches", "parse", "prepare",
]  # fmt: skip
