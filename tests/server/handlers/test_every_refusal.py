"""What any endpoint may refuse for the same reasons: each that declares an error answers with it, in the same way."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import structs

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.errors import (
    GuestAccessForbidden,
    LimitExceeded,
    MatrixError,
    MissingToken,
    UnknownDevice,
    UserLocked,
    UserSuspended,
)
from ostiary.api.queries import MAX_QUERY_FIELDS
from ostiary.api.refusals import has_body, refusals
from ostiary.api.registration import Register
from ostiary.config import AppservicesConfig
from ostiary.config.model import Rate, RateConfig, RateLimitsConfig
from tests.fuzz.drafts import Draft, Known
from tests.fuzz.flows import open_under
from tests.world import Account, Answer, World, open_config, open_world, password_auth

ALL = (*ENDPOINTS, *ADMIN_ENDPOINTS)
WITH_TOKEN = tuple(endpoint for endpoint in ALL if isinstance(endpoint.meta.authentication, AccessToken))
WITH_ANY_TOKEN = tuple(
    endpoint for endpoint in ALL if isinstance(endpoint.meta.authentication, AccessToken)
    or endpoint.meta.authentication == OptionalToken()
)  # fmt: skip
WITH_BODY = tuple(endpoint for endpoint in ALL if has_body(endpoint))
INTERACTIVE = tuple(endpoint for endpoint in ALL if endpoint.meta.interactive)
TOO_MANY = {str(number): "" for number in range(MAX_QUERY_FIELDS + 1)}

REGISTRATION = """
id: bridge
url: null
as_token: the-bridges-token
hs_token: the-servers-token
sender_localpart: bridge
rate_limited: true
namespaces:
  users:
    - {exclusive: false, regex: "@bridge.*:localhost"}
  aliases: []
  rooms: []
