"""Login by browser: the person logs in wherever the server sends them, and comes back with a token for us.

Spec: client-server API, "SSO client login/authentication".
"""

import hmac
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from ostiary.api.secret import Secret
from ostiary.client.answering import PATIENCE_MS, Maybe
from ostiary.client.client_core import ClientCore
from ostiary.client.errors import BrowserLoginFailed
from ostiary.client.flows.logins import login_with_token
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Ask, Await, Draw, Flow

LOGIN: Final = "login"
REGISTER: Final = "register"

NOWHERE: Final = "http://127.0.0.1:65535/"
"""Where a browser is sent that nobody waits for: an address of its own machine, at a port that is hardly ever used."""

_PATH: Final = "/_matrix/client/v3/login/sso/redirect"


def sso_url(
    base_url: str, redirect_url: str, *, identity_provider: str | None = None, action: str | None = None
) -> str:
    """Where a person logs in with a browser, which then goes to ``redirect_url`` with a ``loginToken`` in its query."""
    path = _PATH if identity_provider is None else f"{_PATH}/{quote(identity_provider, safe='')}"
    fields = {"redirectUrl": redirect_url} | ({} if action is None else {"action": action})
    return f"{base_url}{path}?{urlencode(fields)}"


def login_by_browser(
    core: ClientCore,
    *,
    open_browser: Callable[[str], Maybe[object]] | None = None,
    identity_provider: str | None = None,
    action: str | None = None,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
    timeout_ms: int = PATIENCE_MS,
) -> Flow[SessionRecord]:
    """Log in with a browser on this machine, by ``m.login.sso``.

    ``open_browser``: opens a URL, or shows it to the person; False says that it could not. Without it the system's
    browser is opened. ``identity_provider``: the
    ID of one of those that ``login_flows`` tells; ``action``: ``login`` or ``register``, as a hint to the server;
    ``timeout_ms``: how long to wait for the person. Raises BrowserLoginFailed, Forbidden.
    """
    from ostiary.client.loopback import LoopbackListener  # an HTTP server, which few programs need

    listener = LoopbackListener((yield Draw()))
    try:
        url = sso_url(core.base_url, listener.url, identity_provider=identity_provider, action=action)
        if (yield Ask(open_browser or _open, url)) is False:
            raise BrowserLoginFailed("there is no browser to open")
        token: Secret = yield Await(listener.token, timeout_ms)
    except TimeoutError:
        raise BrowserLoginFailed("nobody came back from the browser in time") from None
    finally:
        listener.close()
    return (yield from login_with_token(core, token, device_id=device_id, device_name=device_name, refreshes=refreshes))


def login_by_pasting(
    core: ClientCore,
    ask: Callable[[str], Maybe[str]],
    *,
    identity_provider: str | None = None,
    action: str | None = None,
    device_id: str | None = None,
    device_name: str | None = None,
    refreshes: bool = True,
) -> Flow[SessionRecord]:
    """Log in with a browser on another machine, for programs without one.

    ``ask``: shows the person a URL, and gets the address at which their browser ends: one that leads nowhere, with the
    token in it. The rest is as of ``login_by_browser``. Raises BrowserLoginFailed, Forbidden.
    """
    state: str = yield Draw()
    back = f"{NOWHERE}?{urlencode({'state': state})}"
    pasted: str = yield Ask(ask, sso_url(core.base_url, back, identity_provider=identity_provider, action=action))
    token = _token_in(pasted.strip(), state)
    return (yield from login_with_token(core, token, device_id=device_id, device_name=device_name, refreshes=refreshes))


def _token_in(address: str, state: str) -> Secret:
    """The token that a browser was sent back with. Raises BrowserLoginFailed where that was not by this login."""
    try:
        fields = parse_qs(urlsplit(address).query)
    except ValueError:
        fields = {}
    told, token = fields.get("state", [""])[0], fields.get("loginToken", [""])[0]
    if not (address.startswith(NOWHERE) and token and hmac.compare_digest(told.encode(), state.encode())):
        raise BrowserLoginFailed("that is not the address at which the browser ends after this login")
    return Secret(token)


def _open(url: str) -> bool:
    import webbrowser

    return webbrowser.open(url)
