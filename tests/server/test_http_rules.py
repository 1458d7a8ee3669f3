"""What holds for every call: errors, CORS, limits of size, odd requests."""

import json
from pathlib import Path

import pytest

from ostiary.api.catalog import ENDPOINTS
from ostiary.config import Config
from ostiary.server.app import App
from tests.world import Account, World, open_config, open_world

LOGIN = "v3/login"

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "X-Requested-With, Content-Type, Authorization",
}


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/_matrix/client/v3/nope",
            "/_matrix/client/v3/login/",
            "/_matrix/client/v9/login",
            "//",
            "/%ff%fe",
            "/é",
        ],
    )
    async def test_unknown_path_is_unrecognized(self, world: World, path: str) -> None:
        answer = await world.call("GET", path)
        assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED")

    @pytest.mark.parametrize(("method", "path"), [("PUT", LOGIN), ("DELETE", "versions"), ("POST", "v3/devices/X")])
    async def test_wrong_method_is_unrecognized(self, world: World, method: str, path: str) -> None:
        answer = await world.call(method, path, {})
        assert (answer.status, answer.errcode) == (405, "M_UNRECOGNIZED")
        assert answer.headers["allow"].endswith(", OPTIONS")
        assert method not in answer.headers["allow"]

    async def test_refresh_has_no_r0_path(self, world: World) -> None:
        assert (await world.call("POST", "r0/refresh", {})).status == 404

    async def test_every_path_of_every_endpoint_leads_somewhere(self, world: World) -> None:
        for endpoint in ENDPOINTS:
            for path in endpoint.meta.history:
                answer = await world.call(endpoint.meta.method, path.replace("{deviceId}", "X"), {})
                assert answer.errcode != "M_UNRECOGNIZED", path

    async def test_path_that_is_not_utf8_names_the_field(self, world: World, alice: Account) -> None:
        response = await world.raw("GET", "v3/devices/%ff%fe", token=alice.access_token)
        assert response.status == 400
        assert b"deviceId" in response.body


class TestCors:
    @pytest.mark.parametrize("path", [LOGIN, "v3/nope", "v3/account/whoami", "/", "/.well-known/matrix/client"])
    async def test_options_is_answered_everywhere_without_a_token(self, world: World, path: str) -> None:
        response = await world.raw("OPTIONS", path)
        assert response.status == 200
        assert CORS.items() <= response.headers.items()

    @pytest.mark.parametrize(("method", "path"), [("GET", LOGIN), ("GET", "v3/nope"), ("PUT", LOGIN), ("POST", LOGIN)])
    async def test_every_answer_has_the_headers(self, world: World, method: str, path: str) -> None:
        response = await world.raw(method, path)
        assert CORS.items() <= response.headers.items()
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-credentials" not in response.headers


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [b"", b"not json", b"{", b'{"type": }', b'{"type":1, broken', b"\xff\xfe", b'{"type":"\xff"}', b'{"x":"\xff"}',
         b'{"type":"\\ud800"}', b"\xef\xbb\xbf{}", b'{"a":NaN}'],
    )  # fmt: skip
    async def test_what_is_not_json_is_not_json(self, world: World, body: bytes) -> None:
        response = await world.raw("POST", LOGIN, body)
        assert response.status == 400
        assert json.loads(response.body)["errcode"] == "M_NOT_JSON"

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"3", b"null", b"true"])
    async def test_json_that_is_no_object_is_bad_json(self, world: World, body: bytes) -> None:
        response = await world.raw("POST", LOGIN, body)
        assert (response.status, json.loads(response.body)["errcode"]) == (400, "M_BAD_JSON")

    @pytest.mark.parametrize("opening", [b'{"x":', b'{"auth":', b'{"identifier":', b""])
    @pytest.mark.parametrize("path", [LOGIN, "v3/register"])
    async def test_nesting_bomb_is_refused(self, world: World, opening: bytes, path: str) -> None:
        for bomb in (b"[" * 60_000, b'{"a":' * 12_000):
            response = await world.raw("POST", path, opening + bomb)
            assert response.status == 400

    async def test_content_type_does_not_matter(self, world: World, alice: Account) -> None:
        body = json.dumps({"type": "m.login.password", "user": "alice", "password": alice.password}).encode()
        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = await world.raw("POST", LOGIN, body, headers=(("Content-Type", content_type),))
            assert response.status == 200

    async def test_unknown_fields_are_ignored(self, world: World, alice: Account) -> None:
        assert (await world.login("alice", x_unknown={"a": [1, None]}, more=None)).status == 200

    async def test_body_over_the_limit_is_refused(self, world: World) -> None:
        limit = world.config.server.max_body_bytes
        fits = b'{"x":"' + b"a" * (limit - 8) + b'"}'
        assert len(fits) == limit
        assert (await world.raw("POST", LOGIN, fits)).status == 400
        response = await world.raw("POST", LOGIN, fits + b" ")
        assert (response.status, json.loads(response.body)["errcode"]) == (413, "M_TOO_LARGE")

    async def test_announced_size_over_the_limit_is_refused_unread(self, world: World) -> None:
        assert await _answer_without_body(world.app, b"9999999999") == 413

    async def test_body_in_chunks_is_refused_as_soon_as_it_is_too_large(self, world: World) -> None:
        read = 0

        async def receive() -> dict[str, object]:
            nonlocal read
            read += 1
            return {"type": "http.request", "body": b"a" * 1024, "more_body": True}

        status = await _answer(world.app, [(b"host", b"x")], receive)
        assert status == 413
        assert read == world.config.server.max_body_bytes // 1024 + 1


