"""Whatever a client sends, it is never the server that fails, and every answer is Matrix's."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, Place, fields_in
from tests.world import PASSWORD, World, open_config, open_world

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["alice", "@alice:localhost", PASSWORD, "m.login.dummy", "m.login.password", "m.id.user", "\0"])
)  # fmt: skip
names = st.sampled_from(
    ["type", "session", "identifier", "user", "password", "medium", "address", "username", "kind", "devices", "auth"]
) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=12
)


def bodies(endpoint: type[Endpoint[Any]]) -> st.SearchStrategy[Any]:
    """Objects with some of the endpoint's own fields, and others."""
    own = st.sampled_from([*sorted(fields_in(endpoint, Place.BODY)), "type", "auth", "x"])
    return st.dictionaries(own, values, max_size=6) | values


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
def test_no_request_makes_the_server_fail(endpoint: type[Endpoint[Any]], tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        context = open_world(open_config(tmp_path))
        world = runner.run(context.__aenter__())
        token = runner.run(world.register("alice")).access_token

        @settings(max_examples=40, deadline=None)
        @given(
            st.sampled_from(endpoint.meta.history),
            bodies(endpoint) | st.binary(max_size=40),
            st.sampled_from([token, None, "x"]),
            st.dictionaries(names, st.text(max_size=20), max_size=3),
            st.text(max_size=20),
        )
        def attempt(path: str, body: Any, token: str | None, query: dict[str, str], segment: str) -> None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            runner.run(_ask(world, endpoint, path, raw, token, query, segment))

        try:
            attempt()
        finally:
            runner.run(context.__aexit__(None, None, None))


async def _ask(
    world: World, endpoint: type[Endpoint[Any]], path: str, body: bytes, token: str | None, query: dict[str, str],
    segment: str,
) -> None:  # fmt: skip
    from urllib.parse import quote

    encodable = {name: value for name, value in query.items() if _is_utf8(name) and _is_utf8(value)}
    path = path.replace("{deviceId}", quote(segment.encode("utf-8", "surrogatepass"), safe=""))
    response = await world.raw(endpoint.meta.method, path, body, token=token, query=encodable)
    assert response.status < 500, response.body
    answer = json.loads(response.body)
    if response.status >= 400 and "flows" not in answer:
        assert answer["errcode"].startswith("M_")
        assert isinstance(answer["error"], str)


def _is_utf8(text: str) -> bool:
    return all(not "\ud800" <= character <= "\udfff" for character in text)
