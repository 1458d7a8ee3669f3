"""The specification's own examples are read, and written again as they were."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import build_request, decode_response, encode_json, encode_request, encode_response
from ostiary.api.endpoint import Endpoint
from ostiary.api.errors import BY_CODE, MatrixError
from ostiary.api.http import HttpResponse
from ostiary.api.uia import AuthRequired
from tests.conformance.openapi import MISSING, fields_of, operations, resolve

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

ARGUMENTS = {"deviceId": "X", "username": "u", "refresh_token": "r", "type": "t", "new_password": "p", "devices": ["X"]}
"""Something for each required field, where only an answer is looked at."""

CUSTOM = ("org.example", "com.example")
"""What servers add of their own; the contract passes over it."""


def example_of(content: Any, file: Any) -> Any:
    """The example of a body: its own, or put together of its fields'."""
    media = content.get("application/json", {})
    for one in media.get("examples", {}).values():
        return one["value"]
    if "example" in media:
        return media["example"]
    schema = resolve(media.get("schema", {}), file)
    if "example" in schema:
        return schema["example"]
    fields = fields_of(schema, file)
    return {name: field.schema["example"] for name, field in fields.items() if "example" in field.schema}


def cases() -> Iterator[Any]:
    if MISSING is not None:
        return
    for endpoint in ENDPOINTS:
        stem, operation_id = endpoint.meta.operation
        if stem:
            yield pytest.param(endpoint, operations(stem)[operation_id], id=endpoint.__name__)


@pytest.mark.parametrize(("endpoint", "operation"), list(cases()))
class TestExamples:
    def test_request(self, endpoint: type[Endpoint[Any]], operation: Any) -> None:
        if "requestBody" not in operation.raw:
            pytest.skip("has no body")
        example = example_of(operation.raw["requestBody"]["content"], operation.file)
        arguments = {name: "X" for where, name in operation.parameters if where == "path"}
        request = build_request(endpoint, example, b"", arguments)
        written = encode_request(request).body
        assert written is not None
        assert _parsed(written) == {name: value for name, value in example.items() if name in operation.body}

    def test_answer(self, endpoint: type[Endpoint[Any]], operation: Any) -> None:
        content = operation.raw["responses"][200].get("content", {}) if 200 in operation.raw["responses"] else {}
        content = content or operation.raw["responses"].get("200", {}).get("content", {})
        example = example_of(content, operation.file) or {}
        answer = decode_response(_any(endpoint), _response(200, example))
        written = _parsed(encode_response(answer))
        assert _known(written) == _known(example)

    def test_refusals(self, endpoint: type[Endpoint[Any]], operation: Any) -> None:
        for status, answer in operation.raw["responses"].items():
            example = example_of(answer.get("content", {}), operation.file)
            if int(status) < 400 or not example or not example.keys() & {"errcode", "flows"}:
                continue
            with pytest.raises((MatrixError, AuthRequired)) as caught:
                decode_response(_any(endpoint), _response(int(status), example))
            if "errcode" in example and isinstance(caught.value, MatrixError):
                assert type(caught.value) is BY_CODE[example["errcode"]]


def _any(endpoint: type[Endpoint[Any]]) -> Endpoint[Any]:
    required = {field.encode_name for field in msgspec.structs.fields(endpoint) if field.required}
    return build_request(endpoint, {name: ARGUMENTS[name] for name in required})


def _known(value: Any) -> Any:
    """An object without what is null and what servers add of their own."""
    if not isinstance(value, dict):
        return value
    return {name: _known(inner) for name, inner in value.items() if inner is not None and not name.startswith(CUSTOM)}


def _response(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status=status, headers={}, body=encode_json(value))


def _parsed(body: bytes) -> Any:

    return json.loads(body)
