"""Identity servers: a small real one that wants its tokens and verifies what servers sign."""

import base64
import json
import re
from pathlib import Path
from typing import Any, Protocol

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ostiary.accounts.messages import Medium
from ostiary.accounts.ports_outside import ValidatedThreepid
from ostiary.api.errors import Forbidden, LimitExceeded, MatrixError, ServerNotTrusted, TermsNotSigned, Unknown
from ostiary.api.secret import Secret
from ostiary.delivery.http import Outgoing
from ostiary.delivery.identity import HttpIdentityServers
from ostiary.delivery.signing import SigningKey, load_signing_key
from tests.delivery.doubles import Asked, Reply, closed_port, serving, silent_server
from tests.world import SeededEntropy

NAME = "is.example.org"
HERE = "example.org"
TOKEN = Secret("id-access-token")
ALICE = "@alice:example.org"
MAIL = "alice@mail.example"


class PublicKey(Protocol):
    """What a verifier knows of a key."""

    @property
    def key_id(self) -> str: ...

    @property
    def public_key(self) -> str: ...


class IdentityServer:
    """Knows one token, one validation, and the keys of the servers that it has met."""

    def __init__(
        self,
        key: PublicKey,
        prefix: str = "",
        *,
        sid: str = "s&1",
        client_secret: str = "c=1",
        here: str = HERE,
        name: str = NAME,
    ) -> None:
        self.key = key
        self.prefix = prefix
        self.validated = (sid, client_secret)
        self.here = here
        self.name = name
        self.bound: dict[str, str] = {}

    def __call__(self, asked: Asked) -> Reply:
        match asked.method, asked.path.removeprefix(self.prefix).partition("?")[0]:
            case "POST", "/_matrix/identity/v2/3pid/bind":
                if asked.headers.get("authorization") != f"Bearer {TOKEN.reveal()}":
                    return Reply({"errcode": "M_UNKNOWN_TOKEN", "error": "Who?"}, status=401)
                return self.bind(asked.json)
            case "POST", "/_matrix/identity/api/v1/3pid/bind":
                return self.bind(asked.json)
            case "POST", "/_matrix/identity/v2/3pid/unbind":
                return self.unbind(asked)
            case "GET", "/_matrix/identity/api/v1/3pid/getValidated3pid":
                if (asked.query.get("sid"), asked.query.get("client_secret")) != self.validated:
                    return Reply({"errcode": "M_NO_VALID_SESSION", "error": "None"}, status=404)
                return Reply({"medium": "email", "address": MAIL, "validated_at": 1_700_000_000_000})
        return Reply({"errcode": "M_UNRECOGNIZED", "error": "?"}, status=404)

    def bind(self, body: dict[str, str]) -> Reply:
        if (body["sid"], body["client_secret"]) != self.validated:
            return Reply({"errcode": "M_NO_VALID_SESSION", "error": "No such session"}, status=400)
        self.bound[MAIL] = body["mxid"]
        return Reply({"address": MAIL, "medium": "email", "mxid": body["mxid"]})

    def unbind(self, asked: Asked) -> Reply:
        header = asked.headers.get("authorization", "")
        found = re.fullmatch(r'X-Matrix origin=([^,]+),key="([^"]+)",sig="([^"]+)"', header)
        if found is None:
            return Reply({"errcode": "M_FORBIDDEN", "error": "Not signed"}, status=403)
        origin, key_id, signature = found.groups()
        signed = {
            "method": asked.method,
            "uri": asked.path,
            "origin": origin,
            "destination_is": self.name,
            "content": asked.json,
        }
        message = json.dumps(signed, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.key.public_key + "="))
        try:
            public.verify(base64.b64decode(signature + "=="), message)
        except InvalidSignature:
            return Reply({"errcode": "M_FORBIDDEN", "error": "Invalid signature"}, status=403)
        user_id = asked.json["mxid"]
        if (origin, key_id) != (self.here, self.key.key_id) or not user_id.endswith(f":{origin}"):
            return Reply({"errcode": "M_FORBIDDEN", "error": "Not yours"}, status=403)
        self.bound.pop(asked.json["threepid"]["address"], None)
        return Reply({})


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_signing_key(tmp_path / "signing.key", SeededEntropy())


