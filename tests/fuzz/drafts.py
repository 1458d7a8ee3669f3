"""A request in the making: right in all its parts but its secrets, until somebody spoils it.

Must not know what is wrong with a request; ``wrongs`` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, Final
from urllib.parse import quote

import msgspec

from ostiary.api.auth import AccessToken, OptionalToken
from ostiary.api.codec import field_types
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.refusals import has_body
from tests.fuzz.values import right_json

MOST_HEADERS: Final = 12
"""As many are told of a request; odd ones have a hundred."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Known:
    """What the sender knows of the server.

    ``tokens``: good access tokens, by user ID; ``guest``: a guest's; ``dead``: one of a session that has ended;
    ``others``: good tokens of other kinds; ``dialogues``: sessions of interactive authentications that are under way,
    by operation; ``devices``: the device IDs of the accounts in ``tokens``, by user ID.
    """

    tokens: Mapping[str, str]
    devices: Mapping[str, str]
    guest: str
    dead: str
    others: tuple[str, ...]
    dialogues: Mapping[str, str]


@dataclass(frozen=True)
class RawRequest:
    """A request as bytes, and what is wrong with it. ``refused``: whether it must not succeed."""

    endpoint: type[Endpoint[Any]]
    wrongs: tuple[str, ...]
    method: str
    raw_path: str
    query: bytes
    headers: tuple[Header, ...]
    body: bytes
    refused: bool

    def __str__(self) -> str:
        head = "\n".join(f"  {name.decode()}: {_short(value)}" for name, value in self.headers[:MOST_HEADERS])
        head += f"\n  and {left} headers more" if (left := len(self.headers) - MOST_HEADERS) > 0 else ""
        query = f"?{_short(self.query)}" if self.query else ""
        return (
            f"{self.endpoint.__name__}, wrong by {', '.join(self.wrongs)}\n"
            f"{self.method} {_short(self.raw_path.encode())}{query}\n{head}\n{_short(self.body)}"
        )


@dataclass
class Draft:
    """The parts of a request, to be changed. ``fields``: of the body, each in raw JSON; ``body`` takes their place."""

    endpoint: type[Endpoint[Any]]
    known: Known
    random: Random
    template: str
    caller: str
    method: str
    segments: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    authorization: list[bytes] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    content_type: bytes | None = b"application/json"
    host: bytes | None = b"localhost:8008"
    raw_query: bytes | None = None
    body: bytes | None = None
    path: str | None = None
    wrongs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, endpoint: type[Endpoint[Any]], known: Known, random: Random) -> "Draft":
        """A request to an endpoint, by one of its paths, from one of the accounts."""
        caller = random.choice(list(known.tokens))
        draft = cls(endpoint, known, random, random.choice(endpoint.meta.history), caller, endpoint.meta.method)
        types = field_types(endpoint)
        for name in sorted(fields_in(endpoint, Place.PATH)):
            draft.segments[name] = draft._right_segment(name)
        for name in sorted(fields_in(endpoint, Place.QUERY) - {"kind"}):
            draft.query.append((name, random.choice(("abc", "alice", "x.y=z"))))
        for name in sorted(fields_in(endpoint, Place.BODY) - {"auth"}):
            if draft.is_required(name) or random.random() < 0.5:
                draft.fields.append((name, right_json(types[name], random)))
        rule = endpoint.meta.authentication
        if isinstance(rule, AccessToken) or (isinstance(rule, OptionalToken) and random.random() < 0.7):
            draft.authorization = [b"Bearer " + known.tokens[caller].encode()]
        return draft

    def is_required(self, name: str) -> bool:
        """Whether a field, by its name on the wire, has to be there."""
        return name in _required(self.endpoint)

    @property
    def has_body(self) -> bool:
        return has_body(self.endpoint)

    @property
    def raw_path(self) -> str:
        if self.path is not None:
            return self.path
        path = self.template
        for name, segment in self.segments.items():
            path = path.replace(f"{{{name}}}", segment)
        return path

    def put(self, name: str, value: str) -> None:
        """Give a field of the body a value, in raw JSON."""
        self.fields = [(one, raw) for one, raw in self.fields if one != name] + [(name, value)]

    def finished(self, *, refused: bool) -> RawRequest:
        """The request in bytes."""
        headers = [(b"host", self.host)] if self.host is not None else []
        headers += [(b"authorization", value) for value in self.authorization]
        body = self.written_body() if self.body is None else self.body
        if body or self.has_body:
            headers += [] if self.content_type is None else [(b"content-type", self.content_type)]
            headers.append((b"content-length", str(len(body)).encode()))
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in self.query).encode()
        return RawRequest(
            self.endpoint, tuple(self.wrongs), self.method, self.raw_path,
            query if self.raw_query is None else query + b"&" * bool(query) + self.raw_query,
            (*headers, *self.headers), body, refused,
        )  # fmt: skip

    def written_body(self) -> bytes:
        """The fields as JSON, or what is near it."""
        if not self.has_body:
            return b""
        members = (f'"{name}":{raw}' for name, raw in self.fields)
        return f"{{{','.join(members)}}}".encode()

    def _right_segment(self, name: str) -> str:
        match name:
            case "userId":
                return quote(self.caller, safe="")
            case "deviceId":
                return self.known.devices[self.caller]
            case "keyName":
                return self.random.choice(("displayname", "avatar_url", "m.tz", "com.example.x"))
            case _:
                return "email"


@cache
def _required(endpoint: type[Endpoint[Any]]) -> frozenset[str]:
    return frozenset(one.encode_name for one in msgspec.structs.fields(endpoint) if one.required)


def _short(raw: bytes) -> str:
    text = repr(raw)[1:]
    return text if len(text) <= 600 else f"{text[:400]}… ({len(raw)} bytes)"
