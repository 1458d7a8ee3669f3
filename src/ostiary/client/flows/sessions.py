"""What only a session of one's own can do: refresh, end, log in again, end with its account."""

from typing import TypeVar

from ostiary.api.endpoint import UNSET, Struct
from ostiary.api.registration import USER, Register, RegisterResponse
from ostiary.api.secret import Secret
from ostiary.client.answering import Stages, answers_of
from ostiary.client.client_core import expiry, put_last
from ostiary.client.dialogue import Dialogue
from ostiary.client.errors import NotLoggedIn
from ostiary.client.flows.account import deactivation
from ostiary.client.flows.authenticating import Conversation, authenticated
from ostiary.client.given import maybe_secret, secret
from ostiary.client.record import SessionRecord
from ostiary.client.session_core import SessionCore
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)


def refresh(core: SessionCore, token: str | Secret | None = None) -> Flow[SessionRecord]:
    """Refresh the tokens now. ``token``: another refresh token than the session's.

    Raises UnknownToken; CannotSend where the session came about by an API that this version does not know.
    """
    return core.refresh(maybe_secret(token))


def logout(core: SessionCore) -> Flow[None]:
    """End the session; well if it has ended already. When the server cannot be reached it stays as it is."""
    return core.log_out(everywhere=False)


def logout_all(core: SessionCore) -> Flow[None]:
    """End all sessions of the account."""
    return core.log_out(everywhere=True)


def login_again(core: SessionCore, password: str | Secret) -> Flow[None]:
    """Log in again on the same device, after a soft logout."""
    yield from core.log_in_again(secret(password))


def deactivate(
    core: SessionCore,
    *,
    password: str | Secret | None = None,
    erase: bool = False,
    id_server: str | None = None,
    stages: Stages = None,
) -> Flow[bool]:
    """End the account for good, and the session with it.

    ``erase``: whether what the account has left behind is to be forgotten as well; ``id_server``: where its addresses
    are to be unbound, else where they are. Returns whether they are. Raises Forbidden, InteractiveAuthUnsupported.
    """
    answer = yield from authenticated(core, deactivation(erase, id_server), password, stages)
    yield from core.end(core.last)
    return answer.id_server_unbind_result == "success"


def upgrade_guest(
    core: SessionCore,
    password: str | Secret,
    *,
    device_name: str | None = None,
    refreshes: bool = True,
    stages: Stages = None,
) -> Flow[SessionRecord]:
    """Make a user of a guest, who keeps the account; the guest's session ends.

    Raises Forbidden, WeakPassword, InteractiveAuthUnsupported, DialoguePaused.
    """
    guest = core.current()
    request = Register(
        kind=USER,
        username=guest.user_id[1:].partition(":")[0],
        password=secret(password),
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
        guest_access_token=guest.access_token,
    )
    return (yield from go_on_upgrading(core, Dialogue(request), stages=stages))


def go_on_upgrading(
    core: SessionCore, dialogue: Dialogue[RegisterResponse], *, stages: Stages = None
) -> Flow[SessionRecord]:
    """Go on with making a user of a guest, which was paused. Raises as ``upgrade_guest`` does."""
    guest = core.current()
    answer = yield from Conversation(core.calls.call, core.calls, answers_of(stages), None).hold(dialogue)
    if answer.access_token is UNSET or answer.device_id is UNSET:
        raise NotLoggedIn(f"the guest {answer.user_id} is a user now, and the server gave no session: log in")
    expires_at = yield from expiry(answer.expires_in_ms)
    refresh_token = None if answer.refresh_token is UNSET else answer.refresh_token
    record = SessionRecord(
        guest.homeserver, answer.user_id, answer.device_id, answer.access_token, refresh_token, expires_at
    )
    yield from core.end(guest)
    return (yield from put_last(record))


def go_on(
    core: Speaker, dialogue: Dialogue[R], *, password: str | Secret | None = None, stages: Stages = None
) -> Flow[R]:
    """Go on with a call that waited for interactive authentication. Raises as the call does, and as stages do."""
    return Conversation(core.send, core.calls, answers_of(stages, password), core.user_id).hold(dialogue)