def identity_at(outgoing: Outgoing, url: str | None, key: Any = None) -> HttpIdentityServers:
    return HttpIdentityServers(outgoing, {NAME: url}, HERE, key)


@pytest.mark.parametrize("prefix", ["", "/below"])
async def test_an_address_is_found_bound_and_forgotten(outgoing: Outgoing, key: SigningKey, prefix: str) -> None:
    server = IdentityServer(key, prefix)
    with serving(server) as double:
        identity = identity_at(outgoing, double.url + prefix, key)
        found = await identity.find_validated(NAME, "s&1", "c=1")
        await identity.bind(NAME, TOKEN, "c=1", "s&1", ALICE)
        assert server.bound == {MAIL: ALICE}
        assert await identity.unbind(NAME.upper(), Medium.EMAIL, MAIL, ALICE)
    assert found == ValidatedThreepid(Medium.EMAIL, MAIL, 1_700_000_000_000)
    assert server.bound == {}


async def test_without_a_token_version_1_is_asked(outgoing: Outgoing, key: SigningKey) -> None:
    server = IdentityServer(key)
    with serving(server) as double:
        await identity_at(outgoing, double.url).bind(NAME, None, "c=1", "s&1", ALICE)
    assert double.asked[0].path == "/_matrix/identity/api/v1/3pid/bind"
    assert server.bound == {MAIL: ALICE}


async def test_a_server_that_is_not_trusted_is_not_asked(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double:
        identity = identity_at(outgoing, double.url, key)
        for name in (f"127.0.0.1:{double.server_port}", f"{NAME}:443", f"{NAME}/", f"a@{NAME}", ""):
            with pytest.raises(ServerNotTrusted):
                await identity.bind(name, TOKEN, "c=1", "s&1", ALICE)
            with pytest.raises(ServerNotTrusted):
                await identity.unbind(name, Medium.EMAIL, MAIL, ALICE)
            with pytest.raises(ServerNotTrusted):
                await identity.find_validated(name, "s&1", "c=1")
    assert double.asked == []


async def test_a_trusted_name_without_a_url_must_be_public(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double:
        name = f"localhost:{double.server_port}"
        with pytest.raises(Unknown, match="an address that is not public") as caught:
            await HttpIdentityServers(outgoing, {name: None}, HERE, key).bind(name, TOKEN, "c=1", "s&1", ALICE)
    assert caught.value.status == 502
    assert double.asked == []


# --- Refusals --------------------------------------------------------------------------------------------------------


async def test_what_is_not_validated_is_not_found(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double:
        assert await identity_at(outgoing, double.url).find_validated(NAME, "s&1", "other") is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"errcode": "M_SESSION_NOT_VALIDATED", "error": "Not yet"}, status=400),
        Reply({}),
        Reply([]),
        Reply({"medium": "pigeon", "address": "a", "validated_at": 1}),
        Reply({"medium": ["email"], "address": "a", "validated_at": 1}),
        Reply({"medium": "email", "address": None, "validated_at": 1}),
        Reply({"medium": "email", "address": "a", "validated_at": True}),
    ],
)
async def test_an_answer_without_an_address_is_none(outgoing: Outgoing, reply: Reply) -> None:
    with serving(reply) as double:
        assert await identity_at(outgoing, double.url).find_validated(NAME, "s&1", "c=1") is None


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("errcode", ["M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_LOCKED", "M_USER_DEACTIVATED"])
async def test_what_speaks_of_a_session_is_not_passed_on(
    outgoing: Outgoing, key: SigningKey, status: int, errcode: str
) -> None:
    reply = Reply({"errcode": errcode, "error": "You are gone", "soft_logout": False}, status=status)
    with serving(lambda _: reply) as double, pytest.raises(MatrixError) as caught:
        await identity_at(outgoing, double.url, key).bind(NAME, TOKEN, "c=1", "s&1", ALICE)
    assert (caught.value.errcode, caught.value.status) == ("M_FORBIDDEN", 403)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"errcode": "M_TERMS_NOT_SIGNED", "error": "Sign"}, status=403), TermsNotSigned),
        (Reply({"errcode": "M_LIMIT_EXCEEDED", "error": "Slow", "retry_after_ms": 7}, status=429), LimitExceeded),
    ],
)
async def test_what_the_identity_server_refuses_is_passed_on(
    outgoing: Outgoing, key: SigningKey, reply: Reply, kind: type[MatrixError]
) -> None:
    with serving(reply) as double:
        identity = identity_at(outgoing, double.url, key)
        with pytest.raises(kind) as bound:
            await identity.bind(NAME, TOKEN, "c=1", "s&1", ALICE)
        with pytest.raises(kind):
            await identity.unbind(NAME, Medium.EMAIL, MAIL, ALICE)
    assert (bound.value.status, bound.value.message) == (reply.status, reply.value["error"])
    assert bound.value.to_json() == reply.value


