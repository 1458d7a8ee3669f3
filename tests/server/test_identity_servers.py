"""Binding and unbinding by the API, at an identity server that checks the signature with the key that is published."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ostiary.api.identifiers import ServerName
from ostiary.config import ConfigError, IdentityServersConfig
from tests.delivery.doubles import Double, Reply, closed_port, serving, silent_server
from tests.delivery.test_identity import HERE, MAIL, IdentityServer
from tests.server.handlers.test_administrative_contact import LIST, listed
from tests.server.handlers.test_validation import SECRET, sending
from tests.world import Account, Answer, World, open_config, open_world, password_auth

KEYS = "/_matrix/key/v2/server"


@dataclass
class Published:
    """The key as its server publishes it."""

    key_id: str = ""
    public_key: str = ""


@dataclass
class Place:
    """A server and the identity server that it trusts, whose name clients know."""

    world: World
    identity: IdentityServer
    name: str

    async def call(self, account: Account, what: str, **body: object) -> Answer:
        return await self.world.call("POST", f"{LIST}{what}", body, token=account.access_token)


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    key = Published()
    identity = IdentityServer(key, sid="sid1", client_secret=SECRET)
    double: Double
    with serving(identity) as double:
        identity.name = name = double.url.removeprefix("http://")
        config = replace(
            sending(tmp_path, **getattr(request, "param", {})),
            server_name=ServerName(HERE),
            identity_servers=IdentityServersConfig(trusted=(double.url,), signing_key=str(tmp_path / "signing.key")),
        )
        async with open_world(config) as world:
            told = (await world.call("GET", KEYS)).json
            ((key.key_id, held),) = told["verify_keys"].items()
            key.public_key = held["key"]
            yield Place(world, identity, name)


def bind_body(place: Place, token: str = "id-access-token") -> dict[str, object]:
    return {"sid": "sid1", "client_secret": SECRET, "id_server": place.name, "id_access_token": token}


async def test_bound_and_unbound(place: Place) -> None:
    alice = await place.world.register("alice")
    assert (await place.call(alice, "/bind", **bind_body(place))).json == {}
    assert place.identity.bound == {MAIL: alice.user_id}
    answer = await place.call(alice, "/unbind", medium="email", address=MAIL)
    assert answer.json == {"id_server_unbind_result": "success"}
    assert place.identity.bound == {}


async def test_refused_by_the_identity_server(place: Place) -> None:
    alice = await place.world.register("alice")
    answer = await place.call(alice, "/bind", **bind_body(place, "wrong"))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert (await place.world.whoami(alice.access_token)).status == 200
    assert place.identity.bound == {}


async def test_older_clients_add_and_bind_in_one_call(place: Place) -> None:
    alice = await place.world.register("alice")
    answer = await place.call(alice, "", threePidCreds=bind_body(place), bind=True)
    assert answer.status == 200
    assert await listed(place.world, alice) == [("email", MAIL)]
    assert place.identity.bound == {MAIL: alice.user_id}


@pytest.mark.parametrize("place", [{"denied": ("alice@*",)}], indirect=True)
async def test_address_that_is_denied_here_is_not_added_on_its_word(place: Place) -> None:
    alice = await place.world.register("alice")
    creds = {"sid": "sid1", "client_secret": SECRET, "id_server": place.name}
    answer = await place.call(alice, "", three_pid_creds=creds)
    assert (answer.status, answer.errcode) == (403, "M_THREEPID_DENIED")
    assert await listed(place.world, alice) == []


async def test_removing_an_address_unbinds_it_where_it_was_bound(place: Place) -> None:
    alice = await place.world.register("alice")
    await place.call(alice, "", three_pid_creds=bind_body(place), bind=True)
    answer = await place.call(alice, "/delete", medium="email", address=MAIL)
    assert answer.json == {"id_server_unbind_result": "success"}
    assert place.identity.bound == {}


async def test_deactivation_unbinds_all(place: Place) -> None:
    alice = await place.world.register("alice")
    await place.call(alice, "/bind", **bind_body(place))
    body = {"auth": password_auth(alice)}
    answer = await place.world.call("POST", "v3/account/deactivate", body, token=alice.access_token)
    assert answer.json == {"id_server_unbind_result": "success"}
    assert place.identity.bound == {}


async def test_unbinding_that_fails_is_told(place: Place) -> None:
    alice = await place.world.register("alice")
    await place.call(alice, "/bind", **bind_body(place))
    place.identity.here = "another"
    answer = await place.call(alice, "/unbind", medium="email", address=MAIL)
    assert answer.json == {"id_server_unbind_result": "no-support"}
    place.identity.here = HERE
    answer = await place.call(alice, "/unbind", medium="email", address=MAIL)
    assert answer.json == {"id_server_unbind_result": "success"}, "the binding was not forgotten"


async def test_key_is_published_and_stays_the_same(place: Place) -> None:
    first = (await place.world.call("GET", KEYS)).json
    assert first["server_name"] == HERE
    assert list(first["signatures"][HERE]) == list(first["verify_keys"])
    assert first["valid_until_ts"] > place.world.clock.now()
    place.world.clock.advance(1000)
    assert (await place.world.call("GET", KEYS)).json["verify_keys"] == first["verify_keys"]


async def test_without_a_key(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path)) as world:
        answer = await world.call("GET", KEYS)
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


async def test_broken_key_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "broken.key"
    file.write_text("nonsense", encoding="utf-8")
    config = open_config(tmp_path, identity_servers=IdentityServersConfig(signing_key=str(file)))
    with pytest.raises(ConfigError, match=r"identity_servers\.signing_key"):
        async with open_world(config):
            pass


async def test_identity_server_that_fails_or_hangs(tmp_path: Path) -> None:
    with serving(Reply({}, status=500)) as broken, silent_server() as silent:
        for url, status in (
            (broken.url, 502),
            (f"http://127.0.0.1:{closed_port()}", 502),
            (silent, 504),
        ):
            trusting = IdentityServersConfig(trusted=(url,), timeout_ms=200 if url == silent else 10_000)
            async with open_world(replace(sending(tmp_path), identity_servers=trusting), seed=url) as world:
                alice = await world.register(f"alice{url.rpartition(':')[2]}")
                creds = {"sid": "x", "client_secret": SECRET, "id_server": url[7:], "id_access_token": "x"}
                for path, body in (("/bind", creds), ("", {"three_pid_creds": creds, "bind": True})):
                    answer = await world.call("POST", f"{LIST}{path}", body, token=alice.access_token)
                    assert (answer.status, answer.errcode) == (status, "M_UNKNOWN")
