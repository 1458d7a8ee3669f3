"""Fills in a form of the server's pages as a browser would: with what it holds already."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

from ostiary.api.http import HttpRequest
from ostiary.client import AsgiTransport
from ostiary.testing.interception import AsgiApp

SUCCESS = range(200, 400)


class LinkRefused(Exception):
    """The page behind a link did not take the confirmation: it is too late, or was confirmed before."""


class _Form(HTMLParser):
    """The page's form: the values of its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and (name := given.get("name")):
            self.values[name] = given.get("value") or ""


async def press_the_button(link: str, app: AsgiApp) -> None:
    """Open a link and send the form that is there. Raises LinkRefused."""
    transport = AsgiTransport(app)
    parts = urlsplit(link)
    base_url = f"{parts.scheme}://{parts.netloc}"
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    page = await transport.exchange(base_url, HttpRequest(method="GET", path=parts.path, query=query))
    form = _Form(page.body.decode())
    if page.status not in SUCCESS or not form.values:
        raise LinkRefused(f"The page behind the link has nothing to confirm (status {page.status})")
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    body = urlencode(form.values).encode()
    answer = await transport.exchange(base_url, HttpRequest(method="POST", path=parts.path, headers=headers, body=body))
    if answer.status not in SUCCESS:
        raise LinkRefused(f"The page behind the link has refused (status {answer.status})")
