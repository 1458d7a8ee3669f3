"""The front door: says what this is."""

from typing import Final

from ostiary.server.web.pages import Page, PageRequest
from ostiary.server.web.registering import is_closed

STATIC_REGISTER: Final = "/_matrix/static/client/register"


async def show_home(request: PageRequest) -> Page:
    """The page."""
    return request.show("home.html", register="" if is_closed(request) else f"{STATIC_REGISTER}/")
