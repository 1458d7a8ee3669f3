"""Making accounts: for people, for guests, through whatever interactive authentication the server asks for."""

from ostiary.api.endpoint import UNSET
from ostiary.api.errors import Forbidden, Unknown
from ostiary.api.registration import GUEST, USER, Register, RegisterResponse
from ostiary.api.secret import Secret
from ostiary.client.answering import Stages, answers_of
from ostiary.client.client_core import ClientCore
from ostiary.client.dialogue import Dialogue
from ostiary.client.errors import NotLoggedIn
from ostiary.client.flows.authenticating import Conversation
from ostiary.client.given import maybe_secret
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow


def register(
    core: ClientCore,
    username: str | None = None,
    password: str | Secret | None = None,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
    stages: Stages = None,
) -> Flow[SessionRecord]:
    """Make an account and log in to it. ``username`` None: the server makes a name up.

    ``stages``: answers to what else the server may ask for. Raises UserInUse, InvalidUsername, WeakPassword, Forbidden,
    InteractiveAuthUnsupported, DialoguePaused.
    """
    request = Register(
        kind=USER,
        username=username or UNSET,
        password=maybe_secret(password) or UNSET,
        device_id=device_id or UNSET,
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
    )
    return (yield from session_of(core, (yield from registered(core, Dialogue(request), stages))))


def register_without_login(
    core: ClientCore,
    username: str | None = None,
    password: str | Secret | None = None,
    *,
    stages: Stages = None,
) -> Flow[str]:
    """Make an account without a session, and return its user ID."""
    request = Register(
        kind=USER, username=username or UNSET, password=maybe_secret(password) or UNSET, inhibit_login=True
    )
    return (yield from registered(core, Dialogue(request), stages)).user_id


def register_guest(core: ClientCore, *, device_name: str | None = None) -> Flow[SessionRecord]:
    """Make a guest's account, with a session. Raises Forbidden where guests are not let in."""
    request = Register(kind=GUEST, initial_device_display_name=device_name or UNSET)
    try:
        answer = yield from core.send(request)
    except Unknown as refusal:
        if refusal.status != Forbidden.status:
            raise
        raise Forbidden(refusal.message) from refusal  # for which Synapse has no code
    return (yield from session_of(core, answer))


def go_on_registering(
    core: ClientCore, dialogue: Dialogue[RegisterResponse], *, stages: Stages = None
) -> Flow[SessionRecord]:
    """Go on with a registration that was paused, and log in to the account. Raises as ``register`` does."""
    return (yield from session_of(core, (yield from registered(core, dialogue, stages))))


def registered(core: ClientCore, dialogue: Dialogue[RegisterResponse], stages: Stages) -> Flow[RegisterResponse]:
    """Hold the dialogue of a registration to its end."""
    return Conversation(core.send, core.calls, answers_of(stages), None).hold(dialogue)


def session_of(core: ClientCore, answer: RegisterResponse) -> Flow[SessionRecord]:
    """The session that was wished. Raises NotLoggedIn where the server gave none."""
    if answer.access_token is UNSET or answer.device_id is UNSET:
        raise NotLoggedIn(f"the server made the account {answer.user_id} but gave no session: log in to it")
    return (
        yield from core.begun(
            answer.user_id, answer.device_id, answer.access_token, answer.refresh_token, answer.expires_in_ms
        )
    )
