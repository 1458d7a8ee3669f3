"""From a server name, as in user IDs, to the URL of its API. Spec: client-server API, "Well-known URI"."""

from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from ostiary.api.codec import encode_request
from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.api.http import HttpRequest
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import Discovery, GetWellKnownClient
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.errors import CannotSend, ConnectionFailed, DiscoveryFailed, Redirected
from ostiary.client.steps import Flow

NOT_FOUND: Final = 404

MAX_REDIRECTS: Final = 5
"""More than anybody needs; a loop ends here. The spec asks to follow redirects since v1.20."""


def discover(server_name: str, policy: RetryPolicy) -> Flow[str]:
    """The base URL of a server's API.

    A domain that says nothing is taken to serve the API itself. Raises DiscoveryFailed.
    """
    own = f"https://{server_name}"
    try:
        found = yield from _well_known(own, policy)
    except (MatrixError, NotMatrix) as error:
        if error.status == NOT_FOUND:
            return own
        raise DiscoveryFailed(f"{own} does not say where its server is: {error}", ask_user=True) from error
    except (ConnectionFailed, CannotSend) as error:
        raise DiscoveryFailed(f"{own} cannot be reached: {error}", ask_user=True) from error
    base_url = found.homeserver.base_url.rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DiscoveryFailed(f"{own} says that its server is at {base_url!r}, which is no URL", ask_user=False)
    try:
        yield from Calls(base_url, policy).call(GetVersions())
    except (MatrixError, NotMatrix, ConnectionFailed, CannotSend) as error:
        raise DiscoveryFailed(
            f"{own} says that its server is at {base_url}, where none is: {error}", ask_user=False
        ) from error
    return base_url


def _well_known(own: str, policy: RetryPolicy) -> Flow[Discovery]:
    """What a domain says, there or where it points to, if that is as safe."""
    request = GetWellKnownClient()
    base_url, message = own, encode_request(request)
    for _ in range(MAX_REDIRECTS):
        try:
            return (yield from Calls(base_url, policy).ask(request, message))
        except Redirected as answer:
            target = _target(f"{base_url}{message.path}", answer.target)
            if target is None:
                raise
            base_url, message = target
    return (yield from Calls(base_url, policy).ask(request, message))


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
