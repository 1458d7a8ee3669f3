"""A reader of pages without a browser: opens them through the application, fills forms in and sends them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

from ostiary.api.http import HttpResponse
from tests.world import World


@dataclass
class Form:
    """A form: where it leads, and what it says unless something else is filled in."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.elements.append((tag, said))
        if tag == "form":
            self.forms.append(Form(said["action"], said["method"]))
        if tag in ("input", "select", "button") and self.forms and "name" in said:
            form = self.forms[-1]
            form.names.append(said["name"])
            is_choice = said.get("type") in ("checkbox", "radio")
            if tag == "input" and (not is_choice or "checked" in said):
                form.fields[said["name"]] = said.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data


class Shown:
    """A page as it is shown."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.html = response.body.decode()
        parser = _Parser()
        parser.feed(self.html)
        self.forms, self.elements = parser.forms, parser.elements
        self.text = " ".join(parser.text.split())

    @property
    def form(self) -> Form:
        assert len(self.forms) == 1, self.text
        return self.forms[0]

    @property
    def policy(self) -> Mapping[str, list[str]]:
        """The Content-Security-Policy, by directive."""
        parts = (one.split() for one in self.headers["content-security-policy"].split(";"))
        return {name: places for name, *places in parts}

    def attributes(self, element_id: str) -> dict[str, str]:
        return next(said for _, said in self.elements if said.get("id") == element_id)

    def scripts(self) -> list[str]:
        return [said["src"] for tag, said in self.elements if tag == "script"]


@dataclass
class Reader:
    """Somebody who reads pages, in a language."""

    world: World
    language: str = "en"
    headers: tuple[tuple[str, str], ...] = ()

    async def open(self, url: str, method: str = "GET") -> Shown:
        """Open a page by its path and query."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        response = await self.world.raw(method, parts.path, query=query, headers=self._headers())
        return Shown(response)

    async def send(self, page: Shown, *, without: str = "", **filled: str) -> Shown:
        """Send the page's form, with this filled in. ``without``: a field to leave out."""
        return Shown(await self.send_raw(page, without=without, **filled))

    async def send_raw(self, page: Shown, *, without: str = "", **filled: str) -> HttpResponse:
        form = page.form
        assert form.method == "post"
        fields = {name: value for name, value in (form.fields | filled).items() if name != without}
        return await self.world.raw("POST", form.action, urlencode(fields).encode(), headers=self._headers())

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("Accept-Language", self.language),
            ("Content-Type", "application/x-www-form-urlencoded"),
            *self.headers,
        )
