"""A request as a value: looked at before it is sent, stored, restored, sent later by either face, and answered.

Knows no network. ``prepare`` makes one of any request of the contract; ``client.send_prepared`` and
``session.send_prepared`` send it; ``ostiary.client.answers.parse`` reads an answer that came some other way.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import LEFT_OUT, restore_request, store_request
from ostiary.api.endpoint import Endpoint, Struct
from ostiary.api.errors import MatrixError
from ostiary.api.http import FileBody, HttpRequest
from ostiary.api.secret import Secret
from ostiary.client import environment
from ostiary.client.calls import addressed
from ostiary.client.limits import Timeouts
from ostiary.client.raw import RawCall

R = TypeVar("R", bound=Struct)
D = TypeVar("D")
D2 = TypeVar("D2")

FORMAT: Final = 1

KNOWN: Final[tuple[type[Endpoint[Any]], ...]] = (*ENDPOINTS, *ADMIN_ENDPOINTS)
"""The requests of the contract."""

RESTORABLE: Final[tuple[type[Endpoint[Any]], ...]] = (*KNOWN, RawCall)
"""What can be restored unless more is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Generic[R, D]):
    """A request to one server, with what its caller wants to know when it is answered.

    ``token``: sent where the call takes one; a session sends its own instead. ``data``: the caller's, given back with
    the response. ``name``: for people; ``id``: nothing else has it. ``timeouts``: of this call alone.

    Equal where all of it is. Its repr shows neither token nor body.
    """

    request: Endpoint[R] = field(repr=False)
    base_url: str
    token: Secret | None = field(default=None, repr=False)
    data: D = field(repr=False)
    name: str
    id: str
    timeouts: Timeouts | None = None

    def __hash__(self) -> int:
        return hash((self.id, self.name, self.base_url, type(self.request)))

    def with_data(self, data: D2) -> "Prepared[R, D2]":
        """The same request with other data of the caller's."""
        return Prepared(
            request=self.request, base_url=self.base_url, token=self.token, data=data, name=self.name, id=self.id,
            timeouts=self.timeouts,
        )  # fmt: skip

    def with_token(self, token: Secret | None) -> "Prepared[R, D]":
        """The same request with another access token."""
        return replace(self, token=token)

    def with_timeouts(self, timeouts: Timeouts | None) -> "Prepared[R, D]":
        """The same request with timeouts of its own."""
        return replace(self, timeouts=timeouts)

    def message(self) -> HttpRequest:
        """The request as it goes over the wire, token and all, at the newest of its paths."""
        return addressed(self.request, None, self.token)

    @property
    def method(self) -> str:
        """GET, POST, PUT or DELETE."""
        return self.request.meta.method

    @property
    def url(self) -> str:
        """Where it goes, query included: the newest of the call's paths. Queries hold no tokens."""
        message = self.message()
        query = f"?{urlencode(message.query)}" if message.query else ""
        return f"{self.base_url}{message.path}{query}"

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query, decoded."""
        return self.message().query

    @property
    def headers(self) -> Mapping[str, str | Secret]:
        """The headers that the call itself has, by name; what proves the sender is a Secret."""
        secret = "Authorization"
        return {name: Secret(text) if name == secret else text for name, text in self.message().headers}

    @property
    def body(self) -> bytes | FileBody | None:
        """What is sent, passwords and all, or the file that is; None where nothing is."""
        return self.message().body

    def to_json(self, *, secrets: bool = False) -> dict[str, Any]:
        """The request as plain data, to be stored.

        Without ``secrets``, the token and every secret in the request are left out; of a RawCall, only the token: its
        bytes and headers may be anything. Of a file its path is stored, not what is in it. ``data`` must be plain
        itself. Raises TypeError where it is not.
        """
        json.dumps(self.data)
        return {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "base_url": self.base_url,
            "endpoint": endpoint_name(type(self.request)),
            "fields": store_request(self.request, secrets=secrets),
            "token": self.token.reveal() if secrets and self.token is not None else None,
            "data": self.data,
        }

    @staticmethod
    def from_json(
        stored: Mapping[str, Any],
        *,
        secrets: Mapping[str, Secret] | None = None,
        endpoints: Sequence[type[Endpoint[Any]]] = RESTORABLE,
    ) -> "Prepared[Any, Any]":
        """The request that was stored, with the same id.

        ``secrets``: those that were left out, by their place: ``password``, ``auth.password``. ``endpoints``: what it
        may be a request to. Raises ValueError where what is stored is none of them, or a secret is missing.
        """
        return _restored(stored, secrets or {}, endpoints)


@dataclass(frozen=True, slots=True)
class Answered(Generic[R, D]):
    """A request and what answered it."""

    prepared: Prepared[R, D] = field(repr=False)
    response: R

    @property
    def data(self) -> D:
        """What the caller gave with the request."""
        return self.prepared.data

    @property
    def id(self) -> str:
        """The request's id."""
        return self.prepared.id


def prepare(request: Endpoint[R], base_url: str, token: Secret | None = None, *, name: str = "") -> "Prepared[R, None]":
    """A request to the server at this URL, to be looked at, stored or sent. ``name``: else its class's."""
    return Prepared(
        request=request, base_url=base_url.rstrip("/"), token=token, data=None, name=name or type(request).__name__,
        id=environment.unique_id(),
    )  # fmt: skip


def endpoint_name(endpoint: type[Endpoint[Any]]) -> str:
    """By what an endpoint is found again: the contract's modules stay where they are."""
    return f"{endpoint.__module__}.{endpoint.__qualname__}"


def _restored(
    stored: Mapping[str, Any], secrets: Mapping[str, Secret], endpoints: Sequence[type[Endpoint[Any]]]
) -> Prepared[Any, Any]:
    try:
        told, fields, token = stored["format"], stored["fields"], stored["token"]
        base_url, name, identifier, kind = (stored[key] for key in ("base_url", "name", "id", "endpoint"))
        data = stored["data"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"a stored request lacks {error}") from None
    if told != FORMAT:
        raise ValueError("a request was stored by another version of this library")
    if not all(isinstance(text, str) for text in (base_url, name, identifier)) or not isinstance(fields, dict):
        raise ValueError("a stored request has a value of the wrong type")
    endpoint = next((one for one in endpoints if endpoint_name(one) == kind), None)
    if endpoint is None:
        raise ValueError(f"a stored request is to an endpoint that is not known: {kind}")
    whole, missing = _completed(fields, secrets, "")
    if missing:
        raise ValueError(f"a request was stored without its secrets: {', '.join(missing)}")
    try:
        request = restore_request(endpoint, whole)
    except MatrixError as error:
        raise ValueError(f"a stored request is not as {endpoint.__name__} must be: {error.message}") from None
    return Prepared(
        request=request, base_url=base_url, token=Secret(token) if isinstance(token, str) else None, data=data,
        name=name, id=identifier,
    )  # fmt: skip


def _completed(value: Any, secrets: Mapping[str, Secret], place: str) -> tuple[Any, list[str]]:
    """A stored value with its secrets back in their places, and the places of those that are missing."""
    if isinstance(value, list):
        value = dict(enumerate(value))
        filled, missing = _completed(value, secrets, place)
        return list(filled.values()), missing
    if not isinstance(value, dict):
        return value, []
    if LEFT_OUT in value:
        return (secrets[place].reveal(), []) if place in secrets else (None, [place])
    parts = {name: _completed(part, secrets, f"{place}.{name}".lstrip(".")) for name, part in value.items()}
    return {name: part for name, (part, _) in parts.items()}, [lost for _, more in parts.values() for lost in more]
