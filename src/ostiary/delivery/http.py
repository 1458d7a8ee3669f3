"""Requests to other servers: bounded in time and size, without redirects, cookies or proxies, and guarded if wished.

httpx2's transport is used without its client, whose log has whole URLs in it, and ours have secrets in their queries.
Must not know who is asked, or what for.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from ostiary import __version__
from ostiary.api.http import HttpResponse, fits_header
from ostiary.delivery.guard import NoAddress, NotPublic, addresses_of

if TYPE_CHECKING:
    import httpx2

USER_AGENT: Final = f"ostiary/{__version__}"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

Headers = Sequence[tuple[str, str]]


class CannotReach(Exception):
    """There is no answer. The text names the host, and nothing else of the request.

    ``timed_out``: whether there was none in time, as opposed to none at all, or one that cannot be taken.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Outgoing:
    """Sends requests. Connections are made when the first is sent: an idle server pays nothing.

    ``timeout_ms``: for a request as a whole, from the look-up of the name to the end of the answer, in milliseconds.
    ``max_answer_bytes``: more is refused. ``allow_private``: whether guarded requests may go to private addresses.
    ``cafile``: certificates (PEM) to trust besides the system's.
    """

    def __init__(
        self, *, timeout_ms: int, max_answer_bytes: int, allow_private: bool = False, cafile: str | None = None
    ) -> None:
        self._timeout_s = timeout_ms / 1000
        self._max_answer_bytes = max_answer_bytes
        self._allow_private = allow_private
        self._cafile = cafile
        self._transports: dict[bool, httpx2.AsyncHTTPTransport] = {}

    async def exchange(
        self, method: str, url: str, *, headers: Headers = (), body: bytes | None = None, guarded: bool = False
    ) -> HttpResponse:
        """Send a request; whatever status is answered is an answer, that of a redirect too, which is not followed.

        ``guarded``: the host was named by a client, so that it must have public addresses only. Raises CannotReach.
        """
        import httpx2

        try:
            target = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError):
            raise CannotReach("The URL is none") from None
        if target.scheme not in ("http", "https") or not target.host:
            raise CannotReach("The URL is not one of HTTP")
        head = [("Host", target.netloc.decode("ascii")), ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity")]
        head += headers
        _check(head, target.host)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, target, head, body, guarded=guarded)
        except (TimeoutError, httpx2.TimeoutException):
            raise CannotReach(f"{target.host} did not answer in time", timed_out=True) from None
        except NotPublic:
            raise CannotReach(f"{target.host} has an address that is not public") from None
        except httpx2.ConnectError:
            raise CannotReach(f"{target.host} cannot be connected to") from None
        except NoAddress:
            raise CannotReach(f"{target.host} cannot be found") from None
        except httpx2.TransportError:
            raise CannotReach(f"{target.host} broke off, or does not speak HTTP") from None

    async def post_json(
        self, url: str, value: Mapping[str, Any], *, headers: Headers = (), guarded: bool = False
    ) -> HttpResponse:
        """Send a JSON object. Raises CannotReach."""
        head = [("Content-Type", JSON), ("Accept", JSON), *headers]
        body = json.dumps(value, separators=(",", ":")).encode()
        return await self.exchange("POST", url, headers=head, body=body, guarded=guarded)

    async def post_form(self, url: str, fields: Mapping[str, str], *, headers: Headers = ()) -> HttpResponse:
        """Send a form. Raises CannotReach."""
        head = [("Content-Type", FORM), ("Accept", JSON), *headers]
        return await self.exchange("POST", url, headers=head, body=urlencode(fields).encode())

    async def aclose(self) -> None:
        """Let go of connections; a later request makes new ones."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    # --- One request -------------------------------------------------------------------------------------------------

    async def _exchange(
        self, method: str, target: httpx2.URL, head: Headers, body: bytes | None, *, guarded: bool
    ) -> HttpResponse:
        import httpx2

        transport = self._transport(guarded=guarded)
        places, extensions = [target], self._extensions()
        if guarded:
            name = target.raw_host.decode("ascii").strip("[]")
            port = target.port or (443 if target.scheme == "https" else 80)
            addresses = await addresses_of(name, port, allow_private=self._allow_private)
            places = [target.copy_with(host=address) for address in addresses]
            extensions["sni_hostname"] = name  # what the certificate is held against
        while True:
            request = httpx2.Request(method, places.pop(0), headers=list(head), content=body, extensions=extensions)
            try:
                response = await transport.handle_async_request(request)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if not places:
                    raise
                continue
            try:
                return await self._read(response, target.host)
            finally:
                await response.aclose()

    async def _read(self, response: httpx2.Response, host: str) -> HttpResponse:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise CannotReach(f"{host} answered in a compression that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise CannotReach(f"{host} answered with over {self._max_answer_bytes} bytes")
        return HttpResponse(status=response.status_code, headers=dict(response.headers), body=bytes(body))

    def _extensions(self) -> dict[str, Any]:
        """Half of the time for connecting, so that there is some left for a host's next address."""
        import httpx2

        return {"timeout": httpx2.Timeout(self._timeout_s, connect=self._timeout_s / 2).as_dict()}

    def _transport(self, *, guarded: bool) -> httpx2.AsyncHTTPTransport:
        """A guarded transport keeps no connections: it knows them by address, and two names may share one."""
        import httpx2

        if guarded not in self._transports:
            try:
                verify = _tls(self._cafile)
            except OSError as error:
                raise CannotReach(f"The certificates in {self._cafile} cannot be read: {error.strerror}") from None
            limits = httpx2.Limits(max_connections=100, max_keepalive_connections=0 if guarded else 20)
            self._transports[guarded] = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)
        return self._transports[guarded]


@cache
def _tls(cafile: str | None) -> ssl.SSLContext:
    """What trusts the system's authorities and those of a file. Read once: nothing else is answered meanwhile."""
    import httpx2

    context: ssl.SSLContext = httpx2.create_ssl_context(trust_env=False)
    if cafile is not None:
        context.load_verify_locations(cafile)
    return context


def json_object(response: HttpResponse) -> dict[str, Any] | None:
    """The JSON object that was answered, whatever the type that its sender gave it; None where it is none."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _check(head: Headers, host: str) -> None:
    """Refuse here what httpx2 would refuse, with the header in its words, and the token in that."""
    for name, value in head:
        if not fits_header(value):
            raise CannotReach(f"The header {name} for {host} has a character that none can have")
