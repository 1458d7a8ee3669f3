"""An HTTP request and an HTTP answer as plain values: what the codec makes and reads, and what a transport carries."""

from collections.abc import Mapping

from msgspec import Struct


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request below a server's base URL. ``body`` is None where nothing is sent, not even a length of zero.

    Headers and bodies hold tokens and passwords, so a repr shows neither.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.path})"


class HttpResponse(Struct, frozen=True, kw_only=True):
    """An answer. ``headers``: by lower-case name. Its body may hold tokens, so a repr does not show it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"
