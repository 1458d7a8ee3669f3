"""Makes wrong requests of the contract: each wrong in a way for which it must be refused, or several, and odd besides.

A way to be wrong (``WAYS``) is a function that spoils a draft and tells how, or returns None where the draft cannot be
wrong like that. Calls that only read may be merely odd. Whoever knows an endpoint, a seed and a number can make the
same request again.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from ostiary.accounts.session_tokens import SessionToken, SessionTokenKind
from ostiary.accounts.tokens import ENTROPY_BYTES, TokenKind, make_token
from ostiary.api.account_deactivation import DeactivateAccount
from ostiary.api.admin import Lock, Suspend
from ostiary.api.administrative_contact import AddThirdPartyId, PostThirdPartyId
from ostiary.api.appservice_ping import PingAppservice
from ostiary.api.auth import AccessToken, OptionalToken
from ostiary.api.codec import field_types
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.login import Login
from ostiary.api.profile import SetProfileField
from ostiary.api.refresh import Refresh, TokenRefresh
from ostiary.api.registration import Register
from ostiary.api.validation import SubmitToken
from tests.fuzz.drafts import Draft, Known, RawRequest
from tests.fuzz.odds import ODDS
from tests.fuzz.paths import Paths
from tests.fuzz.values import CANARY, broken_body, json_beyond, json_not_of, wrong_json, wrong_segment

Way = Callable[[Draft], str | None]

MAX_BODY_BYTES: Final = 65_536

ASTRAY: Final = 0.1
"""The share of wrong requests that have a wrong method or an unknown path, of endpoints that can be wrong otherwise."""

REFUSED_BY_MEANING: Final = frozenset({
    Login, Refresh, TokenRefresh, SubmitToken, PostThirdPartyId, AddThirdPartyId, PingAppservice, Suspend, Lock,
    DeactivateAccount,
})  # fmt: skip
"""Calls that change nothing as drafts are made: their secrets open nothing, and their callers have no such rights."""


class Wrongs:
    """Makes wrong requests to some endpoints of a server of which something is known."""

    def __init__(self, endpoints: Sequence[type[Endpoint[Any]]], known: Known) -> None:
        self._endpoints = endpoints
        self._known = known
        self._paths = Paths(endpoints)

    def numbered(self, seed: int, number: int) -> RawRequest:
        """The request of this number: the same for the same seed."""
        random = Random(f"{seed}/{number}")
        return self.make(random.choice(self._endpoints), random)

    def make(self, endpoint: type[Endpoint[Any]], random: Random) -> RawRequest:
        """A wrong request to an endpoint."""
        draft = Draft.of(endpoint, self._known, random)
        reads = endpoint.meta.method == "GET"
        refused = not reads or random.random() < 0.6
        if refused:
            self._spoil(draft)
        for _ in range(random.choice((0, 0, 1, 2, 3)) if refused else 1 + random.randrange(3)):
            draft.wrongs.append(random.choice(ODDS)(draft))
        return draft.finished(refused=refused)

    def _spoil(self, draft: Draft) -> None:
        """Make the draft wrong: in one way mostly, and seldom in that it reaches no endpoint at all."""
        random = draft.random
        astray = (self._wrong_method, self._unknown_path)
        ways = [random.choice(astray)] if random.random() < ASTRAY else random.sample(WAYS, len(WAYS))
        wanted = random.choice((1, 1, 1, 1, 2, 3))
        for way in [*ways, *astray]:
            if len(draft.wrongs) >= wanted or draft.path is not None:
                return
            told = way(draft)
            draft.wrongs += [] if told is None else [told]

    def _wrong_method(self, draft: Draft) -> str:
        draft.method = self._paths.wrong_method(draft.raw_path, draft.random)
        return "method"

    def _unknown_path(self, draft: Draft) -> str:
        draft.path = self._paths.unknown_near(draft.raw_path, draft.random)
        return "unknown path"


# --- Tokens ----------------------------------------------------------------------------------------------------------


def _bad_token(draft: Draft) -> str | None:
    rule = draft.endpoint.meta.authentication
    if not isinstance(rule, AccessToken) and not (isinstance(rule, OptionalToken) and not rule.lenient):
        return None
    random, known = draft.random, draft.known
    good = known.tokens[draft.caller]
    place = random.randrange(len(good))
    other = "y" if good[place] == "x" else "x"
    unknown = make_token(random.choice(list(TokenKind)), random.randbytes(ENTROPY_BYTES)).reveal()
    session = random.choice((0, 1, 2, 3, 10**6, 2**63 - 1))
    of_session = SessionToken(
        random.choice(list(SessionTokenKind)), session, random.choice((0, 1, 2**63 - 1)), "a" * 14, "b" * 22
    )
    bad: dict[str, bytes] = {
        "token with a typo": (good[:place] + other + good[place + 1 :]).encode(),
        "unknown token": unknown.encode(),
        "unknown token of a session": of_session.text.reveal().encode(),
        "dead token": known.dead.encode(),
        "token of another kind": random.choice(known.others).encode(),
        "cut token": good[: random.randrange(1, len(good))].encode(),
        "doubled token": f"{good},{good}".encode(),
        "long token": good.encode() * 500,
        "token of no ASCII": good.encode() + random.choice((b"\xff", "é".encode(), b"\xa0x")),
        "token in quotes": f'"{good}"'.encode(),
        "token with the scheme twice": f"Bearer {good}".encode(),
        "digest of no token": b"x",
    }
    name = random.choice([*bad, "no token"] if isinstance(rule, AccessToken) else list(bad))
    if name == "no token":
        draft.authorization = random.choice(
            (
                [],
                [b""],
                [b"Bearer"],
                [b"Bearer "],
                [f"Basic {good}".encode()],
                [good.encode()],
                [b"bearer\t" + good.encode()],
            )
        )
    else:
        draft.authorization = [b"Bearer " + bad[name]]
    return name


def _guest(draft: Draft) -> str | None:
    rule = draft.endpoint.meta.authentication
    if not isinstance(rule, AccessToken) or rule.guests:
        return None
    draft.authorization = [b"Bearer " + draft.known.guest.encode()]
    return "a guest's token"


# --- Bodies ----------------------------------------------------------------------------------------------------------


def _broken_body(draft: Draft) -> str | None:
    if not draft.has_body:
        return None
    draft.body = broken_body(draft.random)
    return "no JSON object"


def _bytes_in_the_body(draft: Draft) -> str | None:
    """Bytes that no UTF-8 has, within what is a JSON object otherwise."""
    if not draft.has_body:
        return None
    bad = draft.random.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc3"))
    draft.body = draft.written_body()[:-1] + b"," * bool(draft.fields) + b'"x":"' + bad + b'"}'
    return "a body that is not UTF-8"


def _too_large(draft: Draft) -> str | None:
    if not draft.has_body or draft.random.random() < 0.8:
        return None
    draft.body = draft.written_body() + b" " * MAX_BODY_BYTES
    return "too large a body"


def _wrong_type(draft: Draft) -> str | None:
    names = sorted(fields_in(draft.endpoint, Place.BODY))
    if not names:
        return None
    name = draft.random.choice(names)
    draft.put(name, json_not_of(field_types(draft.endpoint)[name], draft.random))
    return f"the type of {name}"


def _beyond_limits(draft: Draft) -> str | None:
    names = sorted(fields_in(draft.endpoint, Place.BODY))
    types = field_types(draft.endpoint)
    beyond = {name: json_beyond(types[name], draft.random) for name in names}
    limited = [name for name in names if beyond[name] is not None]
    if not limited:
        return None
    name = draft.random.choice(limited)
    draft.put(name, str(beyond[name]))
    return f"the limits of {name}"


def _missing(draft: Draft) -> str | None:
    required = [name for name, _ in draft.fields if draft.is_required(name)]
    if not required:
        return None
    name = draft.random.choice(required)
    if draft.random.random() < 0.5:
        draft.put(name, "null")
    else:
        draft.fields = [(one, raw) for one, raw in draft.fields if one != name]
    return f"no {name}"


def _field_of_a_profile(draft: Draft) -> str | None:
    if draft.endpoint is not SetProfileField:
        return None
    content = draft.random.choice(("{}", '{"other":1}', '{"":1}', '{"displayname ":"x"}'))
    draft.body = content.encode()
    return "another field than the path's"


# --- Paths -----------------------------------------------------------------------------------------------------------


def _segment_of_bad_bytes(draft: Draft) -> str | None:
    if not draft.segments:
        return None
    name = draft.random.choice(list(draft.segments))
    draft.segments[name] = draft.random.choice(("%ff", "a%00b", "%C3%28", "%ED%A0%80", "%F5%80%80%80", "@alice%00"))
    return f"bytes in {name}"


def _somebody_else(draft: Draft) -> str | None:
    """Another's user ID where one can only act for oneself, and another's device."""
    random, meta = draft.random, draft.endpoint.meta
    if not isinstance(meta.authentication, AccessToken):
        return None
    if "userId" in draft.segments:
        others = [user for user in draft.known.tokens if user != draft.caller]
        draft.segments["userId"] = random.choice(
            (random.choice(others), "%40nobody%3Alocalhost", wrong_segment(random))
        )
        return "somebody else's user ID"
    if "deviceId" in draft.segments:
        others = [device for user, device in draft.known.devices.items() if user != draft.caller]
        draft.segments["deviceId"] = random.choice((random.choice(others), wrong_segment(random)))
        return "somebody else's device"
    return None


# --- Meaning ---------------------------------------------------------------------------------------------------------


def _by_meaning(draft: Draft) -> str | None:
    return "what it means" if draft.endpoint in REFUSED_BY_MEANING else None


def _wrong_auth(draft: Draft) -> str | None:
    """An ``auth`` that proves nothing."""
    if not draft.endpoint.meta.interactive:
        return None
    told, auth = _auth(draft)
    draft.put("auth", auth)
    return told


def _auth(draft: Draft) -> tuple[str, str]:
    random = draft.random
    foreign = [name for name in draft.known.dialogues if name != draft.endpoint.__name__]
    if foreign and random.random() < 0.4:
        operation = random.choice(foreign)
        kind = random.choice(("m.login.dummy", "m.login.password", "m.login.terms"))
        auth = {"type": kind, "session": draft.known.dialogues[operation], "password": CANARY}
        return f"a session of {operation}", json.dumps(auth)
    if random.random() < 0.3:
        session = random.choice(('"unknown"', '"\\ud800"', '"\\u0000"', json.dumps("s" * 255)))
        return "an unknown session", f'{{"type":"m.login.dummy","session":{session}}}'
    kind = random.choice(_STAGES if draft.endpoint is Register else [*_STAGES, "m.login.dummy"])
    member = random.choice(_MEMBERS)
    members = f'"{member}":{wrong_json(random)},"password":"{CANARY}"' if random.random() < 0.7 else f'"{member}":{{}}'
    return f"a stage of {kind}", f'{{"type":{json.dumps(kind)},{members}}}'


_STAGES: Final = (
    "m.login.password", "m.login.email.identity", "m.login.msisdn", "m.login.recaptcha", "m.login.registration_token",
    "org.matrix.msc3231.login.registration_token", "m.login.sso", "m.login.terms", "m.login.oauth2", "", "\0", "\ud800",
)  # fmt: skip
_MEMBERS: Final = ("identifier", "user", "medium", "threepid_creds", "threepidCreds", "response", "token", "session")

WAYS: Final[tuple[Way, ...]] = (
    _bad_token, _guest, _broken_body, _bytes_in_the_body, _too_large, _wrong_type, _wrong_type, _beyond_limits,
    _missing, _field_of_a_profile, _segment_of_bad_bytes, _somebody_else, _by_meaning,
    *[_wrong_auth] * 8,
)  # fmt: skip
