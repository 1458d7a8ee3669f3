"""What the documentation shows works, and what it promises of other HTTP libraries and stores is true."""

import inspect
import re
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from docs.client.shelf_store import ShelfStore
from docs.client.urllib_transport import UrllibTransport

import ostiary.client
from ostiary.api.errors import NotMatrix
from ostiary.api.http import HttpRequest
from ostiary.api.secret import Secret
from ostiary.client import (
    CannotSend,
    Client,
    ConnectionFailed,
    Redirected,
    RetryPolicy,
    SessionRecord,
    SessionStore,
    SyncTransport,
    TimedOut,
    Timeouts,
)
from ostiary.testing import serve
from tests.client.faults.test_cut_connections import Cutter
from tests.client.keeping import Keeper
from tests.client.listening import TokenListener
from tests.client.test_resilience import Odd
from tests.world import PASSWORD

DOCS = Path(__file__).parent.parent.parent / "docs" / "client"
ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def transport() -> Iterator[SyncTransport]:
    one: SyncTransport = UrllibTransport()
    yield one
    one.close()


@pytest.fixture
def odd() -> Iterator[Odd]:
    with Odd() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


class TestUrllib:
    def test_session_lives_and_refreshes(self, transport: SyncTransport) -> None:
        with TokenListener() as server:
            client = Client(server.url, transport=transport)
            session = client.restore(SessionRecord(server.url, "@a:b", "D", Secret("dead-0"), Secret("refresh-0")))
            assert session.whoami().user_id == "@a:b"
            assert session.record.access_token == Secret("access-1")

    def test_answer_that_is_cut_anywhere_is_a_lost_connection(self, transport: SyncTransport) -> None:
        with TokenListener() as server, Cutter(server.server_port) as cutter:
            record = SessionRecord(cutter.url, "@a:b", "D", Secret("access-0"), Secret("refresh-0"))

            def refresh() -> SessionRecord:
                return Client(cutter.url, transport=transport, retries=ONCE).restore(record).refresh()

            refresh()
            for count in range(0, cutter.whole[-1], 5):
                cutter.cuts = [count]
                with pytest.raises((ConnectionFailed, NotMatrix)):
                    refresh()
            assert refresh().access_token == Secret("access-1")

    def test_redirect_refusal_page_and_compression(self, transport: SyncTransport, odd: Odd) -> None:
        client = Client(odd.url, transport=transport, retries=ONCE)
        with pytest.raises(Redirected):
            client.login_flows()
        with pytest.raises(ostiary.client.HtmlPage):
            client.versions()
        assert transport.exchange(odd.url, HttpRequest(method="GET", path="/gzip")).body == b'{"a": 1}'
        for path in ("/bomb", "/gzip-cut", "/short", "/brotli"):
            with pytest.raises(ConnectionFailed) as caught:
                transport.exchange(odd.url, HttpRequest(method="GET", path=path))
            assert caught.value.sent

    def test_what_was_not_sent_and_what_cannot_be(self, transport: SyncTransport) -> None:
        request = HttpRequest(method="GET", path="/x")
        with pytest.raises(ConnectionFailed) as caught:
            transport.exchange("http://127.0.0.1:1", request)
        assert not caught.value.sent
        with pytest.raises(CannotSend):
            transport.exchange("file:///etc", request)

    def test_silence(self, transport: SyncTransport) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(TimedOut):
                transport.exchange(url, HttpRequest(method="GET", path="/"), Timeouts(read_ms=50))


def test_store_of_ones_own(tmp_path: Path) -> None:
    store: SessionStore = ShelfStore(tmp_path / "shelf")
    with TokenListener() as server:
        record = SessionRecord(server.url, "@a:b", "D", Secret("dead-0"), Secret("refresh-0"))
        other = replace(record, user_id="@c:d")
        for one in (record, other, record):
            store.save(one)
        assert store.list() == [record, other]
        store.remove(other)
        with Client(server.url, store=store) as client:
            session = client.resume()
            assert session is not None
            assert session.whoami().user_id == "@a:b"
        assert store.list() == [session.record]


def test_every_example_runs(tmp_path: Path) -> None:
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 9
    picture = (DOCS / "README.md").read_bytes()
    (tmp_path / "cat.png").write_bytes(picture)
    with (
        serve(flows=[["m.login.terms", "m.login.email.identity"]]) as server,
        Keeper(picture) as keeper,
        Client(keeper.url) as elsewhere,
    ):
        server.account("alice", password=PASSWORD)
        names: dict[str, Any] = {
            "base_url": server.url, "folder": tmp_path, "password": PASSWORD,
            "session_with_media": elsewhere.restore(SessionRecord(keeper.url, "@a:b", "D", Secret("good"))),
            "bob_follows_the_link": lambda: server.confirm(server.mails(to="bob@example.org")[0]),
        }  # fmt: skip
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)
        names["client"].close()
    assert (tmp_path / "again.png").read_bytes() == picture


class TestPublicNames:
    def test_no_type_of_the_http_library_is_part_of_them(self) -> None:
        shown = [text for name in ostiary.client.__all__ for text in _annotations(getattr(ostiary.client, name))]
        assert len(shown) > 300
        assert [text for text in shown if "httpx" in text] == []

    def test_importing_them_does_not_import_it(self) -> None:
        program = "import sys, ostiary.client; sys.exit('httpx2' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _annotations(value: Any) -> Iterator[str]:
    """Every annotation of a public thing and of what it shows, as text, and its bases."""
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, types.FunctionType):
        module = {**vars(sys.modules[value.__module__])}
        try:
            yield from (f"{value.__qualname__}: {hint}" for hint in get_type_hints(value, module).values())
        except NameError:  # imported for type checkers alone: the text itself says what it is
            yield from (f"{value.__qualname__}: {hint}" for hint in inspect.get_annotations(value).values())
    if inspect.isclass(value):
        yield from (f"{value.__qualname__} is a {base.__module__}.{base.__name__}" for base in value.__mro__)
        for name, member in vars(value).items():
            if not name.startswith("_") or name == "__init__":
                yield from _annotations(member)
