"""From a server name, as in user IDs, to the URL of its API. Spec: client-server API, "Well-known URI"."""

from typing import Final
from urllib.parse import urlsplit

from ostiary.api.errors import MatrixError, NotMatrix
from ostiary.api.versions import GetVersions
from ostiary.api.wellknown import GetWellKnownClient
from ostiary.client.calls import Calls, RetryPolicy
from ostiary.client.errors import ConnectionFailed, DiscoveryFailed
from ostiary.client.steps import Flow

NOT_FOUND: Final = 404


def discover(server_name: str, policy: RetryPolicy) -> Flow[str]:
    """The base URL of a server's API.

    A domain that says nothing is taken to serve the API itself. Raises DiscoveryFailed.
    """
    own = f"https://{server_name}"
    try:
        found = yield from Calls(own, policy).call(GetWellKnownClient())
    except (MatrixError, NotMatrix) as error:
        if error.status == NOT_FOUND:
            return own
        raise DiscoveryFailed(f"{own} does not say where its server is: {error}", ask_user=True) from error
    except ConnectionFailed as error:
        raise DiscoveryFailed(f"{own} cannot be reached: {error}", ask_user=True) from error
    base_url = found.homeserver.base_url.rstrip("/")
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise DiscoveryFailed(f"{own} says that its server is at {base_url!r}, which is no URL", ask_user=False)
    try:
        yield from Calls(base_url, policy).call(GetVersions())
    except (MatrixError, NotMatrix, ConnectionFailed) as error:
        raise DiscoveryFailed(
            f"{own} says that its server is at {base_url}, where none is: {error}", ask_user=False
        ) from error
    return base_url
