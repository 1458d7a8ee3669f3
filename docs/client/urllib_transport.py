"""A transport over the standard library's urllib: what any HTTP library has to do to carry the client's requests."""

import http.client
import socket
import urllib.error
import urllib.request
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urlencode

from ostiary.api.http import FileBody, HttpRequest, HttpResponse
from ostiary.client import CannotSend, ConnectionFailed, TimedOut, Timeouts
from ostiary.client.files import Receiving, SentFile
from ostiary.client.inflating import ACCEPTED_ENCODINGS

PART_BYTES = 65536


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers: a token must not go where somebody points to."""

    def redirect_request(self, *_: Any) -> None:
        return None


class UrllibTransport:
    """Carries requests by urllib, each over a connection of its own."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._opener = urllib.request.build_opener(_Stay())

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        # urllib has one timeout for everything; the shorter one keeps both promises.
        limits = timeouts or self._timeouts
        seconds = min(limits.connect_ms, limits.read_ms, limits.exchange_ms()) / 1000
        try:
            with (
                _opened(request) as file,
                self._opener.open(self._message(base_url, request, file), timeout=seconds) as response,
            ):
                return _answer(request, response)
        except urllib.error.HTTPError as error:  # any status but 2xx: an answer all the same
            with error:
                return _answer(request, error)
        except urllib.error.URLError as error:  # raised while connecting and sending
            was_sent = not isinstance(error.reason, (ConnectionRefusedError, socket.gaierror))
            raise ConnectionFailed(f"no answer from the server: {error.reason}", sent=was_sent) from error
        except TimeoutError as error:
            raise TimedOut("no answer from the server in time", sent=True) from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"no answer from the server: {type(error).__name__}", sent=True) from error

    def close(self) -> None:
        self._opener.close()

    def _message(self, base_url: str, request: HttpRequest, file: SentFile | None) -> urllib.request.Request:
        if not base_url.startswith(("http://", "https://")):  # urllib would open files, too
            raise CannotSend(f"{base_url!r} is no URL of a server")
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODINGS, **dict(request.headers)}
        data: Any = request.body
        if file is not None:
            data, headers = file.pieces(), {**headers, "Content-Length": str(file.size)}
        return urllib.request.Request(  # noqa: S310 - looked at above
            f"{base_url}{request.path}{query}", data=data, headers=headers, method=request.method
        )


def _opened(request: HttpRequest) -> AbstractContextManager[SentFile | None]:
    return SentFile(request.body) if isinstance(request.body, FileBody) else nullcontext()


def _answer(request: HttpRequest, response: Any) -> HttpResponse:
    headers = {name.lower(): text for name, text in response.headers.items()}
    with Receiving(request, response.status, headers) as answer:
        while part := response.read(PART_BYTES):
            answer.add(part)
        source = getattr(response, "fp", None) if isinstance(response, urllib.error.HTTPError) else response
        if getattr(source, "length", None):  # http.client ends quietly where the answer is cut
            raise ConnectionFailed("the answer ends before it is whole", sent=True)
        return answer.whole()