async def test_an_unknown_code_is_passed_on(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double, pytest.raises(MatrixError) as caught:
        await identity_at(outgoing, double.url).bind(NAME, TOKEN, "c=1", "other", ALICE)
    assert (caught.value.errcode, caught.value.status) == ("M_NO_VALID_SESSION", 400)


async def test_a_token_that_it_does_not_know_ends_no_session_of_ours(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double, pytest.raises(Forbidden) as caught:
        await identity_at(outgoing, double.url).bind(NAME, Secret("stale"), "c=1", "s&1", ALICE)
    assert caught.value.status == 403
    assert "stale" not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [Reply({"errcode": "M_UNKNOWN", "error": "Broken"}, status=500), Reply(body=b"no", status=404), Reply(status=302)],
)
async def test_what_is_no_answer_is_a_bad_gateway(outgoing: Outgoing, reply: Reply) -> None:
    with serving(reply) as double, pytest.raises(Unknown) as caught:
        await identity_at(outgoing, double.url).bind(NAME, TOKEN, "c=1", "s&1", ALICE)
    assert caught.value.status == 502


async def test_a_server_that_is_not_there_is_a_bad_gateway(outgoing: Outgoing, hasty: Outgoing) -> None:
    with pytest.raises(Unknown, match="cannot be connected to") as caught:
        await identity_at(outgoing, f"http://127.0.0.1:{closed_port()}").find_validated(NAME, "s&1", "c=1")
    assert caught.value.status == 502
    with silent_server() as url, pytest.raises(Unknown, match="in time") as caught:
        await identity_at(hasty, url).find_validated(NAME, "s&1", "c=1")
    assert caught.value.status == 504


@pytest.mark.parametrize("status", [400, 404, 501])
@pytest.mark.parametrize("value", [None, {"errcode": "M_UNRECOGNIZED", "error": "?"}])
async def test_a_server_that_forgets_nothing_says_so(
    outgoing: Outgoing, key: SigningKey, status: int, value: Any
) -> None:
    with serving(Reply(value, status=status)) as double:
        assert not await identity_at(outgoing, double.url, key).unbind(NAME, Medium.EMAIL, MAIL, ALICE)


async def test_without_a_key_nothing_is_forgotten(outgoing: Outgoing, key: SigningKey) -> None:
    with serving(IdentityServer(key)) as double:
        assert not await identity_at(outgoing, double.url, None).unbind(NAME, Medium.EMAIL, MAIL, ALICE)
    assert double.asked == []


async def test_a_signature_by_another_key_is_refused(outgoing: Outgoing, key: SigningKey, tmp_path: Path) -> None:
    other = load_signing_key(tmp_path / "other.key", SeededEntropy("other"))
    with serving(IdentityServer(key)) as double, pytest.raises(Forbidden):
        await identity_at(outgoing, double.url, other).unbind(NAME, Medium.EMAIL, MAIL, ALICE)
