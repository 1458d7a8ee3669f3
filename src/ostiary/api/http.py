"""An HTTP request and an HTTP answer as plain values: what the codec makes and reads, and what a transport carries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

MAX_SAVED_BYTES: Final = 1024 * 1024 * 1024
"""How long an answer may be that is saved, where nothing else is said: a gibibyte."""


def fits_header(value: str) -> bool:
    """Whether a header can hold this: no end of a line, and nothing that one side would read otherwise."""
    return value.isascii() and value.isprintable() and value == value.strip()


class FileBody(Struct, frozen=True):
    """A file that is sent, in pieces, as the body of a request. It must stay as it is until all is sent.

    ``max_bytes``: a longer one is not sent at all; None: not bounded.
    """

    path: Path
    max_bytes: int | None = None


class SaveTo(Struct, frozen=True):
    """A file that the body of a good answer (2xx) is saved to, in pieces. Nothing stands there before it is whole.

    ``max_bytes``: a longer answer, inflated, is given up.
    """

    path: Path
    max_bytes: int = MAX_SAVED_BYTES


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request below a server's base URL. ``body`` is None where nothing is sent, not even a length of zero.

    ``save_to``: where a good answer's body goes; None: into memory. Headers and bodies hold tokens and passwords, so a
    repr shows neither.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FileBody | None = None
    save_to: SaveTo | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.path})"

    @property
    def content(self) -> bytes:
        """The body, where it is in memory; empty where nothing is sent. Raises TypeError for a file."""
        if isinstance(self.body, FileBody):
            raise TypeError("the body is a file, to be sent in pieces")
        return self.body or b""

    def with_more(
        self, *, query: tuple[tuple[str, str], ...] = (), headers: tuple[tuple[str, str], ...] = ()
    ) -> "HttpRequest":
        """The same request with more in its query and more headers."""
        return HttpRequest(
            method=self.method, path=self.path, query=(*self.query, *query), headers=(*self.headers, *headers),
            body=self.body, save_to=self.save_to,
        )  # fmt: skip


class HttpResponse(Struct, frozen=True, kw_only=True):
    """An answer. ``headers``: by lower-case name. Its body may hold tokens, so a repr does not show it.

    ``saved_bytes``: how many were saved where the request said, with ``body`` empty; None where nothing was.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    saved_bytes: int | None = None

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"
