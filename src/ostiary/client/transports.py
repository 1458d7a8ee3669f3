"""How requests reach a server: over HTTP, or straight into an ASGI application. The only module that knows httpx2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

from ostiary import __version__
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client.errors import CannotSend, ConnectionFailed

if TYPE_CHECKING:
    import httpx2

USER_AGENT: Final = f"ostiary/{__version__}"
DEFAULT_TIMEOUT_MS: Final = 30_000
MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024


class SyncTransport(Protocol):
    """Carries requests, waiting for the answer."""

    def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        """Send a request to the server at this URL. Raises ConnectionFailed, CannotSend."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class AsyncTransport(Protocol):
    """Carries requests, awaiting the answer."""

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        """Send a request to the server at this URL. Raises ConnectionFailed, CannotSend."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class HttpTransport:
    """HTTP by httpx2. Follows no redirects and keeps no cookies: no call of the API has either."""

    def __init__(self, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> None:
        import httpx2

        self._client = httpx2.Client(**_settings(timeout_ms))

    def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        _check(request, is_closed=self._client.is_closed)
        with _translated(base_url), self._client.stream(**_arguments(base_url, request)) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                _append(body, chunk)
            return _response(response, bytes(body))

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport:
    """The same, asynchronous."""

    def __init__(self, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> None:
        import httpx2

        self._client = httpx2.AsyncClient(**_settings(timeout_ms))

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        _check(request, is_closed=self._client.is_closed)
        with _translated(base_url):
            async with self._client.stream(**_arguments(base_url, request)) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    _append(body, chunk)
                return _response(response, bytes(body))

    async def close(self) -> None:
        await self._client.aclose()


class AsgiTransport:
    """Straight into an ASGI application in this process: for tests, and for a server that is its own client."""

    def __init__(self, app: Any, *, client_address: str = "127.0.0.1") -> None:
        self._app = app
        self._client_address = client_address

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        sent: list[dict[str, Any]] = []
        to_come: list[dict[str, Any]] = [{"type": "http.request", "body": request.body or b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return to_come.pop() if to_come else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(self._scope(base_url, request), receive, send)
        if not sent:
            raise ConnectionFailed("the application did not answer", sent=True)
        start, *rest = sent
        return HttpResponse(
            status=start["status"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in start.get("headers", ())},
            body=b"".join(message.get("body", b"") for message in rest),
        )

    async def close(self) -> None:
        return

    def _scope(self, base_url: str, request: HttpRequest) -> dict[str, Any]:
        parts = urlsplit(base_url)
        path = f"{parts.path}{request.path}"
        headers = [(b"host", parts.netloc.encode()), (b"user-agent", USER_AGENT.encode())]
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers]
        if request.body is not None:
            headers.append((b"content-length", str(len(request.body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": parts.scheme,
            "path": unquote(path),
            "raw_path": quote(path, safe="/%:@!$&'()*+,;=~").encode(),
            "query_string": urlencode(request.query).encode(),
            "headers": headers,
            "client": (self._client_address, 0),
            "server": None,
        }


def _settings(timeout_ms: int) -> dict[str, Any]:
    """How a client of httpx2 is made so that it adds nothing of its own to what it is given."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx2

    return {
        "timeout": timeout_ms / 1000,
        "follow_redirects": False,
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "auth": httpx2.Auth(),  # which does nothing; without it a user in the URL would take the place of the token
    }


def _arguments(base_url: str, request: HttpRequest) -> dict[str, Any]:
    query = f"?{urlencode(request.query)}" if request.query else ""
    return {
        "method": request.method,
        "url": f"{base_url}{request.path}{query}",
        "headers": [("User-Agent", USER_AGENT), ("Accept", "application/json"), *request.headers],
        "content": request.body,
    }


def _append(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > MAX_RESPONSE_BYTES:
        raise ConnectionFailed(f"the answer has over {MAX_RESPONSE_BYTES} bytes", sent=True)


def _response(response: httpx2.Response, body: bytes) -> HttpResponse:
    return HttpResponse(status=response.status_code, headers=dict(response.headers), body=body)


def _check(request: HttpRequest, *, is_closed: bool) -> None:
    """Refuse what httpx2 would refuse with the header in its words, and the token in that."""
    if is_closed:
        raise CannotSend("the client has been closed")
    for name, value in request.headers:
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise CannotSend(f"the header {name} would hold a character that none can, such as the end of a line")


@contextmanager
def _translated(base_url: str) -> Iterator[None]:
    """Turn the errors of httpx2 into ours."""
    import httpx2

    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError) as error:
        raise CannotSend(f"{base_url!r} is no URL of a server: {error}") from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise ConnectionFailed(f"no answer from the server: {_why(error)}", sent=False) from error
    except httpx2.RequestError as error:
        raise ConnectionFailed(f"no answer from the server: {_why(error)}", sent=True) from error


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
