"""Calls that the contract does not declare, such as those of media, as values like any other request.

A session sends them with its token, ``prepare`` and queues take them, and what a server refuses is raised as ever.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import Endpoint, Meta, Struct
from ostiary.api.http import FileBody, HttpRequest, HttpResponse, SaveTo, fits_header

R = TypeVar("R", bound=Struct)

METHODS: Final = ("GET", "POST", "PUT", "DELETE")

SET_HERE: Final = frozenset(
    {
        "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
        "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    }
)  # fmt: skip
"""Headers that are the client's own: they say whose token goes where, and where a message ends and how it is packed."""

_INSTEAD: Final = {
    "authorization": ": a session's token, or that of with_token",
    "content-type": ": say content_type",
    "user-agent": ": say product in its HttpSettings",
}

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Of a header, by RFC 9110."""


class RawAnswer(Struct, frozen=True, kw_only=True):
    """What was answered, as it came. ``headers``: by lower-case name.

    ``saved_to``: where its body is, ``size`` bytes of it, with ``body`` empty; None where it was not to be saved.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    saved_to: Path | None
    size: int

    @property
    def content_type(self) -> str:
        """What the server calls it; empty where it says nothing."""
        return self.headers.get("content-type", "")

    def __repr__(self) -> str:
        return f"RawAnswer({self.status}, {self.size} bytes)"


class Undeclared(Endpoint[R], frozen=True, kw_only=True):
    """A call that the contract does not declare, and that therefore writes itself and reads its answer."""

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again where its answer was lost."""
        raise NotImplementedError

    def message(self) -> HttpRequest:
        """The request as it goes over the wire, without a token."""
        raise NotImplementedError

    def answer(self, response: HttpResponse) -> R:
        """What a good answer (2xx) says."""
        raise NotImplementedError


class RawCall(Undeclared[RawAnswer], frozen=True, kw_only=True):
    """A request of any kind to any path of the server, sent with the sender's token.

    ``path``: below the base URL, encoded already, without a query. ``body``: bytes, or a file; None: nothing is sent.
    ``content_type``: of the body; where none is given, JSON of bytes, and of a file application/octet-stream.
    ``save_to``: where a good answer goes; None: into memory, up to 16 MiB. ``headers``: more of them, each once, as
    ``(("Range", "bytes=0-99"),)``; one of 206 is a part, and saved as that. Raises ValueError for what is no such path,
    method or header, and for a header that is the client's own.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | FileBody | None = None
    content_type: str | None = None
    save_to: SaveTo | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"a call is one of {', '.join(METHODS)}")
        # Anything else than "/" after the server's name could be taken for a part of that, and get the token.
        if not self.path.startswith("/") or not self.path.isascii() or not self.path.isprintable():
            raise ValueError("a path begins with a slash, and is encoded")
        if any(mark in self.path for mark in "?# \\"):
            raise ValueError("a path has no query, no fragment and nothing else that must be encoded")
        _check(self.headers)

    @property
    def meta(self) -> Meta:  # type: ignore[override]  # of each call its own, since its method and path are
        """How it travels."""
        return Meta(
            method=self.method, history=(self.path,), authentication=AccessToken(guests=True), operation=("", ""),
            since="",
        )  # fmt: skip

    @property
    def is_repeatable(self) -> bool:
        """As of any call, by its method; but a file may have arrived, and may be long."""
        return self.method != "POST" and not isinstance(self.body, FileBody)

    def message(self) -> HttpRequest:
        """With everything that was given."""
        given = {name.lower() for name, _ in self.headers}
        headers = [*self.headers] if "accept" in given else [("Accept", "*/*"), *self.headers]
        if "range" in given:
            headers.append(("Accept-Encoding", "identity"))  # nobody can inflate a part from the middle
        if self.body is not None:
            usual = "application/octet-stream" if isinstance(self.body, FileBody) else "application/json"
            headers.append(("Content-Type", self.content_type or usual))
        return HttpRequest(
            method=self.method, path=self.path, query=self.query, headers=tuple(headers), body=self.body,
            save_to=self.save_to,
        )  # fmt: skip

    def answer(self, response: HttpResponse) -> RawAnswer:
        """All of it."""
        saved = response.saved_bytes
        return RawAnswer(
            status=response.status, headers=response.headers, body=response.body,
            saved_to=None if saved is None or self.save_to is None else self.save_to.path,
            size=len(response.body) if saved is None else saved,
        )  # fmt: skip


def _check(headers: tuple[tuple[str, str], ...]) -> None:
    """Raise ValueError for headers that a call cannot have, naming the one; its value may be a secret."""
    seen: set[str] = set()
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no header can be called {name!r}")
        if name.lower() in SET_HERE or name.lower().startswith("proxy-"):
            raise ValueError(f"the header {name} is set by the client itself{_INSTEAD.get(name.lower(), '')}")
        if name.lower() in seen:
            raise ValueError(f"the header {name} is given twice")
        if not fits_header(value):
            raise ValueError(f"the header {name} would hold a character that none can, such as the end of a line")
        seen.add(name.lower())
