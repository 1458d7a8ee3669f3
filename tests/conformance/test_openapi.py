"""The specification's own examples are valid by the OpenAPI document that is made from the contract."""

from typing import Any

import pytest

from ostiary.api.codec import decode_request, encode_json
from ostiary.api.endpoint import Endpoint, Place, fields_in
from tests.api.test_openapi import answer_checker, body_checker
from tests.conformance.openapi import MISSING
from tests.conformance.test_examples import answers, requests

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.mark.parametrize(("endpoint", "example"), list(requests()))
def test_request_that_is_read_is_valid(endpoint: type[Endpoint[Any]], example: object) -> None:
    decode_request(endpoint, encode_json(example), b"", dict.fromkeys(fields_in(endpoint, Place.PATH), "X"))
    body_checker(endpoint).validate(example)


@pytest.mark.parametrize(("endpoint", "status", "example"), list(answers(refusals=False)))
def test_answer_is_valid(endpoint: type[Endpoint[Any]], status: int, example: object) -> None:
    answer_checker(endpoint, status).validate(example)
