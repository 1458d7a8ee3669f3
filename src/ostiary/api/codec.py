"""Bytes to requests and answers, and back, for both sides; the only place that knows the texts of msgspec's errors.

A bad request ends here with the error that the spec has for it, naming the field: not JSON is M_NOT_JSON, the wrong
shape M_BAD_JSON, something missing M_MISSING_PARAM, a value that is not allowed M_INVALID_PARAM. A message never
repeats a value, which may be a secret. Must not know what any endpoint does.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_type_hints
from urllib.parse import quote

import msgspec

from ostiary.api.complaints import complaint
from ostiary.api.endpoint import Endpoint, Object, Place, fields_in, response_type
from ostiary.api.errors import BadJson, MatrixError, NotJson, NotMatrix
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.queries import query_text, read_query
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthProgress, AuthRequired
from ostiary.api.unions import OpenUnion, UnknownMember

E = TypeVar("E", bound=Endpoint[Any])
R = TypeVar("R", bound=msgspec.Struct)

_NO_ARGUMENTS: Final[Mapping[str, str]] = {}


# --- Our own types inside JSON ---------------------------------------------------------------------------------------


def _from_json(kind: type, value: Any) -> Any:
    """Read a value of one of our own types: secrets, paths of files, and members of open unions."""
    if kind is Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        return Secret(value)
    if kind is Path:
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        return Path(value)
    if issubclass(kind, OpenUnion):
        return _member(kind, value)
    raise NotImplementedError(f"the contract has no type {kind.__name__}")


def _member(family: type[OpenUnion], value: Any) -> OpenUnion:
    if isinstance(value, family):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"Expected `object`, got `{type(value).__name__}`")  # noqa: TRY004 - as above
    tag = value.get("type")
    if isinstance(tag, str) and tag in family.aliases:
        tag = family.aliases[tag]
        value = {**value, "type": tag}
    member = family.members.get(tag) if isinstance(tag, str) else None
    if member is None:
        unknown: OpenUnion = family.unknown.of(value)  # type: ignore[assignment]  # each family's unknown is of it
        return unknown
    try:
        fields = _without_nulls(family.modernized(value, member), member)
        known: OpenUnion = msgspec.convert(fields, member, dec_hook=_from_json)  # type: ignore[assignment]  # as above
        return known
    except msgspec.ValidationError as error:
        # As a ValueError its text is kept, and msgspec adds where the member stands.
        raise ValueError(str(error)) from None


def _to_json(value: Any) -> Any:
    """Write a value of one of our own types."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, UnknownMember):
        return value.fields
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"the contract has no type {type(value).__name__}")


def _to_stored(value: Any) -> Any:
    """Write a value of one of our own types to where its secrets must not be."""
    if isinstance(value, Secret):
        return {LEFT_OUT: True}
    if isinstance(value, UnknownMember):  # whose values may be secrets, for all that is known here
        return {name: text if name in ("type", "session") else {LEFT_OUT: True} for name, text in value.fields.items()}
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"the contract has no type {type(value).__name__}")


LEFT_OUT: Final = "org.ostiary.left_out"
"""The name in an object that stands where a secret is left out."""

_encoder: Final = msgspec.json.Encoder(enc_hook=_to_json)
_parser: Final = msgspec.json.Decoder()


# --- Requests, as a server reads them --------------------------------------------------------------------------------


def decode_request(
    endpoint: type[E], body: bytes, query: bytes = b"", arguments: Mapping[str, str] = _NO_ARGUMENTS
) -> E:
    """Read a request. ``arguments``: the decoded segments of the path, by field; ``query``: the raw query string.

    Raises NotJson, BadJson, MissingParam, InvalidParam.
    """
    if not query and (only := _only_value(endpoint)) is not None:
        return only
    if _only_body(endpoint) and body:
        try:
            body.decode()  # msgspec does not look into strings that it skips
            request: E = _decoder(endpoint).decode(body)
            return request
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the long way finds out what is wrong, or forgives it
    return build_request(endpoint, parse_body(endpoint, body), query, arguments)