"""


def named(endpoint: type[Endpoint[Any]]) -> str:
    return endpoint.__name__


def path_of(endpoint: type[Endpoint[Any]], segment: str = "x") -> str:
    """Its path, with this where a field stands."""
    return re.sub(r"\{\w+\}", segment, endpoint.meta.path)


def declares(endpoint: type[Endpoint[Any]], error: type[MatrixError]) -> bool:
    return error in refusals(endpoint).get(error.status, ())


async def ask(world: World, endpoint: type[Endpoint[Any]], token: str | None, **query: str) -> Answer:
    return await world.call(endpoint.meta.method, path_of(endpoint), {}, token=token, query=query)


def refused(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.errcode


async def administrator(world: World) -> Account:
    root = await world.register("root")
    await world.make_admin(root)
    return root


class TestTokens:
    async def test_none(self, world: World) -> None:
        for endpoint in WITH_TOKEN:
            assert declares(endpoint, MissingToken)
            assert refused(await ask(world, endpoint, None)) == (401, "M_MISSING_TOKEN"), endpoint

    async def test_unknown(self, world: World) -> None:
        for endpoint in WITH_ANY_TOKEN:
            assert refused(await ask(world, endpoint, "unknown")) == (401, "M_UNKNOWN_TOKEN"), endpoint

    async def test_guests(self, world: World) -> None:
        answer = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
        for endpoint in WITH_ANY_TOKEN:
            if not getattr(endpoint.meta.authentication, "guests", False):
                assert declares(endpoint, GuestAccessForbidden)
                found = await ask(world, endpoint, answer.json["access_token"])
                assert refused(found) == (403, "M_GUEST_ACCESS_FORBIDDEN"), endpoint

    @pytest.mark.parametrize(
        ("change", "error"), [({"is_locked": True}, UserLocked), ({"is_suspended": True}, UserSuspended)]
    )
    async def test_accounts_that_may_not_act(
        self, world: World, change: dict[str, Any], error: type[MatrixError]
    ) -> None:
        root = await administrator(world)
        await world.change(root, **change)
        for endpoint in WITH_ANY_TOKEN:
            if declares(endpoint, error):
                answer = await ask(world, endpoint, root.access_token)
                assert refused(answer) == (error.status, error.errcode), endpoint

    async def test_token_in_a_query_that_cannot_be_read(self, world: World, alice: Account) -> None:
        for endpoint in WITH_ANY_TOKEN:
            answer = await ask(world, endpoint, None, access_token=alice.access_token, **TOO_MANY)
            assert refused(answer) == (400, "M_INVALID_PARAM"), endpoint

    async def test_application_service_for_somebody_else_or_on_no_device(self, tmp_path: Path) -> None:
        (tmp_path / "bridge.yaml").write_text(REGISTRATION, encoding="utf-8")
        config = open_config(tmp_path, appservices=AppservicesConfig(files=(str(tmp_path / "bridge.yaml"),)))
        async with open_world(config) as world:
            for endpoint in WITH_ANY_TOKEN:
                answer = await ask(world, endpoint, "the-bridges-token", user_id="@alice:localhost")
                assert refused(answer) == (403, "M_FORBIDDEN"), endpoint
                assert declares(endpoint, UnknownDevice)
                answer = await ask(world, endpoint, "the-bridges-token", device_id="NONE")
                assert refused(answer) == (400, "M_UNKNOWN_DEVICE"), endpoint


class TestBodies:
    @pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
    async def test_no_json(self, world: World, body: bytes) -> None:
        root = await administrator(world)
        for endpoint in WITH_BODY:
            if body or endpoint.meta.method != "DELETE":
                await self.expect(world, endpoint, body, root, "M_NOT_JSON")

    async def test_no_object(self, world: World) -> None:
        root = await administrator(world)
        for endpoint in WITH_BODY:
            await self.expect(world, endpoint, b"[]", root, "M_BAD_JSON")

    async def test_field_that_is_missing(self, world: World) -> None:
        root = await administrator(world)
        for endpoint in WITH_BODY:
            if needed := [field.encode_name for field in structs.fields(endpoint) if field.required]:
                in_body = [name for name in needed if name in fields_in(endpoint, Place.BODY)]
                if in_body and not endpoint.meta.interactive:
                    await self.expect(world, endpoint, b"{}", root, "M_MISSING_PARAM")

    async def expect(
        self, world: World, endpoint: type[Endpoint[Any]], body: bytes, account: Account, errcode: str
    ) -> None:
        response = await world.raw(endpoint.meta.method, path_of(endpoint), body, token=account.access_token)
        assert (response.status, json.loads(response.body)["errcode"]) == (400, errcode), endpoint


class TestPathsAndQueries:
    async def test_bytes_that_are_no_text(self, world: World, alice: Account) -> None:
        for endpoint in ALL:
            if fields_in(endpoint, Place.PATH):
                path = path_of(endpoint, "%ff")
                answer = await world.call(endpoint.meta.method, path, {}, token=alice.access_token)
                assert refused(answer) == (400, "M_INVALID_PARAM"), endpoint

    async def test_too_many_fields(self, world: World) -> None:
        root = await administrator(world)
        for endpoint in ALL:
            if fields_in(endpoint, Place.QUERY) and not endpoint.meta.interactive:
                answer = await ask(world, endpoint, root.access_token, **TOO_MANY)
                assert refused(answer) == (400, "M_INVALID_PARAM"), endpoint


class TestDialogues:
    @pytest.mark.parametrize("endpoint", INTERACTIVE, ids=named)
    async def test_of_another_operation(self, world: World, alice: Account, endpoint: type[Endpoint[Any]]) -> None:
        asked = await world.call("DELETE", "v3/devices/OTHER", {}, token=alice.access_token)
        auth = password_auth(alice, asked.json["session"])
        answer = await world.call(endpoint.meta.method, path_of(endpoint), {"auth": auth}, token=alice.access_token)
        assert refused(answer) == (403, "M_FORBIDDEN")

    @pytest.mark.parametrize("endpoint", INTERACTIVE, ids=named)
    async def test_part_of_a_stage_that_is_missing(self, tmp_path: Path, endpoint: type[Endpoint[Any]]) -> None:
        kind, missing = ("m.login.recaptcha", "response") if endpoint is Register else ("m.login.password", "password")
        async with open_under("all", tmp_path) as world:
            alice = await world.register("alice")
            body = {**right_body(endpoint), "auth": {"type": kind}}
            answer = await world.call(endpoint.meta.method, path_of(endpoint), body, token=alice.access_token)
            assert refused(answer) == (400, "M_MISSING_PARAM")
            assert f"auth.{missing}" in answer.json["error"]

    @pytest.mark.parametrize("endpoint", INTERACTIVE, ids=named)
    async def test_of_somebody_of_an_unknown_type(self, tmp_path: Path, endpoint: type[Endpoint[Any]]) -> None:
        if endpoint is Register:
            assert not declares_at(endpoint, 400, "M_UNRECOGNIZED")  # nobody is named where an account is made
            return
        async with open_under("all", tmp_path) as world:
            alice = await world.register("alice")
            auth = {"type": "m.login.password", "identifier": {"type": "m.id.unknown"}, "password": "x"}
            body = {**right_body(endpoint), "auth": auth}
            answer = await world.call(endpoint.meta.method, path_of(endpoint), body, token=alice.access_token)
            assert refused(answer) == (400, "M_UNRECOGNIZED")


def declares_at(endpoint: type[Endpoint[Any]], status: int, errcode: str) -> bool:
    return any(error.errcode == errcode for error in refusals(endpoint).get(status, ()))


def right_body(endpoint: type[Endpoint[Any]]) -> dict[str, Any]:
    """A body that can be read, though its secrets are nobody's."""
    known = Known({"@alice:localhost": "x"}, {"@alice:localhost": "X"}, "", "", (), {})
    body = Draft.of(endpoint, known, Random(f"{endpoint.__name__}")).written_body()
    read: dict[str, Any] = json.loads(body or b"{}")
    return read


STRICT = Rate(burst=1, per_minute=1)


class TestLimits:
    @pytest.mark.parametrize("endpoint", [endpoint for endpoint in ALL if declares(endpoint, LimitExceeded)], ids=named)
    async def test_after_the_first_call(self, tmp_path: Path, endpoint: type[Endpoint[Any]]) -> None:
        async with open_world(open_config(tmp_path)) as world:
            alice = await world.register("alice")
        each = RateConfig(STRICT, STRICT)
        limits = RateLimitsConfig(True, each, each, each, each, each, each)
        async with open_world(open_config(tmp_path, rate_limits=limits), seed="another") as world:
            token = None if isinstance(endpoint.meta.authentication, NoToken) else alice.access_token
            auth = {"auth": password_auth(alice, password="wrong")} if endpoint.meta.interactive else {}
            body = {**right_body(endpoint), **auth}
            query = dict.fromkeys(fields_in(endpoint, Place.QUERY) - {"kind"}, "abc")
            for _ in range(2):
                answer = await world.call(endpoint.meta.method, path_of(endpoint), body, token=token, query=query)
            assert refused(answer) == (429, "M_LIMIT_EXCEEDED")
            assert int(answer.headers["retry-after"]) > 0
