"""Files up and down, and calls that the contract does not declare: by every transport, by sessions of both faces."""

import asyncio
import hashlib
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docs.client.urllib_transport import UrllibTransport

from ostiary.api.errors import NotFound
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.secret import Secret
from ostiary.client import (
    GO_ON,
    AnswerTooLong,
    AsgiTransport,
    AsyncClient,
    AsyncHttpTransport,
    CannotSave,
    CannotSend,
    Client,
    ConnectionFailed,
    FileBody,
    HttpTransport,
    Prepared,
    RawAnswer,
    RawCall,
    RetryPolicy,
    SaveTo,
    SessionRecord,
    TimedOut,
    Timeouts,
    prepare,
)
from ostiary.client.files import PIECE_BYTES, SentFile
from ostiary.client.queues import restored_queue, stored_queue
from ostiary.client.raw import SET_HERE
from tests.client.faced import AnyFaces
from tests.client.homeservers import SYNAPSE, SynapseWorld, on
from tests.client.keeping import Keeper
from tests.client.scripted import BASE, Script, header, refusal, reply
from tests.world import PASSWORD, Account

MANY = 5 * 1024 * 1024
PATH = "/_matrix/media/v3/upload"


@pytest.fixture(scope="module")
def content() -> bytes:
    return os.urandom(MANY)


@pytest.fixture
def keeper(content: bytes) -> Iterator[Keeper]:
    with Keeper(content) as server:
        yield server


