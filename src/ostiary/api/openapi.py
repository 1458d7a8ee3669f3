"""The contract as an OpenAPI 3.1 document, for tools: test generators, mock servers, client generators.

Drawn from the classes; ``python -m ostiary.api --openapi`` prints it. Types become schemas in ``schemas``, and what
may go wrong is told by ``refusals``. Must not know what any endpoint does.
"""

import inspect
import json
from collections.abc import Iterable
from typing import Any, Final

from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.device_management import UpdateDevice
from ostiary.api.endpoint import Created, Endpoint, Place, fields_in, response_type
from ostiary.api.errors import (
    BadStatus,
    LimitExceeded,
    MatrixError,
    ResourceLimitExceeded,
    UnknownToken,
    UserLimitExceeded,
    UserLocked,
)
from ostiary.api.refusals import has_body, refusals
from ostiary.api.schemas import Schema, Schemas
from ostiary.api.uia import AuthProgress
from ostiary.api.versions import SUPPORTED_VERSIONS

OPENAPI: Final = "3.1.0"

EXTRAS: Final[dict[type[MatrixError], tuple[dict[str, Schema], tuple[str, ...]]]] = {
    BadStatus: ({"status": {"type": "integer"}, "body": {"type": "string"}}, ()),
    LimitExceeded: ({"retry_after_ms": {"type": "integer", "minimum": 0}}, ()),
    ResourceLimitExceeded: ({"admin_contact": {"type": "string"}}, ("admin_contact",)),
    UnknownToken: ({"soft_logout": {"type": "boolean"}}, ("soft_logout",)),
    UserLimitExceeded: (
        {"info_uri": {"type": "string"}, "can_upgrade": {"type": "boolean"}},
        ("info_uri", "can_upgrade"),
    ),
    UserLocked: ({"soft_logout": {"const": True}}, ("soft_logout",)),
}
"""The fields that errors have besides ``errcode`` and ``error``, and which of them are always there."""

_SECURITY: Final[dict[str, Schema]] = {
    "accessToken": {"type": "http", "scheme": "bearer", "description": "The access token of a session."},
    "accessTokenInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "access_token",
        "description": "The same in the query, as in the first versions. Deprecated: queries end up in logs.",
    },
    "appserviceToken": {"type": "http", "scheme": "bearer", "description": "The token of an application service."},
}

_AT_TIMES_CREATED: Final = frozenset({UpdateDevice})
"""Calls of which some are answered by their own answer, and some by ``Created``."""

_PLACES: Final = (Place.PATH, Place.QUERY)

_STATUS_TEXTS: Final = {
    400: "The request is not as it must be", 401: "Who calls is not proven", 403: "The caller may not do this",
    404: "There is no such thing", 408: "The body did not arrive in time", 413: "The body is too large",
    429: "Too many requests", 500: "Something went wrong on the server", 502: "Another service failed",
    503: "The server cannot answer just now", 504: "Another service did not answer in time",
}  # fmt: skip


def document(
    endpoints: Iterable[type[Endpoint[Any]]],
    *,
    title: str,
    version: str,
    server_url: str | None = None,
    history: bool = False,
) -> dict[str, Any]:
    """The document, as plain JSON.

    ``title``, ``version``: of the API, for people. ``server_url``: where it is served. ``history``: whether to have
    the paths of earlier versions as well, as deprecated operations whose ID ends in the path's number.
    """
    components: dict[str, Schema] = {}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        past = endpoint.meta.history[:-1] if history else ()
        for number, path in enumerate(past, 1):
            older = _operation(endpoint, components)
            older |= {"operationId": f"{operation_id(endpoint)}_{number}", "deprecated": True}
            paths.setdefault(path, {})[endpoint.meta.method.lower()] = older
        paths.setdefault(endpoint.meta.path, {})[endpoint.meta.method.lower()] = _operation(endpoint, components)
    return {
        "openapi": OPENAPI,
        "info": {"title": title, "version": version},
        **({"servers": [{"url": server_url}]} if server_url else {}),
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SECURITY},
    }


def printed() -> str:
    """The document of the whole contract, as it is kept with the documentation."""
    whole = document(ENDPOINTS, title="Ostiary", version=SUPPORTED_VERSIONS[-1])
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def operation_id(endpoint: type[Endpoint[Any]]) -> str:
    """The ID of an endpoint's operation: the name of its class, in camelCase."""
    name = endpoint.__name__
    return name[0].lower() + name[1:]


def _operation(endpoint: type[Endpoint[Any]], components: dict[str, Schema]) -> dict[str, Any]:
    meta = endpoint.meta
    text = inspect.cleandoc(endpoint.__doc__ or "").replace("``", "`")
    operation: dict[str, Any] = {
        "operationId": operation_id(endpoint),
        "summary": text.partition("\n")[0].partition(". ")[0].rstrip("."),
        "description": text,
        "tags": [endpoint.__module__.rpartition(".")[2]],
        "x-since": meta.since,
        "security": _security(endpoint),
    }
    if meta.deprecated:
        operation["deprecated"] = True
    asked = Schemas(components, answering=False)
    if parameters := _parameters(endpoint, asked):
        operation["parameters"] = parameters
    if has_body(endpoint):
        content = _json(_body(endpoint, asked))
        operation["requestBody"] = {"required": meta.method != "DELETE", "content": content}
    operation["responses"] = _responses(endpoint, components)
    return operation