def parse_body(endpoint: type[Endpoint[Any]], body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; empty for calls that need none. Raises NotJson, BadJson."""
    if endpoint.meta.bodyless or endpoint.meta.method == "GET" or (not body and endpoint.meta.method == "DELETE"):
        return {}
    try:
        body.decode()
        value = _parser.decode(body)
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8") from None
    except RecursionError:
        raise BadJson("The body is nested too deeply") from None
    except msgspec.ValidationError:
        raise BadJson("The body holds a number that is out of range") from None
    except msgspec.DecodeError:
        raise NotJson("The body is not JSON" if body else "The body is empty: a JSON object is needed") from None
    if not isinstance(value, dict):
        raise BadJson("The body must be a JSON object")
    return value


def build_request(
    endpoint: type[E], body: Mapping[str, Any], query: bytes = b"", arguments: Mapping[str, str] = _NO_ARGUMENTS
) -> E:
    """Make a request of its parts. Null counts as missing where a field is optional, as many clients send it so.

    A field of the query is taken from the body where the query lacks it: some clients put it there.
    Raises BadJson, MissingParam, InvalidParam.
    """
    whole = fields_in(endpoint, Place.WHOLE)
    fields: dict[str, Any] = {name: dict(body) for name in whole} if whole else _without_nulls(body, endpoint)
    fields |= read_query(endpoint, query)
    fields |= arguments
    for older, name in endpoint.meta.aliases.items():
        if name not in fields and older in fields:
            fields[name] = fields.pop(older)
    try:
        request: E = msgspec.convert(fields, endpoint, dec_hook=_from_json)
        return request
    except msgspec.ValidationError as error:
        raise complaint(str(error)) from None
    except RecursionError:
        raise BadJson("The body is nested too deeply") from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=_from_json)


def _only_value(endpoint: type[E]) -> E | None:
    """The one request that there is of an endpoint without fields or body; None where there are others."""
    value: E | None = _made_of_nothing(endpoint)
    return value


@cache  # under a signature of its own, which the cache would hide from type checkers
def _made_of_nothing(endpoint: type[Endpoint[Any]]) -> Any:
    has_body = endpoint.meta.method != "GET" and not endpoint.meta.bodyless
    return None if has_body or endpoint.__struct_fields__ else endpoint()


@cache
def _only_body(endpoint: type[Endpoint[Any]]) -> bool:
    has_body = bool(fields_in(endpoint, Place.BODY)) and not endpoint.meta.aliases
    return has_body and not fields_in(endpoint, Place.PATH) and not fields_in(endpoint, Place.QUERY)


def _without_nulls(fields: Mapping[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """An object without its nulls, except those that stand where something is required."""
    required = _required(kind)
    return {name: value for name, value in fields.items() if value is not None or name in required}


@cache
def _required(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(kind) if field.required)


# --- Requests, as they are stored ------------------------------------------------------------------------------------


def store_request(request: Endpoint[Any], *, secrets: bool) -> dict[str, Any]:
    """All fields of a request as plain data. Without ``secrets``, ``LEFT_OUT`` stands in the place of each."""
    fields: dict[str, Any] = msgspec.to_builtins(request, enc_hook=_to_json if secrets else _to_stored)
    return fields


def restore_request(endpoint: type[E], fields: Mapping[str, Any]) -> E:
    """The request with these fields. Raises BadJson, MissingParam, InvalidParam."""
    try:
        request: E = msgspec.convert(dict(fields), endpoint, dec_hook=_from_json)
        return request
    except msgspec.ValidationError as error:
        raise complaint(str(error)) from None


# --- Requests, as a client writes them -------------------------------------------------------------------------------


def encode_request(request: Endpoint[Any], path: str | None = None) -> HttpRequest:
    """Write a request, without what proves its sender. ``path``: one of the endpoint's history; else the current."""
    endpoint = type(request)
    fields: dict[str, Any] = msgspec.to_builtins(request, enc_hook=_to_json)
    target = path or endpoint.meta.path
    for name in fields_in(endpoint, Place.PATH):
        target = target.replace(f"{{{name}}}", _segment(str(fields.pop(name))))
    query = tuple((name, query_text(fields.pop(name))) for name in fields_in(endpoint, Place.QUERY) if name in fields)
    has_body = endpoint.meta.method != "GET" and not endpoint.meta.bodyless
    for name in fields_in(endpoint, Place.WHOLE):
        fields = fields[name]
    return HttpRequest(
        method=endpoint.meta.method,
        path=target,
        query=query,
        headers=(("Content-Type", "application/json"),) if has_body else (),
        body=_encoder.encode(fields) if has_body else None,
    )


def _segment(text: str) -> str:
    # HTTP libraries take "." and ".." for steps in the path unless their dots are encoded too.
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


# --- Answers ---------------------------------------------------------------------------------------------------------


def encode_response(response: msgspec.Struct) -> bytes:
    """Write an answer."""
    return _encoder.encode(response.fields if isinstance(response, Object) else response)


def encode_error(error: MatrixError) -> bytes:
    """Write an error."""
    return _encoder.encode(error.to_json())


def encode_auth_required(question: AuthRequired) -> bytes:
    """Write the 401 that asks for interactive authentication, with the error of the stage just tried."""
    fields = msgspec.to_builtins(question.progress, enc_hook=_to_json)
    return _encoder.encode(fields | question.error.to_json() if question.error else fields)


def encode_json(value: Any) -> bytes:
    """Write plain data."""
    return _encoder.encode(value)


def decode_response(request: Endpoint[R], response: HttpResponse) -> R:
    """Read the answer to a request, or raise what it says: a MatrixError, AuthRequired, or NotMatrix."""
    body, status = response.body, response.status
    if not 200 <= status < 300:
        raise _decode_refusal(response)
    kind: type[R] = response_type(type(request))
    if issubclass(kind, Object):
        return kind(_read_object(status, body))
    try:
        answer: R = _decoder(kind).decode(body)
        return answer
    except msgspec.ValidationError:
        return _forgivingly(kind, status, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What is broken may still hold tokens. A page does not, and says what stands in the way.
        raise NotMatrix(status, body if body.lstrip().startswith(b"<") else b"") from None


def _read_object(status: int, body: bytes) -> dict[str, Any]:
    try:
        fields = _parser.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise NotMatrix(status, body if body.lstrip().startswith(b"<") else b"")
    return fields


def _forgivingly(kind: type[R], status: int, body: bytes) -> R:
    """Read an answer whose server writes null for what is not set: a session is not lost over that."""
    try:
        fields = _parser.decode(body)
        told = _without_nulls(fields, kind) if isinstance(fields, dict) else fields
        answer: R = msgspec.convert(told, kind, dec_hook=_from_json)
        return answer
    except msgspec.ValidationError as error:
        raise NotMatrix(status, b"", f"{kind.__name__}: {complaint(str(error)).message}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotMatrix(status, b"") from None


def _decode_refusal(response: HttpResponse) -> Exception:
    try:
        body = _parser.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NotMatrix(response.status, response.body)
    if not isinstance(body, dict):
        return NotMatrix(response.status, response.body)
    error = MatrixError.from_json(response.status, body) if isinstance(body.get("errcode"), str) else None
    if response.status == AuthRequired.status and "flows" in body:
        # "params" and the like are sometimes null where there is nothing to say.
        told = {name: value for name, value in body.items() if value is not None}
        try:
            return AuthRequired(msgspec.convert(told, AuthProgress), error)
        except msgspec.ValidationError:
            pass  # what remains is the error, where there is one
    return error or NotMatrix(response.status, response.body)


def secret_fields(endpoint: type[Endpoint[Any]]) -> frozenset[str]:
    """The names, as on the wire, of the fields that are secrets."""
    types = field_types(endpoint).items()
    return frozenset(name for name, kind in types if kind is Secret or Secret in get_args(kind))


def field_types(endpoint: type[Endpoint[Any]]) -> dict[str, Any]:
    """The type of each field, by its name on the wire; marks and limits included."""
    hints = get_type_hints(endpoint, include_extras=True)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(endpoint)}
