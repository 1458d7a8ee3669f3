"""From a server name, as in user IDs, to the URL of its API. Spec: client-server API, "Well-known URI".

The spec's own words for how that ends::

    IGNORE        404: the domain says nothing, and is taken to serve the API itself
    FAIL_PROMPT   no 200, no body, no JSON, no base_url: DiscoveryFailed with ask_user
    FAIL_ERROR    a URL that is none, or where no server is: DiscoveryFailed without; nobody should guess further
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from ostiary.api.auth import NoToken
from ostiary.api.codec import encode_request
from ostiary.api.endpoint import UNSET, Empty, Endpoint, Meta
from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.api.http import HttpRequest
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import Discovery, GetWellKnownClient
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.errors import CannotSend, ConnectionFailed, DiscoveryFailed, Redirected
from ostiary.client.steps import Exchange, Flow

FOUND: Final = 200
NOT_FOUND: Final = 404

MAX_REDIRECTS: Final = 5
"""More than anybody needs; a loop ends here. The spec asks to follow redirects since v1.20."""

FAILURES: Final = (MatrixError, NotMatrix, ConnectionFailed, CannotSend)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the servers of a domain are. ``base_url``: the homeserver's; ``identity_server``: the other's, if any.

    ``versions``: what the homeserver speaks; empty where the domain says nothing, and nobody was asked.
    """

    base_url: str
    identity_server: str | None = None
    versions: tuple[str, ...] = ()


class _GetIdentityStatus(Endpoint[Empty], frozen=True, kw_only=True):
    """Whether there is an identity server. Spec: identity API, ping.yaml, pingV2."""

    meta = Meta(
        method="GET", history=("/_matrix/identity/v2",), authentication=NoToken(), operation=("", ""), since="r0.3.0"
    )


def discover(server_name: str, policy: RetryPolicy) -> Flow[str]:
    """The base URL of a server's API. ``server_name``: or a user ID. Raises DiscoveryFailed."""
    return (yield from find(server_name, policy)).base_url


def find(server_name: str, policy: RetryPolicy) -> Flow[Found]:
    """Where the servers of a domain are. Each that is told of is asked whether it is one. Raises DiscoveryFailed."""
    if server_name.startswith("@"):
        server_name = server_name.partition(":")[2]
    own = f"https://{hostname(server_name)}"
    try:
        told = yield from _well_known(own, policy)
    except (MatrixError, NotMatrix) as error:
        if error.status == NOT_FOUND:
            return Found(f"https://{server_name}")
        raise DiscoveryFailed(f"{own} does not say where its server is: {error}", ask_user=True) from error
    except (ConnectionFailed, CannotSend) as error:
        raise DiscoveryFailed(f"{own} cannot be reached: {error}", ask_user=True) from error
    base_url = _checked(own, told.homeserver.base_url)
    versions = yield from _asked(own, base_url, GetVersions(), policy)
    identity_server = None
    if told.identity_server is not UNSET:
        identity_server = _checked(own, told.identity_server.base_url)
        yield from _asked(own, identity_server, _GetIdentityStatus(), policy)
    return Found(base_url, identity_server, versions.versions)


def hostname(server_name: str) -> str:
    """A server name without its port, which is that of federation."""
    host, _, port = server_name.rpartition(":")
    return host if host and port.isdigit() and not host.endswith(":") else server_name


def _checked(own: str, told: str) -> str:
    base_url = told.rstrip("/")
    if not _is_url(base_url):
        raise DiscoveryFailed(f"{own} says that a server is at {base_url!r}, which is no URL of https", ask_user=False)
    return base_url


def _is_url(text: str) -> bool:
    """Whether a server may be there. One without encryption is none: its users send their passwords there."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # ValueError for one that is none
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not parts.query and not parts.fragment


def _asked(own: str, base_url: str, question: Endpoint[Any], policy: RetryPolicy) -> Flow[Any]:
    try:
        return (yield from Calls(base_url, policy).call(question))
    except FAILURES as error:
        raise DiscoveryFailed(
            f"{own} says that its server is at {base_url}, where none is: {error}", ask_user=False
        ) from error


def _well_known(own: str, policy: RetryPolicy) -> Flow[Discovery]:
    """What a domain says, there or where it points to, if that is as safe."""
    request = GetWellKnownClient()
    base_url, message = own, encode_request(request)
    for _ in range(MAX_REDIRECTS):
        try:
            return (yield from _with_200(Calls(base_url, policy).ask(request, message)))
        except Redirected as answer:
            target = _target(f"{base_url}{message.path}", answer.target)
            if target is None:
                raise
            base_url, message = target
    return (yield from _with_200(Calls(base_url, policy).ask(request, message)))


def _with_200(flow: Flow[Discovery]) -> Flow[Discovery]:
    """The same, where an answer of another status is none, though it may mean success elsewhere."""
    result: Any = None
    error: BaseException | None = None
    status = FOUND
    while True:
        try:
            step = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as end:
            if status != FOUND:
                raise NotMatrix(status, b"") from None
            told: Discovery = end.value
            return told
        result = error = None
        try:
            result = yield step
            status = result.status if isinstance(step, Exchange) else status
        except BaseException as raised:  # noqa: BLE001 - thrown into the flow, as drivers do
            error = raised


def _target(here: str, location: str) -> tuple[str, HttpRequest] | None:
    """The server and the request that a redirect points to; None where that is no URL, or not encrypted."""
    try:
        parts = urlsplit(urljoin(here, location))
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.netloc:
        return None
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return f"https://{parts.netloc}", HttpRequest(method="GET", path=parts.path or "/", query=query)