# --- What is asked ---------------------------------------------------------------------------------------------------


def _security(endpoint: type[Endpoint[Any]]) -> list[dict[str, list[str]]]:
    token: list[dict[str, list[str]]] = [{"accessToken": []}, {"accessTokenInQuery": []}]
    match endpoint.meta.authentication:
        case AccessToken():
            return token
        case OptionalToken():
            return [{}, *token]
        case NoToken(appservices=True):
            return [{}, {"appserviceToken": []}]
        case NoToken():
            return []


def _parameters(endpoint: type[Endpoint[Any]], schemas: Schemas) -> list[dict[str, Any]]:
    properties, required = schemas.properties(endpoint), schemas.required(endpoint)
    return [
        {"name": name, "in": str(place), "required": name in required, "schema": schema}
        for place in _PLACES
        for name, schema in properties.items()
        if name in fields_in(endpoint, place)
    ]


def _body(endpoint: type[Endpoint[Any]], schemas: Schemas) -> Schema:
    """The body's schema. Fields have their older spellings beside them, and a dialogue's session stands for them."""
    properties, required = schemas.properties(endpoint), schemas.required(endpoint)
    for name in fields_in(endpoint, Place.WHOLE):
        return properties[name]
    in_body = fields_in(endpoint, Place.BODY)
    properties = {name: schema for name, schema in properties.items() if name in in_body}
    needed = [name for name in required if name in in_body]
    older = {name: spelling for spelling, name in endpoint.meta.aliases.items()}
    properties |= {spelling: properties[name] | {"deprecated": True} for name, spelling in older.items()}
    schema: Schema = {"type": "object"}
    if properties:
        schema["properties"] = properties
    if conditions := [{"anyOf": [_has(name), _has(older[name])]} if name in older else _has(name) for name in needed]:
        schema |= _which_may_be_remembered(conditions) if endpoint.meta.interactive else _together(conditions)
    return schema


def _which_may_be_remembered(conditions: list[Schema]) -> Schema:
    """What is needed, unless a dialogue is gone on with: it remembers what its first request said."""
    goes_on = {"required": ["auth"], "properties": {"auth": _has("session")}}
    return {"anyOf": [_together(conditions), goes_on]}


def _together(conditions: list[Schema]) -> Schema:
    """Conditions that all hold; those that merely need a field as one."""
    names = [name for condition in conditions for name in condition.get("required", ())]
    others = [condition for condition in conditions if "required" not in condition]
    return {**({"required": names} if names else {}), **({"allOf": others} if others else {})}


def _has(name: str) -> Schema:
    return {"required": [name]}


# --- What is answered ------------------------------------------------------------------------------------------------


def _responses(endpoint: type[Endpoint[Any]], components: dict[str, Schema]) -> dict[str, Any]:
    answers = Schemas(components, answering=True)
    answer = response_type(endpoint)
    done = {"description": "Done", "content": _json(answers.of(answer))}
    responses: dict[str, Any] = {"201" if issubclass(answer, Created) else "200": done}
    if endpoint in _AT_TIMES_CREATED:
        responses["201"] = {"description": "Done, and something was made", "content": _json(answers.of(Created))}
    for status, errors in refusals(endpoint).items():
        responses[str(status)] = _refused(status, errors, components)
    if endpoint.meta.interactive:
        asking = _question(answers, components)
        told = responses.get("401")
        schemas = [asking, *([told["content"]["application/json"]["schema"]] if told else [])]
        text = "Interactive authentication is needed, or goes on"
        responses["401"] = {
            "description": f"{text}. {told['description']}" if told else text,
            "content": _json({"anyOf": schemas} if told else asking),
        }
    return dict(sorted(responses.items()))


def _refused(status: int, errors: Iterable[type[MatrixError]], components: dict[str, Schema]) -> dict[str, Any]:
    schemas = [_error(error, components) for error in errors]
    codes = ", ".join(f"`{error.errcode}`" for error in errors)
    response: dict[str, Any] = {
        "description": f"{_STATUS_TEXTS.get(status, 'Refused')}: {codes}",
        "content": _json(schemas[0] if len(schemas) == 1 else {"oneOf": schemas}),
    }
    if status == LimitExceeded.status:
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return response


def _error(kind: type[MatrixError], components: dict[str, Schema]) -> Schema:
    """The schema of an error, named ``Error`` and its class. ``error`` is a sentence for people."""
    fields, always = EXTRAS.get(kind, ({}, ()))
    properties = {"errcode": {"const": kind.errcode}, "error": {"type": "string"}, **fields}
    components[f"Error{kind.__name__}"] = {
        "type": "object",
        "description": inspect.cleandoc(kind.__doc__ or "").replace("``", "`"),
        "properties": properties,
        "required": ["errcode", "error", *always],
    }
    return {"$ref": f"#/components/schemas/Error{kind.__name__}"}


def _question(answers: Schemas, components: dict[str, Schema]) -> Schema:
    """The 401 of interactive authentication: how far things are, and what was wrong with the stage just tried."""
    error = {"errcode": {"type": "string"}, "error": {"type": "string"}}
    components["AuthRequired"] = {
        "description": "Interactive authentication is needed. `errcode`: what was wrong with the stage just tried.",
        "allOf": [answers.of(AuthProgress), {"type": "object", "properties": error}],
        "dependentRequired": {"errcode": ["error"], "error": ["errcode"]},
    }
    return {"$ref": "#/components/schemas/AuthRequired"}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
