"""What a client holds without a session: where its server is, and how sessions there begin. Flows; no I/O."""

from typing import TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct, UnsetType
from ostiary.api.secret import Secret
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow, Load, Lock, Now, Remove, Save, Unlock, Whole

R = TypeVar("R", bound=Struct)


class ClientCore:
    """A client at one server. What it can do is in ``flows``."""

    def __init__(self, base_url: str, policy: RetryPolicy) -> None:
        self.calls = Calls(base_url, policy)

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self.calls.base_url

    def send(self, request: Endpoint[R]) -> Flow[R]:
        """Make any call that needs no session."""
        return self.calls.call(request)

    def calls_at(self, homeserver: str) -> Calls:
        """What makes a session's calls: at this server, what knows already which paths work there."""
        return self.calls.at(homeserver)

    def begun(
        self, user_id: str, device_id: str, access: Secret, refresh: Secret | UnsetType, expires_in_ms: int | UnsetType
    ) -> Flow[SessionRecord]:
        """Make a session of an answer, all of it, and store that before anybody uses it."""
        expires_at = yield from expiry(expires_in_ms)
        refresh_token = None if refresh is UNSET else refresh
        record = SessionRecord(self.base_url, user_id, device_id, access, refresh_token, expires_at)
        return (yield from put_last(record))


def expiry(expires_in_ms: int | UnsetType) -> Flow[int | None]:
    """When a token that lives so long dies."""
    if expires_in_ms is UNSET:
        return None
    now: int = yield Now()
    return now + expires_in_ms


def taken_over(record: SessionRecord) -> Flow[SessionRecord]:
    """Store a session of which there is the access token alone, unless it is stored already, with more."""
    yield Lock(record)
    try:
        kept: SessionRecord | None = yield Load(record)
        if kept is not None and kept.access_token == record.access_token:
            return kept
        yield Save(record)
    finally:
        yield Unlock()
    return record


def put_last(record: SessionRecord) -> Flow[SessionRecord]:
    """Store a session that has just begun, after all others, which makes it the one to be resumed."""
    yield Lock(record)
    try:
        yield Whole(_put(record))
    finally:
        yield Unlock()
    return record


def _put(record: SessionRecord) -> Flow[None]:
    yield Remove(record)  # what is stored of the same device has ended with this login
    yield Save(record)
