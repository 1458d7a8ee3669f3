"""What keys of the configuration do to accounts, sessions and dialogues, each with both of its values."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from ostiary.api.identifiers import ServerName
from ostiary.api.secret import Secret
from ostiary.config import Config, FlowsConfig, JwtConfig, LoginConfig
from ostiary.config.keys import all_keys, with_value
from ostiary.server.housekeeping import Housekeeping, house_rules
from ostiary.server.logs import Log
from tests.world import open_config, open_world, password_auth

LOG: Final = Log(logging.getLogger("test"))
SECOND: Final = 1000
JWT_SECRET: Final = "a shared secret of some length, as it should be"


def with_key(config: Config, name: str, value: Any) -> Config:
    """The configuration with another value for the key of this name."""
    return with_value(config, all_keys()[name], value)


async def test_server_name_is_part_of_user_ids(tmp_path: Path) -> None:
    for name in ("example.org", "example.com:8448"):
        folder = tmp_path / name.replace(":", "_")
        folder.mkdir()
        async with open_world(open_config(folder, server_name=ServerName(name))) as world:
            assert (await world.register("alice")).user_id == f"@alice:{name}"


async def test_database_holds_the_accounts(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = open_config(tmp_path / "one"), open_config(tmp_path / "other")
    async with open_world(one) as world:
        await world.register("alice")
    for config, status in ((one, 200), (other, 403)):
        async with open_world(config, seed="another") as world:
            assert (await world.login("alice")).status == status


@pytest.mark.parametrize(
    ("value", "told"), [("", None), ("https://id.example.org", {"base_url": "https://id.example.org"})]
)
async def test_identity_server_is_told(tmp_path: Path, value: str, told: object) -> None:
    config = with_key(open_config(tmp_path), "server.public_url", "https://m.example.org")
    async with open_world(with_key(config, "server.identity_server", value)) as world:
        answer = await world.call("GET", "/.well-known/matrix/client")
        assert answer.json.get("m.identity_server") == told


# --- Sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["access_token_lifetime", "unrefreshable_access_token_lifetime"])
@pytest.mark.parametrize("seconds", [5, 7])
async def test_access_tokens_live_as_long(tmp_path: Path, key: str, seconds: int) -> None:
    config = with_key(open_config(tmp_path), f"sessions.{key}", seconds * SECOND)
    async with open_world(config) as world:
        alice = await world.register("alice", refresh_token=key == "access_token_lifetime")
        world.clock.advance(seconds * SECOND - 1)
        assert (await world.whoami(alice.access_token)).status == 200
        world.clock.advance(1)
        assert (await world.whoami(alice.access_token)).errcode == "M_UNKNOWN_TOKEN"


@pytest.mark.parametrize("seconds", [5, 7])
async def test_unused_refresh_tokens_live_as_long(tmp_path: Path, seconds: int) -> None:
    config = with_key(open_config(tmp_path), "sessions.refresh_token_lifetime", seconds * SECOND)
    async with open_world(config) as world:
        alice, bob = await world.register("alice"), await world.register("bob")
        world.clock.advance(seconds * SECOND - 1)
        assert (await world.refresh(alice.refresh_token)).status == 200
        world.clock.advance(1)
        assert (await world.refresh(bob.refresh_token)).status == 401


@pytest.mark.parametrize(("grace", "lives"), [(10 * SECOND, True), (SECOND, False)])
async def test_late_replay_ends_the_session_after_the_grace_only(tmp_path: Path, grace: int, lives: bool) -> None:
    async with open_world(with_key(open_config(tmp_path), "sessions.replay_grace", grace)) as world:
        alice = await world.register("alice")
        new = (await world.refresh(alice.refresh_token)).json["access_token"]
        assert (await world.whoami(new)).status == 200
        world.clock.advance(5 * SECOND)
        assert (await world.refresh(alice.refresh_token)).status == 401
        assert ((await world.whoami(new)).status == 200) == lives


@pytest.mark.parametrize(("days", "forgotten"), [(1, True), (3, False)])
async def test_ended_sessions_are_remembered_as_long(tmp_path: Path, days: int, forgotten: bool) -> None:
    config = with_key(open_config(tmp_path), "sessions.dead_token_memory", days * 86_400 * SECOND)
    async with open_world(config) as world:
        alice = await world.register("alice")
        await world.call("POST", "v3/logout", {}, token=alice.access_token)
        before = await world.sql("SELECT count(*) FROM sessions")
        world.clock.advance(2 * 86_400 * SECOND)
        await Housekeeping(world.services, LOG, house_rules(config)).forget_dead()
        assert (await world.sql("SELECT count(*) FROM sessions") != before) == forgotten


@pytest.mark.parametrize("seconds", [5, 7])
async def test_dialogues_live_as_long(tmp_path: Path, seconds: int) -> None:
    async with open_world(with_key(open_config(tmp_path), "uia.session_lifetime", seconds * SECOND)) as world:
        alice = await world.register("alice")
        for wait, status in ((seconds * SECOND - 1, 200), (seconds * SECOND, 401)):
            asked = await world.call("DELETE", "v3/devices/X", {}, token=alice.access_token)
            world.clock.advance(wait)
            body = {"auth": password_auth(alice, asked.json["session"])}
            answer = await world.call("DELETE", "v3/devices/X", body, token=alice.access_token)
            assert answer.status == status


# --- Flows and ways to log in ----------------------------------------------------------------------------------------

OPERATIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "change_password": ("POST", "v3/account/password", {"new_password": "another horse"}),
    "reset_password": ("POST", "v3/account/password", {"new_password": "another horse"}),
    "deactivate": ("POST", "v3/account/deactivate", {}),
    "delete_devices": ("POST", "v3/delete_devices", {"devices": []}),
    "add_threepid": ("POST", "v3/account/3pid/add", {"sid": "x", "client_secret": "x"}),
    "get_login_token": ("POST", "v1/login/get_token", {}),
}


@pytest.mark.parametrize("flow", ["m.login.dummy", "m.login.password"])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_operation_asks_for_its_flows(tmp_path: Path, name: str, flow: str) -> None:
    usual = "m.login.password" if flow == "m.login.dummy" else "m.login.dummy"
    flows = FlowsConfig(**{one: (((flow if one == name else usual),),) for one in OPERATIONS})
    async with open_world(open_config(tmp_path, flows=flows)) as world:
        token = None if name == "reset_password" else (await world.register("alice")).access_token
        method, path, body = OPERATIONS[name]
        answer = await world.call(method, path, body, token=token)
        assert (answer.status, answer.json["flows"]) == (401, [{"stages": [flow]}])


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize(("key", "kind"), [("password", "m.login.password"), ("token", "m.login.token")])
async def test_way_to_log_in_can_be_closed(tmp_path: Path, key: str, kind: str, is_on: bool) -> None:
    login = replace(LoginConfig(), **{key: is_on})
    async with open_world(open_config(tmp_path, login=login)) as world:
        alice = await world.register("alice")
        told = {flow["type"] for flow in (await world.call("GET", "v3/login")).json["flows"]}
        assert (kind in told) == is_on
        if key == "password":
            assert ((await world.login("alice")).status == 200) == is_on
        else:
            answer = await world.call("POST", "v1/login/get_token", {}, token=alice.access_token)
            assert (answer.status == 401) == is_on


def token_of(algorithm: str = "HS256", secret: str = JWT_SECRET, **claims: Any) -> str:
    made: str = jwt.encode({"alg": algorithm}, {"exp": 4_000_000_000, **claims}, OctKey.import_key(secret), [algorithm])
    return made


RIGHT: Final = {"sub": "alice", "login": "alice", "iss": "https://id.example.org", "aud": "matrix"}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"algorithm": "HS512"}, {}),
        ({"secret": Secret("another secret of some length, for a change")}, {}),
        ({"subject_claim": "login"}, {"login": 3}),
        ({"issuer": "https://id.example.org"}, {"iss": "https://evil.example"}),
        ({"audiences": ("matrix",)}, {"aud": "chat"}),
    ],
)
async def test_web_tokens_are_judged_by(tmp_path: Path, changes: dict[str, Any], wrong: dict[str, Any]) -> None:
    right = {**RIGHT, "sub": "bob"} if "subject_claim" in changes else RIGHT
    usual = token_of(**{**right, **wrong})
    signed = token_of(changes.get("algorithm", "HS256"), changes.get("secret", Secret(JWT_SECRET)).reveal(), **right)
    usual_config: dict[str, Any] = {"enabled": True, "secret": Secret(JWT_SECRET), "create_accounts": True}
    for number, (config, token, status) in enumerate(
        (
            (JwtConfig(**usual_config), token_of(**RIGHT), 200),
            (JwtConfig(**{**usual_config, **changes}), signed, 200),
            (JwtConfig(**{**usual_config, **changes}), usual, 403),
        )
    ):
        async with open_world(open_config(tmp_path, jwt=config), seed=str(number)) as world:
            answer = await world.call("POST", "v3/login", {"type": "org.matrix.login.jwt", "token": token})
            assert answer.status == status
            if status == 200:
                assert answer.json["user_id"] == "@alice:localhost"
