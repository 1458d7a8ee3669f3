"""What is true of every page: its headers, that nothing said to it becomes part of it, where its forms come from."""

import asyncio
import re
import string
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.server import web
from ostiary.server.web import stages
from ostiary.server.web.assets import asset_path
from ostiary.server.web.countries import countries, likely_country
from ostiary.server.web.texts import _TEXTS, texts_for
from tests.server.web.reader import Reader, Shown
from tests.server.web.settings import open_pages, pages_config
from tests.server.web.test_stages import begin, fallback, messages
from tests.world import PASSWORD, World, open_config, open_world

LOGIN = "/_matrix/static/client/login/"
REGISTER = "/_matrix/static/client/register/"
INVITATION = "/_matrix/client/unstable/org.ostiary/register"
VALIDATE = "/_matrix/client/unstable/org.ostiary/validate"
PATHS = ["/", LOGIN, LOGIN[:-1], REGISTER, REGISTER[:-1], INVITATION, VALIDATE, fallback("m.login.dummy", "x")]


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[World]:
    async with open_pages(pages_config(tmp_path, ("m.login.email.identity",), ("m.login.dummy",))) as world:
        yield world


@pytest.fixture
def reader(pages: World) -> Reader:
    return Reader(pages)


def check_headers(page: Shown) -> None:
    headers = page.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert not any(name.startswith("access-control-") for name in headers)
    policy = page.policy
    assert policy["default-src"] == ["'none'"]
    assert policy["style-src"] == ["'self'"]
    assert policy["form-action"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert policy["img-src"] == ["'self'", "data:"]
    assert "unsafe" not in headers["content-security-policy"]
    assert bool(page.scripts()) == ("script-src" in policy)


class TestHeaders:
    @pytest.mark.parametrize("path", PATHS)
    async def test_every_page_is_guarded(self, reader: Reader, path: str) -> None:
        check_headers(await reader.open(path))

    @pytest.mark.parametrize("path", PATHS)
    async def test_other_methods_are_told_as_a_page(self, reader: Reader, path: str) -> None:
        page = await reader.open(path, "PUT")
        check_headers(page)
        assert page.status == 405
        assert page.headers["allow"].startswith("GET, HEAD")

    @pytest.mark.parametrize("path", [path for path in PATHS if path != "/"])
    async def test_a_form_with_too_much_in_it(self, reader: Reader, path: str) -> None:
        many = "&".join(f"field{number}=x" for number in range(60)).encode()
        page = Shown(await reader.world.raw("POST", path.partition("?")[0], many))
        check_headers(page)
        assert page.status == 400
        page = Shown(await reader.world.raw("POST", path.partition("?")[0], b"x" * 70_000))
        check_headers(page)
        assert (page.status, page.headers["connection"]) == (413, "close")

    async def test_an_open_stage(self, reader: Reader) -> None:
        page = await reader.open(fallback("m.login.dummy", await begin(reader.world)))
        check_headers(page)
        done = await reader.send(page)
        check_headers(done)
        assert done.policy["script-src"] == ["'self'"]

    async def test_files_are_kept_by_browsers(self, reader: Reader) -> None:
        page = await reader.open("/")
        (path,) = [said["href"] for _, said in page.elements if said.get("rel") == "stylesheet"]
        response = await reader.world.raw("GET", path)
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/css")
        assert "immutable" in response.headers["cache-control"]
        assert (await reader.world.raw("GET", path.replace("style", "stile"))).status == 404
        assert (await reader.world.raw("GET", asset_path("auth-done.js"))).headers["content-type"].startswith("text/j")

    async def test_a_page_needs_a_host(self, pages: World) -> None:
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b""}

        async def send(message: object) -> None:
            assert isinstance(message, dict)
            sent.append(message)

        scope: dict[str, object] = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": "/", "raw_path": b"/",
            "query_string": b"", "headers": [], "client": None,
        }  # fmt: skip
        await pages.app(scope, receive, send)
        assert sent[0]["status"] == 400


class TestOrigins:
    async def forms(self, reader: Reader) -> list[Shown]:
        """A page with a form of each kind."""
        session = await begin(reader.world)
        stage = await reader.open(fallback("m.login.email.identity", session))
        await reader.send(stage, address="bob@example.org")
        link = (await messages(reader.world))[-1]["link"].removeprefix("http://localhost:8008")
        wizard = await reader.send(
            await reader.open(REGISTER), username="rob", password=PASSWORD, repeated=PASSWORD, flow="0"
        )
        return [stage, await reader.open(link), await reader.open(LOGIN), await reader.open(REGISTER), wizard]

    @pytest.mark.parametrize(
        "header",
        [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "http://localhost:8008.evil.example"),
            ("Origin", "http://[broken"),
            ("Origin", ""),
        ],
    )
    async def test_forms_of_other_sites_are_refused(self, reader: Reader, header: tuple[str, str]) -> None:
        for page in await self.forms(reader):
            refused = await Reader(reader.world, headers=(header,)).send(page, user="x", password="x", username="x")
            assert refused.status == 403
            assert "not sent from this page" in refused.text

    @pytest.mark.parametrize(
        "header",
        [
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Site", "none"),
            ("Origin", "null"),
            ("Origin", "http://localhost:8008"),
            ("Origin", "https://localhost:8008"),
        ],
    )
    async def test_our_own_forms_are_taken(self, reader: Reader, header: tuple[str, str]) -> None:
        for page in await self.forms(reader):
            taken = await Reader(reader.world, headers=(header,)).send(page, user="x", password="x", username="x")
            assert "not sent from this page" not in taken.text

    async def test_a_form_needs_its_token(self, reader: Reader) -> None:
        stage, landing, _, _, wizard = await self.forms(reader)
        for page in (stage, landing, wizard):
            assert (await reader.send(page, without="form_token")).status == 403
            assert (await reader.send(page, form_token="é")).status == 403
            other = stage if page is not stage else landing
            assert (await reader.send(page, form_token=other.form.fields["form_token"])).status == 403


