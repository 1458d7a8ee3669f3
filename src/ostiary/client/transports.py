"""How requests reach a server: over HTTP, or straight into an ASGI application. The only module that knows httpx2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

from ostiary.api.http import FileBody, HttpRequest, HttpResponse, fits_header
from ostiary.client import environment
from ostiary.client.errors import CannotSend, ConnectionFailed, TimedOut
from ostiary.client.files import Receiving, SentFile
from ostiary.client.http_settings import USER_AGENT, HttpSettings
from ostiary.client.inflating import ACCEPTED_ENCODINGS
from ostiary.client.limits import Timeouts

if TYPE_CHECKING:
    import ssl
    from contextlib import AbstractContextManager


class SyncTransport(Protocol):
    """Carries requests, waiting for the answer. Any HTTP library can be put behind these two functions."""

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        """Send a request to the server at this URL, once, and return whatever it answers, redirects too.

        A FileBody is sent in pieces, and a good answer saved where ``save_to`` says: ``client.files`` does both.
        ``timeouts``: of this call; None: the transport's own. Called from several threads at once. Raises
        ConnectionFailed, with ``sent`` True unless it is certain that the server saw nothing, CannotSend, CannotSave.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class AsyncTransport(Protocol):
    """Carries requests, awaiting the answer. Any HTTP library can be put behind these two functions."""

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        """Send a request to the server at this URL, once, and return whatever it answers, redirects too.

        A FileBody is sent in pieces, and a good answer saved where ``save_to`` says: ``client.files`` does both.
        ``timeouts``: of this call; None: the transport's own. May be cancelled. Raises ConnectionFailed, with
        ``sent`` True unless it is certain that the server saw nothing, CannotSend, CannotSave.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


NO_END: Final = "the answer does not come to its end"


class HttpTransport:
    """HTTP by httpx2. Follows no redirects and keeps no cookies: no call of the API has either.

    ``timeout_ms``: instead of the settings', for connecting and for each part of an answer. How long the whole may take
    is looked at between the parts of its body; its headers are bounded part by part alone.
    """

    def __init__(self, settings: HttpSettings | None = None, *, timeout_ms: int | None = None) -> None:
        import httpx2

        settings = settings or HttpSettings()
        self._timeouts = _timeouts(settings, timeout_ms)
        with _made():
            self._client = httpx2.Client(**_settings(settings))

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        _check(request, is_closed=self._client.is_closed)
        limits = timeouts or self._timeouts
        until = environment.ticks_ms() + limits.exchange_ms()
        with _opened(request) as file:
            arguments = _arguments(
                base_url, request, limits, file, None if file is None else _until(file.pieces(), until)
            )
            with (
                _translated(base_url),
                self._client.stream(**arguments) as response,
                Receiving(request, response.status_code, dict(response.headers.items())) as answer,
            ):
                for part in _until(response.iter_raw(), until):
                    answer.add(part)
                return answer.whole()

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport:
    """The same, asynchronous."""

    def __init__(self, settings: HttpSettings | None = None, *, timeout_ms: int | None = None) -> None:
        import httpx2

        settings = settings or HttpSettings()
        self._timeouts = _timeouts(settings, timeout_ms)
        with _made():
            self._client = httpx2.AsyncClient(**_settings(settings))

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        _check(request, is_closed=self._client.is_closed)
        limits = timeouts or self._timeouts
        try:
            async with asyncio.timeout(limits.exchange_ms() / 1000):
                with _opened(request) as file, _translated(base_url):
                    pieces = None if file is None else file.pieces_later()
                    async with self._client.stream(**_arguments(base_url, request, limits, file, pieces)) as response:
                        with Receiving(request, response.status_code, dict(response.headers.items())) as answer:
                            async for part in response.aiter_raw():
                                await answer.add_later(part)
                            return await answer.whole_later()
        except TimeoutError:
            raise TimedOut(NO_END, sent=True) from None

    async def close(self) -> None:
        await self._client.aclose()


class AsgiTransport:
    """Straight into an ASGI application in this process: for tests, and for a server that is its own client."""

    def __init__(self, app: Any, *, client_address: str = "127.0.0.1") -> None:
        self._app = app
        self._client_address = client_address

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        sent: list[dict[str, Any]] = []
        body = _content(request)
        to_come: list[dict[str, Any]] = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            return to_come.pop() if to_come else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            async with asyncio.timeout(None if timeouts is None else timeouts.exchange_ms() / 1000):
                await self._app(self._scope(base_url, request, body), receive, send)
        except TimeoutError:
            raise TimedOut("the application does not answer in time", sent=True) from None
        if not sent:
            raise ConnectionFailed("the application did not answer", sent=True)
        start, *rest = sent
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in start.get("headers", ())}
        with Receiving(request, start["status"], told) as answer:
            for message in rest:
                await answer.add_later(message.get("body", b""))
            return await answer.whole_later()

    async def close(self) -> None:
        return

    def _scope(self, base_url: str, request: HttpRequest, body: bytes | None) -> dict[str, Any]:
        parts = urlsplit(base_url)
        path = f"{parts.path}{request.path}"
        headers = [(b"host", parts.netloc.encode()), (b"user-agent", USER_AGENT.encode())]
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers]
        if body is not None:
            headers.append((b"content-length", str(len(body)).encode()))
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


def _timeouts(settings: HttpSettings, timeout_ms: int | None) -> Timeouts:
    return settings.timeouts if timeout_ms is None else Timeouts(connect_ms=timeout_ms, read_ms=timeout_ms)


def _settings(settings: HttpSettings) -> dict[str, Any]:
    """How a client of httpx2 is made so that it adds nothing of its own to what it is given."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx2

    tls = settings.tls_context()
    return {
        "headers": {
            "User-Agent": settings.user_agent(),
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED_ENCODINGS,
        },
        "follow_redirects": False,
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "auth": httpx2.Auth(),  # which does nothing; without it a user in the URL would take the place of the token
        "proxy": settings.proxy,
        "trust_env": settings.environment,
        "verify": _system_tls(by_environment=settings.environment) if tls is None else tls,
        "limits": httpx2.Limits(
            max_connections=settings.max_connections, max_keepalive_connections=settings.max_idle_connections
        ),
    }