@pytest.fixture
def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "up.bin"
    path.write_bytes(content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "down"
    path.mkdir()
    return path


Send = Callable[..., HttpResponse]


@pytest.fixture(params=["sync", "async", "urllib"])
def send(request: pytest.FixtureRequest) -> Iterator[Send]:
    """Sends by one of the transports, which lives as long as the test."""
    if request.param != "async":
        transport = HttpTransport() if request.param == "sync" else UrllibTransport()
        yield transport.exchange
        transport.close()
        return
    with asyncio.Runner() as runner:

        async def make() -> AsyncHttpTransport:
            return AsyncHttpTransport()

        other = runner.run(make())
        yield lambda *arguments: runner.run(other.exchange(*arguments))
        runner.run(other.close())


def digest(content: bytes) -> tuple[int, str]:
    return len(content), hashlib.sha256(content).hexdigest()


def get(path: str, save_to: Path, max_bytes: int = 2 * MANY) -> HttpRequest:
    return HttpRequest(method="GET", path=path, save_to=SaveTo(save_to, max_bytes))


def post(path: Path, max_bytes: int | None = None) -> HttpRequest:
    return HttpRequest(method="POST", path=PATH, body=FileBody(path, max_bytes))


class TestUp:
    def test_file_arrives_whole_with_its_length(self, keeper: Keeper, send: Send, file: Path, content: bytes) -> None:
        assert send(keeper.url, post(file)).status == 200
        assert keeper.received == [digest(content)]
        headers = keeper.asked[0][2]
        assert (headers["content-length"], headers.get("transfer-encoding")) == (str(MANY), None)

    def test_empty_file_is_a_body_of_no_bytes(self, keeper: Keeper, send: Send, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        send(keeper.url, post(tmp_path / "empty"))
        assert keeper.asked[0][2]["content-length"] == "0"

    def test_refusal_is_heard_that_comes_before_all_is_read(self, keeper: Keeper, send: Send, file: Path) -> None:
        answer = send(keeper.url, HttpRequest(method="POST", path="/full", body=FileBody(file)))
        assert (answer.status, json.loads(answer.body)["errcode"]) == (413, "M_TOO_LARGE")

    def test_what_cannot_be_read_is_not_sent(self, keeper: Keeper, send: Send, tmp_path: Path, file: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "none", tmp_path, tmp_path / "pipe"):
            with pytest.raises(CannotSend, match=path.name):
                send(keeper.url, post(path))
        with pytest.raises(CannotSend, match="bytes"):
            send(keeper.url, post(file, MANY - 1))
        assert keeper.asked == []

    @pytest.mark.parametrize("size", [0, PIECE_BYTES, MANY - 1, MANY + 1])
    def test_file_that_changes_meanwhile_is_told_and_never_whole_at_the_server(
        self, keeper: Keeper, send: Send, file: Path, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Changed once its size is known."""
        seen = SentFile.__enter__

        def enter(self: SentFile) -> SentFile:
            os.truncate(file, size)
            return seen(self)

        monkeypatch.setattr(SentFile, "__enter__", enter)
        with pytest.raises(CannotSend, match="changed"):
            send(keeper.url, post(file))
        assert all(got < MANY for got, _ in keeper.received)


class TestDown:
    def test_answer_is_saved_whole(self, keeper: Keeper, send: Send, folder: Path, content: bytes) -> None:
        for path in ("/file", "/gzip"):
            answer = send(keeper.url, get(path, folder / "it"))
            assert (answer.body, answer.saved_bytes) == (b"", MANY)
            assert (folder / "it").read_bytes() == content
            assert (folder / "it").stat().st_mode & 0o777 == 0o600
            assert [one.name for one in folder.iterdir()] == ["it"]

    @pytest.mark.parametrize("path", ["/cut", "/gzip-cut", "/bomb"])
    def test_nothing_stands_there_of_what_is_not_whole(
        self, keeper: Keeper, send: Send, folder: Path, path: str
    ) -> None:
        (folder / "it").write_text("old")
        with pytest.raises(ConnectionFailed):
            send(keeper.url, get(path, folder / "it"))
        assert [(one.name, one.read_text()) for one in folder.iterdir()] == [("it", "old")]

    def test_nor_of_what_does_not_come_in_time(self, keeper: Keeper, send: Send, folder: Path) -> None:
        with pytest.raises(TimedOut):
            send(keeper.url, get("/drip", folder / "it"), Timeouts(read_ms=200))
        assert list(folder.iterdir()) == []

    def test_refusal_is_read_and_not_saved(self, keeper: Keeper, send: Send, folder: Path) -> None:
        answer = send(keeper.url, get("/missing", folder / "it"))
        assert (answer.status, json.loads(answer.body)["errcode"], answer.saved_bytes) == (404, "M_NOT_FOUND", None)
        assert list(folder.iterdir()) == []

    def test_bound_is_that_of_the_request(self, keeper: Keeper, send: Send, folder: Path) -> None:
        send(keeper.url, get("/file", folder / "it", MANY))
        with pytest.raises(AnswerTooLong):
            send(keeper.url, get("/file", folder / "other", MANY - 1))
        assert [one.name for one in folder.iterdir()] == ["it"]

    def test_where_nothing_can_be_written_that_is_told(self, keeper: Keeper, send: Send, folder: Path) -> None:
        with pytest.raises(CannotSave):
            send(keeper.url, get("/file", folder / "none" / "it"))
        (folder / "taken").mkdir()
        with pytest.raises(CannotSave):
            send(keeper.url, get("/file", folder / "taken"))
        assert [one.name for one in folder.iterdir()] == ["taken"]

    def test_neither_way_holds_it_whole(self, keeper: Keeper, send: Send, file: Path, folder: Path) -> None:
        def moved() -> None:
            send(keeper.url, post(file))
            send(keeper.url, get("/file", folder / "it"))
            send(keeper.url, get("/gzip", folder / "it"))

        keeper.content = bytes(MANY)  # and so as short as can be when compressed
        moved()
        tracemalloc.start()
        try:
            moved()
            assert tracemalloc.get_traced_memory()[1] < MANY // 2
        finally:
            tracemalloc.stop()


def _wait_for_half(folder: Path) -> None:
    until = time.monotonic() + 10
    while not any(one.stat().st_size > MANY // 2 for one in folder.iterdir()):
        assert time.monotonic() < until


async def test_cancelled_in_the_middle(keeper: Keeper, folder: Path) -> None:
    async with AsyncClient(keeper.url) as client:
        task = asyncio.create_task(client.send(RawCall(method="GET", path="/drip", save_to=SaveTo(folder / "it"))))
        await asyncio.to_thread(_wait_for_half, folder)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(os.listdir, folder) == []


async def test_inside_an_application(file: Path, folder: Path, content: bytes) -> None:
    received: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append((await receive())["body"])
        assert dict(scope["headers"])[b"content-length"] == str(MANY).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body", "body": b"!"})

    request = HttpRequest(method="PUT", path="/x", body=FileBody(file), save_to=SaveTo(folder / "it"))
    answer = await AsgiTransport(app).exchange(BASE, request)
    assert (received, answer.saved_bytes) == ([content], MANY + 1)
    assert (folder / "it").read_bytes() == content + b"!"


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, keeper: Keeper) -> Iterator[Callable[..., RawAnswer]]:
    """Sends by a session of one face, whose token is dead at first."""
    record = SessionRecord(keeper.url, "@a:b", "D", Secret("dead"), Secret("refresh"))
    if request.param == "sync":
        with Client(keeper.url) as client:
            session = client.restore(record)
            yield session.send
        return
    with asyncio.Runner() as runner:

        async def make() -> AsyncClient:
            return AsyncClient(keeper.url)

        other = runner.run(make())
        later = other.restore(record)
        yield lambda raw: runner.run(later.send(raw))
        runner.run(other.close())


class TestSessions:
    def test_file_goes_up_again_with_a_newer_token(
        self, keeper: Keeper, call: Callable[..., RawAnswer], file: Path, content: bytes
    ) -> None:
        raw = RawCall(
            method="POST", path=PATH, query=(("filename", "a b"),), body=FileBody(file), content_type="image/png"
        )
        answer = call(raw)
        assert json.loads(answer.body) == {"content_uri": "mxc://a/b"}
        assert (answer.status, answer.content_type, answer.saved_to) == (200, "application/json", None)
        assert keeper.refreshes == 1
        sent = [
            (path, headers["content-type"], headers["authorization"], received)
            for (_, path, headers), received in zip(keeper.asked, keeper.received, strict=True)
            if path.startswith(PATH)
        ]
        target = f"{PATH}?filename=a+b"
        assert sent == [(target, "image/png", f"Bearer {token}", digest(content)) for token in ("dead", "good")]

    def test_file_comes_down(
        self, keeper: Keeper, call: Callable[..., RawAnswer], folder: Path, content: bytes
    ) -> None:
        answer = call(RawCall(method="GET", path="/file", save_to=SaveTo(folder / "it")))
        assert (answer.saved_to, answer.size, answer.content_type) == (folder / "it", MANY, "image/png")
        assert (folder / "it").read_bytes() == content
        assert keeper.asked[-1][2]["accept"] == "*/*"

    def test_part_of_a_file_comes_down(
        self, keeper: Keeper, call: Callable[..., RawAnswer], folder: Path, content: bytes
    ) -> None:
        parts = (("bytes=0-999", "first", content[:1000]), (f"bytes={MANY - 5}-", "last", content[-5:]))
        for wanted, name, part in parts:
            raw = RawCall(
                method="GET", path="/file", headers=(("Range", wanted), ("accept", "image/*"), ("X-Of-Mine", "1")),
                save_to=SaveTo(folder / name),
            )  # fmt: skip
            answer = call(raw)
            assert (answer.status, answer.size, (folder / name).read_bytes()) == (206, len(part), part)
            asked = keeper.asked[-1][2]
            assert (asked["range"], asked["accept"], asked["x-of-mine"]) == (wanted, "image/*", "1")
            assert (asked["accept-encoding"], asked["authorization"]) == ("identity", "Bearer good")

    def test_refusal_is_raised_by_its_class_and_nothing_saved(
        self, keeper: Keeper, call: Callable[..., RawAnswer], folder: Path
    ) -> None:
        with pytest.raises(NotFound, match="No such media"):
            call(RawCall(method="GET", path="/missing", save_to=SaveTo(folder / "it")))
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    def test_file_whose_answer_is_lost_is_not_sent_again(
        self, keeper: Keeper, call: Callable[..., RawAnswer], file: Path, method: str
    ) -> None:
        with pytest.raises(ConnectionFailed):
            call(RawCall(method=method, path="/lost", body=FileBody(file)))
        assert [path for _, path, headers in keeper.asked if headers.get("authorization") == "Bearer good"] == ["/lost"]


class TestTryingAgain:
    def test_after_a_limit_and_where_nothing_was_sent(self, file: Path) -> None:
        script = Script(
            [refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=5), ConnectionFailed("x", sent=False), reply(200)]
        )
        client = Client(BASE, world=script.world())
        raw = RawCall(method="POST", path=PATH, body=FileBody(file))
        assert client.send_prepared(client.prepare(raw).with_token(Secret("t"))).response.size == 2
        assert [header(one, "Authorization") for one in script.asked] == ["Bearer t"] * 3
        assert {one.body for one in script.asked} == {FileBody(file)}

    @pytest.mark.parametrize(
        ("raw", "times"),
        [
            (RawCall(method="GET", path="/x"), 3),
            (RawCall(method="PUT", path="/x", body=b"{}"), 3),
            (RawCall(method="POST", path="/x", body=b"{}"), 1),
        ],
    )
    def test_lost_answer_as_of_any_call(self, raw: RawCall, times: int) -> None:
        script = Script(by=lambda _: ConnectionFailed("lost", sent=True))
        with pytest.raises(ConnectionFailed):
            Client(BASE, world=script.world(), retries=RetryPolicy(attempts=3)).send(raw)
        assert len(script.asked) == times

    def test_answer_that_is_too_long_is_not_asked_for_again(self, keeper: Keeper, folder: Path) -> None:
        with Client(keeper.url) as client, pytest.raises(AnswerTooLong):
            client.send(RawCall(method="GET", path="/file", save_to=SaveTo(folder / "it", 1000)))
        assert len(keeper.asked) == 1


class TestValues:
    def test_is_stored_by_its_paths_and_restored(self, file: Path, content: bytes) -> None:
        for body in (FileBody(file, 7), b"\x00\xff", None):
            raw = RawCall(
                method="PUT", path="/x", query=(("a", "b"),), body=body, content_type="x/y", save_to=SaveTo(file),
                headers=(("If-Match", '"1"'),),
            )  # fmt: skip
            prepared = prepare(raw, BASE, Secret("t"), name="up").with_data([1])
            text = json.dumps(prepared.to_json(secrets=True))
            assert len(text) < 1000
            assert Prepared.from_json(json.loads(text)) == prepared
            assert Prepared.from_json(prepared.to_json()) == prepared.with_token(None)
            assert (prepared.method, prepared.url, prepared.body) == ("PUT", f"{BASE}/x?a=b", body)

    def test_queue_that_was_stored_has_it_and_does_not_repeat_what_may_have_arrived(self, file: Path) -> None:
        one, other = (prepare(RawCall(method="PUT", path="/x", body=FileBody(file)), BASE) for _ in range(2))
        stored = stored_queue("up", GO_ON, [(one, True), (other, False)], secrets=False)
        restored = restored_queue(json.loads(json.dumps(stored)), {})
        assert (restored.uncertain, restored.waiting) == ((one,), (other,))

    @pytest.mark.parametrize("path", ["x", "@evil.example/x", "", "/a?b", "/a#b", "/a b", "/ü", "/a\r\nX: y", "/a\\b"])
    def test_path_that_would_lead_elsewhere_is_none(self, path: str) -> None:
        with pytest.raises(ValueError, match="path"):
            RawCall(method="GET", path=path)

    @pytest.mark.parametrize(
        "name", sorted({*SET_HERE, "Authorization", "HOST", "Content-Length", "Proxy-Authorization"})
    )
    def test_header_of_the_clients_own_is_none_of_others(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"the header {name} is set by the client itself") as caught:
            RawCall(method="GET", path="/x", headers=(("X-One", "1"), (name, "hunter2")))
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("headers", "told"),
        [
            ((("X Y", "hunter2"),), "'X Y'"), ((("", "hunter2"),), "''"), ((("X:", "hunter2"),), "'X:'"),
            ((("Ü", "hunter2"),), "'Ü'"), ((("X", "hunter2\r\nHost: evil"),), "header X "),
            ((("X", " hunter2"),), "header X "), ((("X", "hünter2"),), "header X "),
            ((("X", "1"), ("x", "hunter2")), "header x .*twice"),
        ],
    )  # fmt: skip
    def test_what_is_no_header(self, headers: tuple[tuple[str, str], ...], told: str) -> None:
        with pytest.raises(ValueError, match=told) as caught:
            RawCall(method="GET", path="/x", headers=headers)
        assert "hunter2" not in str(caught.value)

    def test_other_methods_are_none(self) -> None:
        with pytest.raises(ValueError, match="GET"):
            RawCall(method="get", path="/x")

    def test_appservice_speaks_as_its_user(self, file: Path, folder: Path) -> None:
        from ostiary.client import AppserviceClient

        script = Script([reply(200)])
        user = AppserviceClient(BASE, "as_token", world=script.world()).as_user("@bot:b")
        raw = RawCall(method="PUT", path="/x", body=FileBody(file), save_to=SaveTo(folder / "it"))
        user.send(raw)
        (asked,) = script.asked
        assert (asked.query, header(asked, "Authorization")) == ((("user_id", "@bot:b"),), "Bearer as_token")
        assert (asked.body, asked.save_to) == (raw.body, raw.save_to)


@on(SYNAPSE)
async def test_media_of_synapse(
    world: SynapseWorld, faces: AnyFaces, alice: Account, file: Path, folder: Path, content: bytes
) -> None:
    session = await faces.client().login(alice.user_id, PASSWORD)
    up = RawCall(
        method="POST", path=PATH, query=(("filename", "ü.png"),), body=FileBody(file), content_type="image/png"
    )
    uri = json.loads((await session.send(up)).body)["content_uri"].removeprefix("mxc://")
    down = RawCall(method="GET", path=f"/_matrix/client/v1/media/download/{uri}", save_to=SaveTo(folder / "it"))
    answer = await session.send(down)
    assert (answer.size, answer.content_type) == (MANY, "image/png")
    assert (folder / "it").read_bytes() == content
    with pytest.raises(NotFound):
        await session.send(RawCall(method="GET", path=f"{down.path}x", save_to=SaveTo(folder / "none")))
    assert await asyncio.to_thread(os.listdir, folder) == ["it"]
