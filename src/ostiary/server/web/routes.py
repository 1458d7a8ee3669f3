"""From a path to the page that is there. Asked only about paths that no call of the API has.

A table of whole paths, and one shape with a field: the fallback of a stage. What goes wrong becomes a page here too.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import unquote

from ostiary.api.errors import MatrixError, NotFound, Unrecognized
from ostiary.server.context import Incoming
from ostiary.server.links import REGISTER, VALIDATE
from ostiary.server.services import Services
from ostiary.server.web import fallback, home, logging_in, registering, validating
from ostiary.server.web.assets import ASSETS, Asset, find_asset
from ostiary.server.web.pages import Page, PageRequest, read_fields, write_page
from ostiary.server.web.texts import texts_for
from ostiary.server.web.wording import worded

Show = Callable[[PageRequest], Awaitable[Page]]

LOGIN: Final = "/_matrix/static/client/login"

_FALLBACK: Final = re.compile(r"/_matrix/client/(?:v2_alpha|r0|v3|unstable)/auth/([^/]{1,255})/fallback/web/?")

_FOREVER: Final = b"public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Place:
    """What is at a path: a page to show, and what takes its form, where it has one."""

    get: Show
    post: Show | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the path has."""
        return ("GET", "HEAD", "POST") if self.post is not None else ("GET", "HEAD")


_PLACES: Final[Mapping[str, Place]] = {
    "/": Place(home.show_home),
    VALIDATE: Place(validating.ask, validating.confirm),
    REGISTER: Place(registering.show_invitation, registering.go_on),
    LOGIN: Place(logging_in.show_login, logging_in.log_in),
    f"{LOGIN}/": Place(logging_in.show_login, logging_in.log_in),
    home.STATIC_REGISTER: Place(registering.show_registration, registering.go_on),
    f"{home.STATIC_REGISTER}/": Place(registering.show_registration, registering.go_on),
}


def find_place(raw_path: bytes) -> Place | None:
    """What is at a path; None where no page is."""
    path = raw_path.decode("latin-1")
    place = _PLACES.get(path)
    if place is not None:
        return place
    if (stage := _FALLBACK.fullmatch(path)) is not None:
        kind = unquote(stage[1], errors="replace")
        return Place(partial(fallback.show_stage, kind=kind), partial(fallback.complete_stage, kind=kind))
    if path.startswith(ASSETS) and (asset := find_asset(path)) is not None:
        return Place(partial(_show_asset, asset=asset))
    return None


async def answer_page(
    place: Place, method: str, raw_path: bytes, incoming: Incoming, headers: Mapping[bytes, bytes], services: Services
) -> Page:
    """The page. Raises MatrixError, which :func:`refusal` makes a page of."""
    if method not in place.methods:
        page = refusal(Unrecognized(status=405), incoming.languages, services)
        return Page(page.status, [*page.headers, (b"allow", ", ".join(place.methods).encode())], page.body)
    request = PageRequest(services, incoming, raw_path.decode("latin-1"), headers, read_fields(incoming.query))
    if method == "POST" and place.post is not None:
        request.form = read_fields(incoming.body)
        return await place.post(request)
    return await place.get(request)


def refusal(error: MatrixError, languages: bytes, services: Services) -> Page:
    """The page that says what an error says."""
    texts = texts_for(languages)
    message = texts("no_session") if isinstance(error, NotFound) else worded(error, texts)
    return write_page(texts, "problem.html", status=error.status, server=services.server_name, message=message)


async def _show_asset(_request: PageRequest, asset: Asset) -> Page:
    headers = [
        (b"content-type", asset.content_type), (b"cache-control", _FOREVER), (b"x-content-type-options", b"nosniff"),
    ]  # fmt: skip
    return Page(200, headers, asset.body)
