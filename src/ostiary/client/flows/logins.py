"""Beginning sessions: logging in by every way there is, taking a token over, going on with what was stored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from ostiary.api.endpoint import UNSET, Endpoint, Struct
from ostiary.api.login import JWT_LOGIN, PASSWORD_LOGIN, TOKEN_LOGIN, Login, LoginResponse
from ostiary.api.secret import Secret
from ostiary.api.users import ByThirdParty, ByUser, UserIdentifier
from ostiary.api.whoami import WhoAmI
from ostiary.client.client_core import ClientCore, taken_over
from ostiary.client.dialogue import EMAIL
from ostiary.client.errors import CannotSend, NotLoggedIn
from ostiary.client.given import secret
from ostiary.client.open_login import OpenLogin
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow, Kept

R = TypeVar("R", bound=Struct)

_OWN: Final = frozenset({"type", "device_id", "initial_device_display_name", "refresh_token"})
"""The fields of a login that have arguments of their own."""


def login(
    core: ClientCore,
    user: str | UserIdentifier,
    password: str | Secret,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Log in with a password. ``refreshes``: whether to use refresh tokens.

    ``user``: a user ID, its localpart or a mail address; or a ``ByUser``, ``ByPhone`` or ``ByThirdParty`` of
    ``ostiary.api.users``. Raises Forbidden, UserDeactivated, UserLocked, LimitExceeded, ConnectionFailed; NotLoggedIn
    where the server takes a user ID for another's.
    """
    request = Login(
        type=PASSWORD_LOGIN,
        identifier=identified(user),
        password=secret(password),
        device_id=device_id or UNSET,
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
    )
    answer = yield from core.send(request)
    if isinstance(user, str) and user.startswith("@") and answer.user_id.lower() != user.lower():
        raise NotLoggedIn(f"the server says that {user} is {answer.user_id}")
    return (yield from adopted(core, answer))


def login_with_token(
    core: ClientCore,
    token: str | Secret,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Log in with a token that another session, or a login by browser, was given for that. Raises Forbidden."""
    return begun_by(core, _by_token(TOKEN_LOGIN, token, device_id, device_name, refreshes))


def login_with_jwt(
    core: ClientCore,
    token: str | Secret,
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Log in with a JSON web token of somebody whom the server trusts. Raises Forbidden, Unknown."""
    return begun_by(core, _by_token(JWT_LOGIN, token, device_id, device_name, refreshes))


def login_by(
    core: ClientCore,
    kind: str,
    fields: Mapping[str, Any],
    *,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Log in by any way, known here or not. ``kind``: its type; ``fields``: what that wants, as plain JSON.

    Raises what the server answers, CannotSend for fields that have an argument of their own.
    """
    if own := _OWN & fields.keys():
        raise CannotSend(f"these have arguments of their own: {', '.join(sorted(own))}")
    given = {"device_id": device_id, "initial_device_display_name": device_name, "refresh_token": refreshes or None}
    body = {"type": kind, **fields, **{name: value for name, value in given.items() if value is not None}}
    answer = yield from core.send(OpenLogin(content=body))
    return (yield from adopted(core, answer))


def import_token(core: ClientCore, access_token: str | Secret, *, device_id: str | None = None) -> Flow[SessionRecord]:
    """Go on with an access token from elsewhere, once the server has said whose it is; its device stays.

    ``device_id``: to be used where the server does not tell, as the oldest do not. Raises UnknownToken, NotLoggedIn for
    a token without a device.
    """
    token = secret(access_token)
    who = yield from core.calls.call(WhoAmI(), token)
    device = who.device_id if who.device_id is not UNSET else device_id
    if device is None:
        raise NotLoggedIn(f"the token of {who.user_id} is of no device, and none was named")
    return (yield from taken_over(SessionRecord(core.base_url, who.user_id, device, token)))


def resume(core: ClientCore, user_id: str | None = None) -> Flow[SessionRecord | None]:
    """The session begun last of those at this server, or of this user's; None where there is none."""
    kept: Sequence[SessionRecord] = yield Kept()
    here = [record for record in kept if record.homeserver == core.base_url]
    return next((record for record in reversed(here) if user_id in (None, record.user_id)), None)


def begun_by(core: ClientCore, request: Endpoint[LoginResponse]) -> Flow[SessionRecord]:
    """Log in, and store the session."""
    return (yield from adopted(core, (yield from core.send(request))))


def adopted(core: ClientCore, answer: LoginResponse) -> Flow[SessionRecord]:
    """Make a session of the answer to a login."""
    return core.begun(answer.user_id, answer.device_id, answer.access_token, answer.refresh_token, answer.expires_in_ms)


def identified(user: str | UserIdentifier) -> UserIdentifier:
    """Who is meant. No localpart has an ``@``; a user ID begins with it."""
    if not isinstance(user, str):
        return user
    return ByThirdParty(EMAIL, user) if user.find("@") > 0 else ByUser(user)


def _by_token(kind: str, token: str | Secret, device_id: str | None, device_name: str | None, refreshes: bool) -> Login:
    return Login(
        type=kind,
        token=secret(token),
        device_id=device_id or UNSET,
        initial_device_display_name=device_name or UNSET,
        refresh_token=refreshes or UNSET,
    )