class TestLanguages:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            (b"", "en"), (b"de", "de"), (b"de-CH", "de"), (b"fr, de;q=0.5", "de"), (b"de;q=0.1, en;q=0.2", "en"),
            (b"de;q=0", "en"), (b"de;q=x", "en"), (b"*", "en"), (b"\xff;\xff", "en"), (b"," * 1000 + b"de", "en"),
        ],
    )  # fmt: skip
    def test_the_dearest_that_there_is(self, header: bytes, language: str) -> None:
        assert texts_for(header).language == language

    def test_both_languages_put_in_the_same(self) -> None:
        for key, texts in _TEXTS.items():
            holes = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts]
            assert holes[0] == holes[1], key
            assert all(texts), key

    def test_every_text_is_there_and_used(self) -> None:
        folder = Path(web.__file__).parent
        files = [file for file in folder.rglob("*") if file.suffix in (".html", ".py") and file.stem != "texts"]
        source = "\n".join(file.read_text() for file in files)
        assert set(re.findall(r"""\b(?:t|texts|problem)\(\s*["'](\w+)["'][,)]""", source)) <= _TEXTS.keys()
        put_together = ("do_", "stage_", "by_", "validate_")
        unused = {key for key in _TEXTS if f'"{key}"' not in source and not key.startswith(put_together)}
        assert unused == set()
        for name in stages.NAMES.values():
            assert f"stage_{name}" in _TEXTS

    async def test_a_page_says_its_language(self, pages: World) -> None:
        page = await Reader(pages, "de").open("/")
        assert '<html lang="de">' in page.html
        assert "Das ist ein Matrix-Kontoserver" in page.text

    def test_countries_are_named(self) -> None:
        assert ("DE", "Deutschland (+49)") in countries("de")
        assert ("AT", "Austria (+43)") in countries("en")
        names = [name for _, name in countries("de")]
        assert names.index("Österreich (+43)") < names.index("Polen (+48)")

    @pytest.mark.parametrize(("header", "country"), [(b"de", "DE"), (b"pt-BR,en", "BR"), (b"", ""), (b"zh-Hant", "")])
    def test_the_likely_country(self, header: bytes, country: str) -> None:
        assert likely_country(header) == country


HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onfocus='x",
        "{{ 7*7 }}",
        "\0",
        "</title>",
        "&lt;",
    ]
)


def test_nothing_said_becomes_part_of_a_page() -> None:
    """Whatever is said in query or form, the page has the elements that it always has, and shows it as text."""
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        context = open_world(open_config(Path(directory)))
        world = runner.run(context.__aenter__())
        reader = Reader(world)
        session = runner.run(begin(world))
        plain = {path: runner.run(reader.open(path)) for path in PATHS if "?" not in path}
        login = runner.run(reader.open(LOGIN))
        register = runner.run(reader.open(REGISTER))

        @settings(max_examples=60, deadline=None)
        @given(HOSTILE, HOSTILE)
        def attempt(text: str, other: str) -> None:
            said = f"?token={quote(text)}&session={quote(other)}&device_id={quote(text)}"
            for path, page in plain.items():
                shown = runner.run(reader.open(path + said))
                check_headers(shown)
                extra = len(shown.elements) - len(page.elements)
                assert extra == (1 if path.startswith(LOGIN[:-1]) else 0)
            stage = quote(f"x{text[:20]}", safe="")
            check_headers(runner.run(reader.open(f"/_matrix/client/v3/auth/{stage}/fallback/web{said}")))
            for page, filled in (
                (login, {"user": text, "password": other, "device_id": other}),
                (register, {"username": text, "password": other, "repeated": text, "flow": other, "invitation": text}),
                (register, {"username": text, "password": PASSWORD, "repeated": PASSWORD, "flow": text}),
                (register, {"session": session, "stage": text, "form_token": other}),
            ):
                shown = runner.run(reader.send(page, **filled))
                assert shown.status < 500
                check_headers(shown)
                assert {tag for tag, _ in shown.elements} <= {
                    "html", "head", "meta", "title", "link", "script", "body", "main", "p", "h1", "form", "input",
                    "label", "button", "fieldset", "legend", "span",
                }  # fmt: skip
                assert not any(name.startswith("on") for _, said in shown.elements for name in said)
                assert all(script.endswith(".js") for script in shown.scripts())

        try:
            attempt()
        finally:
            runner.run(context.__aexit__(None, None, None))


def test_values_are_shown_as_they_were_typed() -> None:
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        context = open_world(open_config(Path(directory)))
        world = runner.run(context.__aenter__())
        page = runner.run(Reader(world).open(LOGIN))

        @settings(max_examples=40, deadline=None)
        @given(HOSTILE)
        def attempt(text: str) -> None:
            shown = runner.run(Reader(world).send(page, user=text, password="secret words"))
            expected = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
            assert shown.attributes("user")["value"].splitlines() == expected.splitlines()
            assert "secret words" not in shown.html

        try:
            attempt()
        finally:
            runner.run(context.__aexit__(None, None, None))
