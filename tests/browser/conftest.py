"""A real browser and a real socket: Chromium, where there is one, and the server in a thread beside the test.

The browser's calls block, so the server has a loop of its own in another thread, and tests reach into it by ``Served``.
"""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ostiary.config import Config
from tests.server.web.settings import open_pages
from tests.world import World

T = TypeVar("T")

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"narrow": (320, 640), "wide": (1024, 768)}
"""Of the screens on which pages are looked at. They are walked on the first, which has less room."""

DARK = {"dark": (480, 720)}


def chromium() -> str | None:
    """Where the browser is: as the environment says, else where systems have it."""
    named = os.environ.get("OSTIARY_TEST_CHROMIUM")
    if named:
        return named
    return next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)


class Served:
    """A server that a browser can reach. ``url``: where."""

    def __init__(self, url: str, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.world = world
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry something out in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def link(self, text: str) -> str:
        """A link as the server words it, at the address where it really is."""
        return text.replace("http://localhost:8008", self.url)


@contextmanager
def served(config: Config) -> Iterator[Served]:
    """The server, until the context ends."""
    ready = threading.Event()
    found: list[Served] = []
    stop: list[Callable[[], None]] = []
    failed: list[BaseException] = []

    async def serve() -> None:
        async with open_pages(config) as world:
            listening = socket.create_server(("127.0.0.1", 0))  # whoever connects before it serves has to wait
            server = uvicorn.Server(uvicorn.Config(world.app, lifespan="off", ws="none", log_config=None))
            url = f"http://localhost:{listening.getsockname()[1]}"
            found.append(Served(url, world, asyncio.get_running_loop()))
            stop.append(lambda: setattr(server, "should_exit", True))
            ready.set()
            await server.serve(sockets=[listening])

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(timeout=30)
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        stop[0]()
        thread.join(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Of a module only: while it is there, no other loop can run in this thread."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install it, or name it in OSTIARY_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        yield launched
        launched.close()


class Visitor:
    """Somebody with a browser. Takes pictures of every page that is worth it, in these ``sizes``."""

    def __init__(self, context: BrowserContext, pictures: Path, sizes: Mapping[str, tuple[int, int]]) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self._pictures = pictures
        self._sizes = sizes
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def picture(self, name: str) -> None:
        """Take one of each size; and see that nothing sticks out of the page at the sides."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        for size, (width, _) in reversed(list(self._sizes.items())):  # it ends as it began
            self._resize(size)
            # By the browser's own tools, which work where the page's scripts do not.
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width
            self.page.screenshot(path=self._pictures / f"{name}-{size}.png", full_page=True)

    def _resize(self, size: str) -> None:
        width, height = self._sizes[size]
        if self.page.viewport_size != {"width": width, "height": height}:
            self.page.set_viewport_size({"width": width, "height": height})

    def _note(self, kind: str, text: str) -> None:
        # A status of 4xx is noted by the browser as an error, and meant.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(os.environ.get("BROWSER_SCREENSHOTS") or tmp_path / "pictures")


@pytest.fixture
def visitor(browser: Browser, pictures: Path) -> Iterator[Visitor]:
    """A visitor whose browser runs no scripts."""
    yield from _visitor(browser, pictures, SIZES, scripts=False)


@pytest.fixture
def scripted(browser: Browser, pictures: Path) -> Iterator[Visitor]:
    """A visitor whose browser does, in the dark, in German."""
    yield from _visitor(browser, pictures, DARK, scripts=True)


def _visitor(
    browser: Browser, pictures: Path, sizes: Mapping[str, tuple[int, int]], *, scripts: bool
) -> Iterator[Visitor]:  # fmt: skip
    width, height = next(iter(sizes.values()))
    context = browser.new_context(
        java_script_enabled=scripts,
        viewport={"width": width, "height": height},
        locale="de-DE" if scripts else "en-GB",
        color_scheme="dark" if scripts else "light",
    )
    visitor = Visitor(context, pictures, sizes)
    try:
        yield visitor
        assert visitor.complaints == []
    finally:
        context.close()
