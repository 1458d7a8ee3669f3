"""The errors that each endpoint may be answered with, by status: its own, and those that any such call can meet.

What the endpoint declares is in its ``meta``; the rest follows from how it travels and from its token. Must not know
how an error comes about, nor how it is written down; ``openapi`` does that.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import structs

from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.errors import (
    BadJson,
    Forbidden,
    GuestAccessForbidden,
    InvalidParam,
    LimitExceeded,
    MatrixError,
    MissingParam,
    MissingToken,
    NotJson,
    ServerNotTrusted,
    TooLarge,
    Unknown,
    UnknownDevice,
    UnknownToken,
    Unrecognized,
    UserLocked,
    UserSuspended,
)

Refusal = tuple[int, type[MatrixError]]

_ANYWHERE: Final[tuple[Refusal, ...]] = ((400, Unknown), (413, TooLarge), (500, Unknown), (503, Unknown))
"""No Host header, a body announced too large, a mistake of the server, a database that cannot be asked."""


def refusals(endpoint: type[Endpoint[Any]]) -> dict[int, tuple[type[MatrixError], ...]]:
    """By status in rising order, the errors in the order of their codes."""
    found: dict[int, set[type[MatrixError]]] = {}
    for status, error in _all(endpoint):
        found.setdefault(status, set()).add(error)
    return {status: tuple(sorted(found[status], key=lambda error: error.errcode)) for status in sorted(found)}


def has_body(endpoint: type[Endpoint[Any]]) -> bool:
    """Whether a body is sent."""
    return endpoint.meta.method != "GET" and not endpoint.meta.bodyless


def _all(endpoint: type[Endpoint[Any]]) -> Iterator[Refusal]:
    meta = endpoint.meta
    yield from _ANYWHERE
    yield from ((error.status, error) for error in meta.errors)
    yield from ((error.status, error) for error in _of_the_token(endpoint))
    if has_body(endpoint):
        yield from ((error.status, error) for error in (BadJson, NotJson))
        yield 408, Unknown  # the body did not arrive in time
    if has_body(endpoint) and endpoint.__struct_fields__:
        yield InvalidParam.status, InvalidParam
    if fields_in(endpoint, Place.PATH):
        yield InvalidParam.status, InvalidParam
    if fields_in(endpoint, Place.QUERY):
        yield InvalidParam.status, InvalidParam
    if meta.interactive or _needs_something(endpoint):
        yield MissingParam.status, MissingParam  # of interactive authentication, a part of a stage
    if meta.interactive:
        yield Forbidden.status, Forbidden  # the session is of another operation
    proves_an_account = meta.interactive and not isinstance(meta.authentication, NoToken)
    if proves_an_account or "identifier" in endpoint.__struct_fields__:
        yield 400, Unrecognized  # an identifier of a type that is not known
    if ServerNotTrusted in meta.errors and isinstance(meta.authentication, AccessToken):
        yield from ((502, Unknown), (504, Unknown))  # the identity server fails, or does not answer
    if meta.interactive or meta.rate_limit is not None:
        yield LimitExceeded.status, LimitExceeded


def _needs_something(endpoint: type[Endpoint[Any]]) -> bool:
    """Whether a field of body or query has to be there; those of the path always are."""
    in_path = fields_in(endpoint, Place.PATH)
    return any(field.required and field.encode_name not in in_path for field in structs.fields(endpoint))


def _of_the_token(endpoint: type[Endpoint[Any]]) -> Iterator[type[MatrixError]]:
    match endpoint.meta.authentication:
        case AccessToken(guests=guests, locked=locked, suspended=suspended):
            yield from (MissingToken, UnknownToken, InvalidParam)
            yield from (Forbidden, UnknownDevice)  # an application service speaks for whom, or as what, it cannot
            yield from () if guests else (GuestAccessForbidden,)
            yield from () if locked else (UserLocked,)
            yield from () if suspended else (UserSuspended,)
        case OptionalToken(lenient=False):
            yield from (UnknownToken, GuestAccessForbidden, Forbidden, UserLocked, InvalidParam, UnknownDevice)
        case NoToken(appservices=True):
            yield from (UnknownToken, MissingToken)
        case _:
            pass