class TestOddRequests:
    @pytest.mark.parametrize("query", ["username=%ff", "username=%f0%28", "&".join(f"a{i}=1" for i in range(200))])
    async def test_odd_query_is_refused(self, world: World, query: str) -> None:
        status, body = await _get(world.app, "/_matrix/client/v3/register/available", query.encode())
        assert status == 400
        assert body["errcode"] == "M_INVALID_PARAM"

    @pytest.mark.parametrize("query", [b"access_token=%ff", b"access_token=%C3%A9", b"access_token=\xc3\xa9"])
    async def test_odd_token_in_the_query_is_no_failure(self, world: World, query: bytes) -> None:
        status, body = await _get(world.app, "/_matrix/client/v3/account/whoami", query)
        assert status in (400, 401)
        assert body["errcode"] in ("M_INVALID_PARAM", "M_UNKNOWN_TOKEN")

    async def test_request_without_host_is_refused(self, world: World) -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"{}"}

        assert await _answer(world.app, [], receive) == 400

    async def test_bug_is_a_500_with_a_reference_and_nothing_else(
        self, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_world(open_config(tmp_path)) as world:
            monkeypatch.setattr(type(world.services), "user_id", None)
            alice = await world.call(
                "POST", "v3/register", {"password": "long enough", "auth": {"type": "m.login.dummy"}}
            )
        assert (alice.status, alice.errcode) == (500, "M_UNKNOWN")
        reference = alice.json["error"].rpartition(" ")[2]
        (record,) = (record for record in caplog.records if record.levelname == "ERROR")
        assert record.ostiary_fields["reference"] == reference  # type: ignore[attr-defined]
        assert "TypeError" not in alice.json["error"]


async def _answer_without_body(app: App, length: bytes) -> int:
    async def receive() -> dict[str, object]:
        raise AssertionError("the body must not be read")

    return await _answer(app, [(b"host", b"x"), (b"content-length", length)], receive)


async def _answer(app: App, headers: list[tuple[bytes, bytes]], receive: object) -> int:
    status, _ = await _exchange(app, "POST", "/_matrix/client/v3/login", b"", headers, receive)
    return status


async def _get(app: App, path: str, query: bytes) -> tuple[int, dict[str, str]]:
    return await _exchange(app, "GET", path, query, [(b"host", b"x")], None)


async def _exchange(
    app: App, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], receive: object
) -> tuple[int, dict[str, str]]:
    sent: list[dict[str, object]] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
        "headers": headers, "client": None, "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type]
    status, body = sent[0]["status"], sent[1]["body"]
    assert isinstance(status, int)
    assert isinstance(body, bytes)
    return status, json.loads(body)
