"""How requests reach a server: over HTTP, or straight into an ASGI application. The only module that knows httpx2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode

from ostiary import __version__
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client.errors import ConnectionFailed

if TYPE_CHECKING:
    import httpx2

USER_AGENT: Final = f"ostiary/{__version__}"
DEFAULT_TIMEOUT_MS: Final = 30_000
MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024


class SyncTransport(Protocol):
    """Carries requests, waiting for the answer."""

    def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        """Send a request to the server at this URL. Raises ConnectionFailed."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class AsyncTransport(Protocol):
    """Carries requests, awaiting the answer."""

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        """Send a request to the server at this URL. Raises ConnectionFailed."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class HttpTransport:
    """HTTP by httpx2. Follows no redirects and keeps no cookies: no call of the API has either."""

    def __init__(self, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> None:
        import httpx2

        self._client = httpx2.Client(timeout=timeout_ms / 1000, follow_redirects=False)

    def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        import httpx2

        try:
            with self._client.stream(**_arguments(base_url, request)) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    _append(body, chunk)
                return _response(response, bytes(body))
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise _failure(error) from error

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport:
    """The same, asynchronous."""

    def __init__(self, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> None:
        import httpx2

        self._client = httpx2.AsyncClient(timeout=timeout_ms / 1000, follow_redirects=False)

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        import httpx2

        try:
            async with self._client.stream(**_arguments(base_url, request)) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    _append(body, chunk)
                return _response(response, bytes(body))
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise _failure(error) from error

    async def close(self) -> None:
        await self._client.aclose()


class AsgiTransport:
    """Straight into an ASGI application in this process: for tests, and for a server that is its own client."""

    def __init__(self, app: Any, *, client_address: str = "127.0.0.1") -> None:
        self._app = app
        self._client_address = client_address

    async def exchange(self, base_url: str, request: HttpRequest) -> HttpResponse:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(self._scope(base_url, request), receive, send)
        start, *rest = sent
        return HttpResponse(
            status=start["status"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
            body=b"".join(message.get("body", b"") for message in rest),
        )

    async def close(self) -> None:
        return

    def _scope(self, base_url: str, request: HttpRequest) -> dict[str, Any]:
        headers = [(b"host", base_url.partition("://")[2].encode()), (b"user-agent", USER_AGENT.encode())]
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers]
        if request.body is not None:
            headers.append((b"content-length", str(len(request.body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": quote(request.path, safe="/%:@!$&'()*+,;=~").encode(),
            "query_string": urlencode(request.query).encode(),
            "headers": headers,
            "client": (self._client_address, 0),
            "server": None,
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


def _failure(error: Exception) -> ConnectionFailed:
    import httpx2

    never_sent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.InvalidURL)
    why = str(error) or type(error).__name__
    return ConnectionFailed(f"no answer from the server: {why}", sent=not isinstance(error, never_sent))
