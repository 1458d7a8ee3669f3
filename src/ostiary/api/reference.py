"""The contract as a page for readers: each endpoint with its paths, fields, answer and errors.

Drawn from the classes; ``python -m ostiary.api`` prints it, with ``--admin`` that of the admin API.
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, Place, fields_in, response_type


def reference() -> str:
    """Every endpoint of Matrix, as Markdown."""
    return _page("Endpoints", "python -m ostiary.api", ENDPOINTS)


def admin_reference() -> str:
    """Every endpoint of the admin API, as Markdown."""
    return _page("The admin API", "python -m ostiary.api --admin", ADMIN_ENDPOINTS)


def _page(title: str, command: str, endpoints: Iterable[type[Endpoint[Any]]]) -> str:
    lines = [
        f"# {title}",
        "",
        f"Made from the contract (`{command}`); do not edit. Fields in italics may be left out.",
    ]
    for endpoint in endpoints:
        lines += ["", *_section(endpoint)]
    return "\n".join(lines) + "\n"


def _section(endpoint: type[Endpoint[Any]]) -> Iterator[str]:
    meta = endpoint.meta
    yield f"## {meta.method} {meta.path}"
    yield ""
    yield f"`{endpoint.__name__}`. {inspect.getdoc(endpoint)}".replace("``", "`")
    yield ""
    if older := meta.history[:-1]:
        yield f"- also at: {', '.join(f'`{path}`' for path in older)}"
    yield f"- token: {_token(endpoint)}"
    if meta.interactive:
        yield "- interactive authentication: may be asked for"
    if meta.rate_limit is not None:
        yield f"- limited as: {meta.rate_limit}"
    for place in Place:
        if names := _fields(endpoint, fields_in(endpoint, place)):
            yield f"- {place}: {names}"
    answer = response_type(endpoint)
    yield f"- answer: {_fields(answer, None) or 'nothing'}"
    if meta.errors:
        yield f"- errors: {', '.join(sorted(f'`{error.errcode}` ({error.status})' for error in meta.errors))}"


def _token(endpoint: type[Endpoint[Any]]) -> str:
    match endpoint.meta.authentication:
        case AccessToken(admin=True):
            return "needed; an administrator's"
        case AccessToken(guests=guests):
            return "needed" if guests else "needed; not a guest's"
        case OptionalToken(lenient=lenient):
            return "optional; a dead one counts as none" if lenient else "optional; one that is sent must be good"
        case NoToken():
            return "none"


def _fields(kind: type[msgspec.Struct], names: frozenset[str] | None) -> str:
    fields = [field for field in msgspec.structs.fields(kind) if names is None or field.encode_name in names]
    return ", ".join(f"`{field.encode_name}`" if field.required else f"*`{field.encode_name}`*" for field in fields)
