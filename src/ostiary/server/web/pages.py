"""A request for a page, and a page as the answer: reading forms, writing templates. Knows no page in particular."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from ostiary.api.endpoint import Endpoint, RateLimit
from ostiary.api.errors import InvalidParam
from ostiary.server.context import Incoming, RequestContext
from ostiary.server.pipeline import answer
from ostiary.server.routes import Route
from ostiary.server.services import Services
from ostiary.server.web.assets import asset_path
from ostiary.server.web.guarding import Header, Sources, check_site, page_headers
from ostiary.server.web.texts import Texts, texts_for

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_FIELDS: Final = 50
"""More than any form or query of ours has; beyond it one is refused unread."""


@cache
def _environment() -> "Environment":
    """The templates, loaded with the first page: a server that shows none starts without them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ostiary.server.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_path
    return environment


@dataclass(frozen=True, slots=True)
class Page:
    """An answer for a browser."""

    status: int
    headers: list[Header]
    body: bytes


@dataclass(slots=True)
class PageRequest:
    """A request for a page. ``query`` and ``form``: what they say, each name once; ``path``: as it was asked for."""

    services: Services
    incoming: Incoming
    path: str
    headers: Mapping[bytes, bytes] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def context(self) -> RequestContext:
        """The request as handlers of the API know one."""
        return RequestContext(self.services, self.incoming)

    @property
    def texts(self) -> Texts:
        """The texts in the reader's language."""
        return texts_for(self.incoming.languages)

    def check_site(self) -> None:
        """Raise Forged where the form comes from another site."""
        check_site(self.headers, self.services.links.base_url)

    def take(self, limit: RateLimit) -> None:
        """Count the request against its sender's address. Raises LimitExceeded."""
        self.services.limiter.take_for_address(limit, self.incoming.address)

    def show(self, template: str, *more: Sources, status: int = 200, **values: Any) -> Page:
        """A page. ``more``: what its Content-Security-Policy allows beyond the usual."""
        return write_page(self.texts, template, *more, status=status, server=self.services.server_name, **values)

    def problem(self, text: str, status: int, **values: object) -> Page:
        """A page that says what is wrong, and has nothing to go on with."""
        return self.show("problem.html", status=status, message=self.texts(text, **values))

    async def ask_api(self, endpoint: type[Endpoint[Any]], handler: Any, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what a client does that sends this body to an endpoint, and return what it is answered.

        Raises MatrixError and AuthRequired, as the endpoint does. Nothing else of this request is passed on.
        """
        own = self.incoming
        incoming = Incoming(
            {}, b"", None, own.user_agent, own.address, own.languages, json.dumps(body).encode("utf-8", "replace")
        )
        _, answered = await answer(Route(endpoint, handler, (), endpoint.meta.path), incoming, self.services)
        told: Mapping[str, Any] = json.loads(answered)
        return told


def write_page(texts: Texts, template: str, *more: Sources, status: int, server: str, **values: Any) -> Page:
    """Write a page of its template."""
    html = _environment().get_template(template).render(t=texts, server=server, **values)
    return Page(status, page_headers(*more), html.encode("utf-8", "replace"))


def redirect(url: str, headers: list[Header]) -> Page:
    """Send the browser elsewhere after a form."""
    return Page(303, [*headers, (b"location", url.encode("ascii"))], b"")


def read_fields(encoded: bytes) -> Mapping[str, str]:
    """What a query or a form says; of a name that comes twice, the first. Raises InvalidParam for too many fields.

    What is not UTF-8, and NUL, which not every database can hold, become characters that nothing valid has.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidParam(f"At most {MAX_FIELDS} fields are read") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value.replace("\0", "\ufffd"))
    return fields