@cache
def _system_tls(*, by_environment: bool) -> ssl.SSLContext:
    """What trusts the system's authorities: read once, since it takes longer than many calls, and much memory."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=by_environment)


@contextmanager
def _made() -> Iterator[None]:
    """Tell of settings that httpx2 cannot take, without repeating them: a proxy's URL may hold a password."""
    import httpx2

    try:
        yield
    except (httpx2.InvalidURL, ValueError):
        raise CannotSend("the proxy's URL is none: it must be as http://proxy.example.org:3128") from None
    except ImportError as error:
        raise CannotSend(f"the proxy is of a kind that is not installed: {error}") from None


def _opened(request: HttpRequest) -> AbstractContextManager[SentFile | None]:
    return SentFile(request.body) if isinstance(request.body, FileBody) else nullcontext()


def _content(request: HttpRequest) -> bytes | None:
    """A body in one piece, read where it is a file."""
    if not isinstance(request.body, FileBody):
        return request.body
    with SentFile(request.body) as file:
        return b"".join(file.pieces())


def _until(parts: Iterable[bytes], until: int) -> Iterator[bytes]:
    """The parts of what goes or comes, as long as there is time."""
    for part in parts:
        yield part
        if environment.ticks_ms() > until:
            raise TimedOut(NO_END, sent=True)


def _arguments(
    base_url: str, request: HttpRequest, timeouts: Timeouts, file: SentFile | None,
    pieces: Iterable[bytes] | AsyncIterable[bytes] | None,
) -> dict[str, Any]:  # fmt: skip
    query = f"?{urlencode(request.query)}" if request.query else ""
    connect, read = timeouts.connect_ms / 1000, timeouts.read_ms / 1000
    return {
        "method": request.method,
        "url": f"{base_url}{request.path}{query}",
        "headers": request.headers if file is None else (*request.headers, ("Content-Length", str(file.size))),
        "content": request.body if file is None else pieces,
        # As httpx2 passes it on: an httpx2.Timeout would be made twice for that.
        "extensions": {"timeout": {"connect": connect, "read": read, "write": read, "pool": read}},
    }


def _check(request: HttpRequest, *, is_closed: bool) -> None:
    """Refuse what httpx2 would refuse with the header in its words, and the token in that."""
    if is_closed:
        raise CannotSend("the client has been closed")
    for name, value in request.headers:
        if not fits_header(value):
            raise CannotSend(f"the header {name} would hold a character that none can, such as the end of a line")


@contextmanager
def _translated(base_url: str) -> Iterator[None]:
    """Turn the errors of httpx2 into ours."""
    import httpx2

    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError) as error:
        raise CannotSend(f"{base_url!r} is no URL of a server: {error}") from error
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise TimedOut(f"no connection to the server in time: {_why(error)}", sent=False) from error
    except httpx2.TimeoutException as error:
        raise TimedOut(f"no answer from the server in time: {_why(error)}", sent=True) from error
    except (httpx2.ConnectError, httpx2.ProxyError) as error:
        raise ConnectionFailed(f"no answer from the server: {_why(error)}", sent=False) from error
    except httpx2.RequestError as error:
        raise ConnectionFailed(f"no answer from the server: {_why(error)}", sent=True) from error


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
