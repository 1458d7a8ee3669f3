"""Who may call the admin API: administrators whose account may be used, and nobody else."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.accounts.administration import Administrator
from ostiary.accounts.values import AccountChange
from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.administration.meta import ADMIN_PREFIX, ADMINISTRATORS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.config import AppservicesConfig
from tests.server.handlers.administration.conftest import Admin, make_admin
from tests.world import Account, World, open_config, open_world

every_endpoint = pytest.mark.parametrize("endpoint", ADMIN_ENDPOINTS, ids=lambda endpoint: endpoint.__name__)

REGISTRATION = """
id: bridge
url: null
as_token: the-bridges-token
hs_token: the-servers-token
sender_localpart: bridge
namespaces:
  users:
    - {exclusive: false, regex: "@.*:localhost"}
  aliases: []
  rooms: []
"""


def path_of(endpoint: type[Endpoint[Any]]) -> str:
    """Where it is, for the account root."""
    return re.sub(r"\{\w+\}", "root", endpoint.meta.path)


@every_endpoint
def test_every_endpoint_says_that_it_is_for_administrators(endpoint: type[Endpoint[Any]]) -> None:
    assert endpoint.meta.authentication == ADMINISTRATORS
    assert endpoint.meta.path.startswith(f"{ADMIN_PREFIX}/")
    assert endpoint not in ENDPOINTS


async def test_others_are_refused_everywhere(world: World, admin: Admin, alice: Account) -> None:
    guest = (await world.call("POST", "v3/register", {}, query={"kind": "guest"})).json["access_token"]
    for endpoint in ADMIN_ENDPOINTS:
        for token, errcode in (
            (None, "M_MISSING_TOKEN"), ("x", "M_UNKNOWN_TOKEN"), (alice.access_token, "M_FORBIDDEN"),
            (guest, "M_GUEST_ACCESS_FORBIDDEN"),
        ):  # fmt: skip
            answer = await world.call(endpoint.meta.method, path_of(endpoint), {}, token=token)
            assert (answer.errcode, answer.status) == (errcode, 401 if "TOKEN" in errcode else 403), endpoint


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        (AccountChange(is_locked=True), "M_USER_LOCKED"),
        (AccountChange(is_suspended=True), "M_USER_SUSPENDED"),
        (AccountChange(expires_at=1), "M_USER_LOCKED"),
        (AccountChange(is_admin=False), "M_FORBIDDEN"),
    ],
)
async def test_administrator_who_may_not_act_is_refused(
    world: World, admin: Admin, change: AccountChange, errcode: str
) -> None:
    await world.services.administration.change("root", change, Administrator())
    assert (await admin.call("GET", "accounts")).errcode == errcode


async def test_application_service_speaks_for_no_administrator(tmp_path: Path) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(REGISTRATION, encoding="utf-8")
    config = open_config(tmp_path, appservices=AppservicesConfig(files=(str(file),)))
    async with open_world(config) as world:
        await make_admin(world)
        said = {"user_id": "@root:localhost"}
        whoami = await world.call("GET", "v3/account/whoami", token="the-bridges-token", query=said)
        assert whoami.json["user_id"] == "@root:localhost"
        answer = await world.call("GET", f"{ADMIN_PREFIX}/accounts", token="the-bridges-token", query=said)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | st.just([{}])
)


@every_endpoint
def test_no_request_makes_the_server_fail(endpoint: type[Endpoint[Any]], tmp_path: Path) -> None:
    fields = sorted(fields_in(endpoint, Place.BODY) | {"x"})
    asked = sorted(fields_in(endpoint, Place.QUERY) | {"x"})
    texts = st.text(st.characters(codec="utf-8"), max_size=10) | st.integers(-(2**70), 2**70).map(str)
    with asyncio.Runner() as runner:
        context = open_world(open_config(tmp_path))
        world = runner.run(context.__aenter__())
        admin = runner.run(make_admin(world))
        runner.run(world.register("victim"))

        @settings(max_examples=30, deadline=None)
        @given(
            st.dictionaries(st.sampled_from(fields), values, max_size=4),
            st.dictionaries(st.sampled_from(asked), texts | st.sampled_from(["f", "b", "true", "0"]), max_size=3),
            st.sampled_from(["victim", "%00", "@victim:localhost", "%ff", "email", "a%2Fb", "@x", "9" * 30]),
        )
        def attempt(body: dict[str, Any], query: dict[str, str], segment: str) -> None:
            path = re.sub(r"\{\w+\}", segment, endpoint.meta.path)
            raw = json.dumps(body).encode()
            token = admin.account.access_token
            response = runner.run(world.raw(endpoint.meta.method, path, raw, token=token, query=query))
            assert response.status < 500, response.body
            if response.status >= 400:
                assert json.loads(response.body)["error"]

        try:
            attempt()
        finally:
            runner.run(context.__aexit__(None, None, None))
