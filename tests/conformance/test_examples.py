"""The specification's own examples are read, and written again as they were."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import (
    build_request,
    decode_request,
    decode_response,
    encode_auth_required,
    encode_error,
    encode_json,
    encode_request,
    encode_response,
)
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.errors import BY_CODE, MatrixError
from ostiary.api.http import HttpResponse
from ostiary.api.uia import AuthRequired
from tests.conformance.openapi import MISSING, Operation, operations

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

REQUIRED: dict[str, Any] = {
    "deviceId": "X", "username": "u", "refresh_token": "r", "type": "t", "new_password": "p", "devices": ["X"],
    "userId": "@u:x", "keyName": "displayname", "content": {}, "token": "t", "appserviceId": "a", "locked": True,
    "suspended": True, "client_secret": "c", "sid": "s", "id_server": "i", "id_access_token": "t", "medium": "email",
    "address": "a@b", "email": "a@b", "send_attempt": 1, "country": "GB", "phone_number": "1",
    "three_pid_creds": {"sid": "s", "client_secret": "c"},
}  # fmt: skip
"""Something for each required field, where only an answer is looked at."""

CUSTOM = frozenset({"com.example.custom.ratelimit", "org.example.custom.property"})
"""What servers add of their own, in the examples; the contract passes over it."""

Case = tuple[type[Endpoint[Any]], Operation]


def cases() -> Iterator[Case]:
    for endpoint in ENDPOINTS if MISSING is None else ():
        stem, operation_id = endpoint.meta.operation
        if stem:
            yield endpoint, operations(stem)[operation_id]


def requests() -> Iterator[Any]:
    for endpoint, operation in cases():
        yield from (pytest.param(endpoint, example, id=endpoint.__name__) for example in operation.request_examples())


def answers(*, refusals: bool) -> Iterator[Any]:
    for endpoint, operation in cases():
        for status, example in operation.answer_examples():
            if (status >= 400) is refusals:
                yield pytest.param(endpoint, status, example, id=f"{endpoint.__name__}-{status}")


@pytest.mark.parametrize(("endpoint", "example"), list(requests()))
def test_request_is_read_and_written_as_it_was(endpoint: type[Endpoint[Any]], example: Any) -> None:
    arguments = dict.fromkeys(fields_in(endpoint, Place.PATH), "X")
    request = decode_request(endpoint, encode_json(example), b"", arguments)
    body = encode_request(request).body
    assert isinstance(body, bytes)
    assert json.loads(body) == example


@pytest.mark.parametrize(("endpoint", "status", "example"), list(answers(refusals=False)))
def test_answer_is_read_and_written_as_it_was(endpoint: type[Endpoint[Any]], status: int, example: Any) -> None:
    answer = decode_response(_any(endpoint), _response(status, example))
    assert json.loads(encode_response(answer)) == _without_custom(example)


@pytest.mark.parametrize(("endpoint", "status", "example"), list(answers(refusals=True)))
def test_refusal_is_raised_and_written_with_all_it_says(
    endpoint: type[Endpoint[Any]], status: int, example: Any
) -> None:
    with pytest.raises((MatrixError, AuthRequired)) as caught:
        decode_response(_any(endpoint), _response(status, example))
    error = caught.value
    if isinstance(error, AuthRequired):
        assert json.loads(encode_auth_required(error)) == example
    else:
        assert isinstance(error, MatrixError)
        assert type(error) is BY_CODE[example["errcode"]]
        assert error.status == status
        assert json.loads(encode_error(error)).items() >= example.items()


def test_most_operations_have_examples() -> None:
    """So that a mistake in finding them does not pass for success."""
    assert len(list(requests())) == 25
    assert len(list(answers(refusals=False))) >= 30
    assert len(list(answers(refusals=True))) >= 40


def _any(endpoint: type[Endpoint[Any]]) -> Endpoint[Any]:
    required = {field.encode_name for field in msgspec.structs.fields(endpoint) if field.required}
    in_body = fields_in(endpoint, Place.BODY)
    body = REQUIRED["content"] if fields_in(endpoint, Place.WHOLE) else {}
    arguments = {name: REQUIRED[name] for name in required - in_body - fields_in(endpoint, Place.WHOLE)}
    return build_request(endpoint, {**body, **{name: REQUIRED[name] for name in required & in_body}}, b"", arguments)


def _without_custom(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_custom(inner) for name, inner in value.items() if name not in CUSTOM}


def _response(status: int, value: Any) -> HttpResponse:
    return HttpResponse(status=status, headers={}, body=encode_json(value))
