"""What a client does without a session: asking a server about itself, registering, logging in. Flows; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct, UnsetType
from ostiary.api.errors import UserInUse
from ostiary.api.login import PASSWORD_LOGIN, GetLoginFlows, Login, LoginFlowsResponse, LoginResponse
from ostiary.api.registration import GUEST, USER, CheckUsernameAvailability, Register, RegisterResponse
from ostiary.api.secret import Secret
from ostiary.api.users import ByUser
from ostiary.api.versions import GetVersions, VersionsResponse
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.errors import NotLoggedIn
from ostiary.client.record import SessionRecord
from ostiary.client.stages import StageHandler, authenticate, handlers_for
from ostiary.client.steps import Flow, Kept, Lock, Now, Save, Unlock

R = TypeVar("R", bound=Struct)


@dataclass(frozen=True, slots=True)
class Registration:
    """A new account. ``record`` is None where no session was wished."""

    user_id: str
    record: SessionRecord | None

    def session(self) -> SessionRecord:
        """The session that was wished. Raises NotLoggedIn where the server gave none."""
        if self.record is None:
            raise NotLoggedIn(f"the server made the account {self.user_id} but gave no session: log in to it")
        return self.record


class ClientCore:
    """The flows of a client at one server."""

    def __init__(self, base_url: str, policy: RetryPolicy) -> None:
        self.calls = Calls(base_url, policy)
        self._policy = policy

    def calls_at(self, homeserver: str) -> Calls:
        """What makes calls to a server: to this one, what knows already which paths work there."""
        return self.calls if homeserver == self.calls.base_url else Calls(homeserver, self._policy)

    def send(self, request: Endpoint[R]) -> Flow[R]:
        """Make any call that needs no session."""
        return self.calls.call(request)

    def log_in(
        self, user: str, password: Secret, *, device_id: str | None, device_name: str | None, refreshes: bool
    ) -> Flow[SessionRecord]:
        """Log in with a password, and store the session."""
        answer = yield from self.calls.call(
            Login(
                type=PASSWORD_LOGIN,
                identifier=ByUser(user),
                password=password,
                device_id=device_id or UNSET,
                initial_device_display_name=device_name or UNSET,
                refresh_token=refreshes or UNSET,
            )
        )
        return (yield from self.adopt(answer))

    def adopt(self, answer: LoginResponse) -> Flow[SessionRecord]:
        """Make a session of an answer, all of it, and store that before anybody uses it."""
        record = yield from self._record(
            answer.user_id, answer.device_id, answer.access_token, answer.refresh_token, answer.expires_in_ms
        )
        return (yield from _stored(record))

    def register(
        self,
        username: str | None,
        password: Secret | None,
        *,
        device_id: str | None,
        device_name: str | None,
        refreshes: bool,
        log_in: bool,
        stages: Mapping[str, StageHandler] | None,
    ) -> Flow[Registration]:
        """Make an account, through whatever interactive authentication the server asks for."""
        request = Register(
            kind=USER,
            username=username or UNSET,
            password=password or UNSET,
            device_id=device_id or UNSET,
            initial_device_display_name=device_name or UNSET,
            refresh_token=refreshes or UNSET,
            inhibit_login=UNSET if log_in else True,
        )
        answer = yield from authenticate(self.calls.call, request, handlers_for(None, None, stages))
        return (yield from self._registered(answer))  # fmt: skip

    def register_guest(self, device_name: str | None) -> Flow[Registration]:
        """Make a guest's account."""
        request = Register(kind=GUEST, initial_device_display_name=device_name or UNSET)
        return (yield from self._registered((yield from self.calls.call(request))))

    def resume(self, user_id: str | None) -> Flow[SessionRecord | None]:
        """The session stored last of those at this server."""
        kept: Sequence[SessionRecord] = yield Kept()
        here = [record for record in kept if record.homeserver == self.calls.base_url]
        return next((record for record in reversed(here) if user_id in (None, record.user_id)), None)

    def versions(self) -> Flow[VersionsResponse]:
        """Which versions of the specification the server speaks."""
        return self.calls.call(GetVersions())

    def login_flows(self) -> Flow[LoginFlowsResponse]:
        """Which ways there are to log in."""
        return self.calls.call(GetLoginFlows())

    def is_available(self, username: str) -> Flow[bool]:
        """Whether a name is free. Raises InvalidUsername, Exclusive for one that can never be had."""
        try:
            answer = yield from self.calls.call(CheckUsernameAvailability(username=username))
        except UserInUse:
            return False
        return answer.available is not False

    def _registered(self, answer: RegisterResponse) -> Flow[Registration]:
        if answer.access_token is UNSET or answer.device_id is UNSET:
            return Registration(answer.user_id, None)
        record = yield from self._record(
            answer.user_id, answer.device_id, answer.access_token, answer.refresh_token, answer.expires_in_ms
        )
        return Registration(answer.user_id, (yield from _stored(record)))

    def _record(
        self, user_id: str, device_id: str, access: Secret, refresh: Secret | UnsetType, expires_in_ms: int | UnsetType
    ) -> Flow[SessionRecord]:
        expires_at = yield from expiry(expires_in_ms)
        refresh_token = None if refresh is UNSET else refresh
        return SessionRecord(self.calls.base_url, user_id, device_id, access, refresh_token, expires_at)


def expiry(expires_in_ms: int | UnsetType) -> Flow[int | None]:
    """When a token that lives so long dies."""
    if expires_in_ms is UNSET:
        return None
    now: int = yield Now()
    return now + expires_in_ms


def _stored(record: SessionRecord) -> Flow[SessionRecord]:
    yield Lock(record)
    try:
        yield Save(record)
    finally:
        yield Unlock()
    return record
