"""POST /login with a JSON web token."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt

from ostiary.api.identifiers import Localpart
from ostiary.api.secret import Secret
from ostiary.config import ConfigError, JwtConfig
from tests.world import Answer, World, open_config, open_world

SECRET = "a shared secret of some length, as it should be"
CONFIG = JwtConfig(
    enabled=True,
    secret=Secret(SECRET),
    issuer="https://id.example.org",
    audiences=("matrix", "chat"),
    create_accounts=True,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(open_config(tmp_path, jwt=CONFIG)) as opened:
        yield opened


def token_for(world: World, subject: Any = "alice", key: Any = None, algorithm: str = "HS256", **claims: Any) -> str:
    now = world.clock.now() // 1000
    body = {"sub": subject, "iss": "https://id.example.org", "aud": "matrix", "exp": now + 60, **claims}
    given = {name: value for name, value in body.items() if value is not None}
    return jwt.encode({"alg": algorithm}, given, key or jwk.OctKey.import_key(SECRET), algorithms=[algorithm])


async def log_in(world: World, token: str) -> Answer:
    return await world.call("POST", "v3/login", {"type": "org.matrix.login.jwt", "token": token})


async def test_opens_a_session_and_makes_the_account(world: World) -> None:
    for _ in range(2):
        answer = await log_in(world, token_for(world))
        assert answer.status == 200
        assert answer.json["user_id"] == "@alice:localhost"
    assert {"type": "org.matrix.login.jwt"} in (await world.call("GET", "v3/login")).json["flows"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"nbf": 10**11},
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
    ],
)
async def test_wrong_claims(world: World, claims: dict[str, Any]) -> None:
    answer = await log_in(world, token_for(world, **{"subject": claims.pop("sub", "alice"), **claims}))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_wrong_signature_and_nonsense(world: World) -> None:
    other = token_for(world, key=jwk.OctKey.import_key("another secret of some length, as it should be"))
    unsigned = "eyJhbGciOiJub25lIn0." + other.split(".")[1] + "."
    for text in (other, unsigned, "", "x", "a.b.c", "." * 5, other[:-3]):
        answer = await log_in(world, text)
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        assert len(text) < 20 or text not in answer.json["error"]


async def test_another_algorithm_than_configured(world: World) -> None:
    answer = await log_in(world, token_for(world, algorithm="HS512"))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


async def test_deactivated_accounts_stay_so(world: World) -> None:
    await log_in(world, token_for(world))
    await world.services.deactivations.deactivate(Localpart("alice"), world.origin, erase=False)
    answer = await log_in(world, token_for(world))
    assert (answer.status, answer.errcode) == (403, "M_USER_DEACTIVATED")


async def test_names_that_cannot_be_are_refused(world: World) -> None:
    answer = await log_in(world, token_for(world, "not a name"))
    assert (answer.status, answer.errcode) == (400, "M_INVALID_USERNAME")


async def test_accounts_are_made_only_where_it_is_configured(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path, jwt=JwtConfig(enabled=True, secret=Secret(SECRET)))) as world:
        answer = await log_in(world, token_for(world))
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
        await world.register("alice")
        assert (await log_in(world, token_for(world))).status == 200


async def test_off_unless_configured(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path)) as world:
        answer = await log_in(world, token_for(world))
        assert (answer.status, answer.errcode) == (400, "M_UNKNOWN")


@pytest.mark.parametrize(("algorithm", "kind"), [("RS256", jwk.RSAKey), ("ES256", jwk.ECKey), ("Ed25519", jwk.OKPKey)])
async def test_public_keys(tmp_path: Path, algorithm: str, kind: Any) -> None:
    key = kind.generate_key({"RS256": 2048, "ES256": "P-256", "Ed25519": "Ed25519"}[algorithm])
    file = tmp_path / "key.pem"
    file.write_bytes(key.as_pem(private=False))
    config = JwtConfig(enabled=True, algorithm=algorithm, key_file=str(file), create_accounts=True)
    async with open_world(open_config(tmp_path, jwt=config)) as world:
        assert (await log_in(world, token_for(world, key=key, algorithm=algorithm))).status == 200


@pytest.mark.parametrize("content", ["", "nonsense", "{}", '{"kty": "RSA"}'])
async def test_broken_keys_are_told_at_the_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.pem"
    file.write_text(content, encoding="utf-8")
    config = JwtConfig(enabled=True, algorithm="RS256", key_file=str(file))
    with pytest.raises(ConfigError, match=r"jwt\.key_file"):
        async with open_world(open_config(tmp_path, jwt=config)):
            pass
