"""What an endpoint is: a request that is a value, whose class says how it travels and what answers it.

One declaration serves both sides: the client builds the value and sends it, the server decodes it and hands it to its
handler; method, paths, authentication, limits and errors stand in :class:`Meta` on the class and nowhere else.
This module must not know JSON (``codec`` does) nor any endpoint.

A field travels in the body unless it is marked ``InPath[...]`` or ``InQuery[...]``. One marked ``AsBody[...]`` is the
whole body, an object of any fields; an answer of any fields derives from :class:`Object`.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar, get_args, get_origin, get_type_hints

from msgspec import UNSET, Struct, UnsetType, field, structs

from ostiary.api.auth import Authentication
from ostiary.api.errors import MatrixError

R = TypeVar("R", bound=Struct)
T = TypeVar("T")
E = TypeVar("E", bound="Endpoint[Any]")


class Place(StrEnum):
    """Where in an HTTP request a field travels."""

    PATH = "path"
    QUERY = "query"
    BODY = "body"
    WHOLE = "whole"


InPath = Annotated[T, Place.PATH]
InQuery = Annotated[T, Place.QUERY]
AsBody = Annotated[T, Place.WHOLE]


class RateLimit(StrEnum):
    """The classes of calls that are limited together. The configuration gives each its figures."""

    LOGIN = "login"
    REGISTER = "register"
    REFRESH = "refresh"
    CHECK = "check"
    CHANGE = "change"
    MESSAGE = "message"


class Meta(Struct, frozen=True, kw_only=True):
    """How an endpoint is reached, by whom, and what may go wrong.

    ``history`` lists every path the call ever had, oldest first, the current one last.
    ``operation`` is the spec's file stem and operationId; empty for calls that the spec no longer has.
    ``interactive`` says that the call may ask for interactive authentication (and so has an ``auth`` field).
    ``bodyless`` says that the call is made without a body and that one is ignored where it is sent.
    ``errors`` are the endpoint's own; those that any call can meet are not repeated.
    ``aliases``: spellings of fields that older clients send, by which field they mean.
    ``loose``: fields that may come, or change, while an interactive authentication is under way.
    """

    method: str
    history: tuple[str, ...]
    authentication: Authentication
    operation: tuple[str, str]
    since: str
    rate_limit: RateLimit | None = None
    interactive: bool = False
    bodyless: bool = False
    deprecated: bool = False
    errors: tuple[type[MatrixError], ...] = ()
    aliases: dict[str, str] = {}
    loose: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The current path, with ``{field}`` where a field of the request goes."""
        return self.history[-1]


class Endpoint(Struct, Generic[R], frozen=True, kw_only=True):
    """Base of all requests. ``class Login(Endpoint[LoginResponse])`` is answered by a ``LoginResponse``."""

    meta: ClassVar[Meta]


class Empty(Struct, frozen=True, kw_only=True):
    """The answer of calls that have nothing to say: ``{}``."""


class Created(Empty, frozen=True, kw_only=True):
    """The same, where something was made: 201 instead of 200."""


class Object(Struct, frozen=True):
    """An answer whose fields are not known beforehand: ``fields`` is all of it."""

    fields: dict[str, Any]


CLIENT: Final = "/_matrix/client"


def client_paths(path: str, *versions: str) -> tuple[str, ...]:
    """The history of a call below ``/_matrix/client``: one path for each version, oldest first."""
    return tuple(f"{CLIENT}/{version}/{path}" for version in versions)


def response_type(endpoint: type[Endpoint[R]]) -> type[R]:
    """The type that answers an endpoint: ``R`` of its ``Endpoint[R]``."""
    answer: type[R] = _response_type(endpoint)
    return answer


@cache  # under the signature of its own, which the cache would hide from type checkers
def _response_type(endpoint: type[Endpoint[Any]]) -> type[Any]:
    for ancestor in endpoint.__mro__:
        for base in ancestor.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Endpoint:
                answer: type[Any] = get_args(base)[0]
                return answer
    raise TypeError(f"{endpoint.__name__} does not say what answers it: derive from Endpoint[Response]")


@cache
def fields_in(endpoint: type[Endpoint[Any]], place: Place) -> frozenset[str]:
    """The names, as on the wire, of an endpoint's fields that travel in this place."""
    return frozenset(name for name, where in _placed_fields(endpoint) if where is place)


def with_fields(request: E, **changes: Any) -> E:
    """A request with some of its fields changed. Fields are named as in the class."""
    return structs.replace(request, **changes)


def _placed_fields(endpoint: type[Endpoint[Any]]) -> Iterator[tuple[str, Place]]:
    hints = get_type_hints(endpoint, include_extras=True)
    for attribute, name in zip(endpoint.__struct_fields__, endpoint.__struct_encode_fields__, strict=True):
        marks = getattr(hints[attribute], "__metadata__", ())
        yield name, next((mark for mark in marks if isinstance(mark, Place)), Place.BODY)


__all__ = [
    "CLIENT",
    "AsBody",
    "Created",
    "UNSET",
    "Empty",
    "Endpoint",
    "InPath",
    "InQuery",
    "Meta",
    "Object",
    "Place",
    "RateLimit",
    "Struct",
    "UnsetType",
    "client_paths",
    "field",
    "fields_in",
    "response_type",
    "with_fields",
]
