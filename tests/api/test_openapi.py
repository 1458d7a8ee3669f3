"""The OpenAPI document is valid, is the contract's, and its schemas allow what the codec reads and writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import openapi as schemathesis_openapi
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from ostiary.api.administrative_contact import PostThirdPartyId
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import encode_error, encode_request, encode_response, parse_body
from ostiary.api.device_management import DeleteDevices
from ostiary.api.endpoint import Created, Endpoint, Place, fields_in, response_type
from ostiary.api.errors import BY_CODE, MatrixError
from ostiary.api.openapi import EXTRAS, document, operation_id, printed
from ostiary.api.refusals import has_body
from ostiary.api.schemas import Schemas
from tests.api.strategies import answers_to, structs_of

FILE = Path(__file__).parent.parent.parent / "docs" / "reference" / "openapi.json"
DOCUMENT = document(ENDPOINTS, title="Ostiary", version="1", server_url="http://localhost:8008")
WITH_BODY = [endpoint for endpoint in ENDPOINTS if has_body(endpoint)]

each = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
each_with_body = pytest.mark.parametrize("endpoint", WITH_BODY, ids=lambda endpoint: endpoint.__name__)


def operation_of(endpoint: type[Endpoint[Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = DOCUMENT["paths"][endpoint.meta.path][endpoint.meta.method.lower()]
    return operation


def checker(schema: Any) -> Any:
    """What checks a value against a schema of the document."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def body_checker(endpoint: type[Endpoint[Any]]) -> Any:
    return checker(operation_of(endpoint)["requestBody"]["content"]["application/json"]["schema"])


def answer_checker(endpoint: type[Endpoint[Any]], status: int) -> Any:
    return checker(operation_of(endpoint)["responses"][str(status)]["content"]["application/json"]["schema"])


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from references(inner)


class TestDocument:
    def test_committed_file_is_current(self) -> None:
        command = "python -m ostiary.api --openapi > docs/reference/openapi.json"
        assert FILE.read_text(encoding="utf-8") == printed(), f"run: {command}"

    @pytest.mark.parametrize("history", [False, True])
    def test_it_is_openapi(self, history: bool) -> None:
        whole = document(ENDPOINTS, title="Ostiary", version="1", history=history)
        OPENAPI_31_VALIDATOR.validate(whole)
        json.dumps(whole)

    def test_a_test_generator_takes_it(self) -> None:
        schema = schemathesis_openapi.from_dict(DOCUMENT)
        found = [operation.ok() for operation in schema.get_all_operations() if isinstance(operation, Ok)]
        labels = {operation.label for operation in found}
        assert labels == {f"{endpoint.meta.method} {endpoint.meta.path}" for endpoint in ENDPOINTS}

    def test_all_that_is_referred_to_is_there_and_nothing_else(self) -> None:
        named = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
        assert set(references(DOCUMENT)) == named
        for schema in DOCUMENT["components"]["schemas"].values():
            jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})

    def test_operations_are_named_once(self) -> None:
        whole = document(ENDPOINTS, title="Ostiary", version="1", history=True)
        names = [one["operationId"] for methods in whole["paths"].values() for one in methods.values()]
        assert len(names) == len(set(names)) == sum(len(endpoint.meta.history) for endpoint in ENDPOINTS)
        assert {operation_id(endpoint) for endpoint in ENDPOINTS} < set(names)
        assert whole["paths"]["/_matrix/client/r0/login"]["post"]["deprecated"]

    def test_it_names_the_server_it_is_given(self) -> None:
        assert DOCUMENT["servers"] == [{"url": "http://localhost:8008"}]
        assert "servers" not in document(ENDPOINTS, title="Ostiary", version="1")


class TestOperations:
    @each
    def test_parameters_are_the_fields_of_path_and_query(self, endpoint: type[Endpoint[Any]]) -> None:
        told = {(one["name"], one["in"], one["required"]) for one in operation_of(endpoint).get("parameters", ())}
        required = {one.encode_name for one in msgspec.structs.fields(endpoint) if one.required}
        places = (Place.PATH, Place.QUERY)
        assert told == {(name, place, name in required) for place in places for name in fields_in(endpoint, place)}
        assert all(is_required for _, place, is_required in told if place == Place.PATH)

    @each
    def test_every_declared_error_is_there_under_its_status(self, endpoint: type[Endpoint[Any]]) -> None:
        for error in endpoint.meta.errors:
            assert answer_checker(endpoint, error.status).is_valid(json.loads(encode_error(error())))

    @each
    def test_only_interactive_calls_ask_for_authentication(self, endpoint: type[Endpoint[Any]]) -> None:
        refused = operation_of(endpoint)["responses"].get("401", {})
        assert ("#/components/schemas/AuthRequired" in references(refused)) == endpoint.meta.interactive

    def test_login_as_an_example(self) -> None:
        login = DOCUMENT["paths"]["/_matrix/client/v3/login"]["post"]
        assert login["operationId"] == "login"
        assert login["tags"] == ["login"]
        assert login["security"] == [{}, {"appserviceToken": []}]
        fields = login["requestBody"]["content"]["application/json"]["schema"]
        assert fields["required"] == ["type"]
        assert fields["properties"]["password"] == {"type": "string", "format": "password"}
        assert fields["properties"]["device_id"] == {
            "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f]+$",
        }  # fmt: skip
        codes = set(references(login["responses"]["403"]))
        assert codes == {"#/components/schemas/ErrorForbidden", "#/components/schemas/ErrorUserDeactivated"}

    def test_dialogue_that_goes_on_may_leave_out_what_is_needed(self) -> None:
        check = body_checker(DeleteDevices)
        assert check.is_valid({"devices": ["X"]})
        assert check.is_valid({"auth": {"session": "s"}})
        assert not check.is_valid({})
        assert not check.is_valid({"auth": {"type": "m.login.dummy"}})

    def test_older_spelling_stands_for_todays(self) -> None:
        check = body_checker(PostThirdPartyId)
        creds = {"sid": "s", "client_secret": "c"}
        assert check.is_valid({"three_pid_creds": creds})
        assert check.is_valid({"threePidCreds": creds})
        assert not check.is_valid({"bind": True})


class TestValues:
    @each_with_body
    def test_every_body_that_a_client_writes_is_allowed(self, endpoint: type[Endpoint[Any]]) -> None:
        check = body_checker(endpoint)

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(structs_of(endpoint))
        def holds(request: Any) -> None:
            body = encode_request(request).body
            assert isinstance(body, bytes)
            check.validate(parse_body(endpoint, body))

        holds()

    @each
    def test_every_answer_that_a_server_writes_is_allowed(self, endpoint: type[Endpoint[Any]]) -> None:
        check = answer_checker(endpoint, 201 if issubclass(response_type(endpoint), Created) else 200)

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
        @given(answers_to(endpoint))
        def holds(answer: Any) -> None:
            check.validate(json.loads(encode_response(answer)))

        holds()

    @given(st.sampled_from(sorted(BY_CODE)))
    def test_fields_of_errors_are_told(self, errcode: str) -> None:
        kind = BY_CODE[errcode]
        assert (kind.extras is not MatrixError.extras) == (kind in EXTRAS)
        fields, always = EXTRAS.get(kind, ({}, ()))
        assert set(always) <= kind().extras().keys() <= fields.keys()


class TestSchemas:
    def test_two_types_of_one_name_are_told(self) -> None:
        components: dict[str, Any] = {"Point": {"type": "object"}}
        point = msgspec.defstruct("Point", [("x", int)])
        with pytest.raises(TypeError, match="Point"):
            Schemas(components, answering=True).of(point)

    def test_type_that_the_contract_has_not_is_told(self) -> None:
        with pytest.raises(TypeError, match="complex"):
            Schemas({}, answering=True).of(complex)

    def test_limits_are_told_by_what_they_limit(self) -> None:
        limit = msgspec.Meta(min_length=1, max_length=3)
        schemas = Schemas({}, answering=False)
        assert schemas.of(Annotated[str, limit]) == {"type": "string", "minLength": 1, "maxLength": 3}
        assert schemas.of(Annotated[list[int], limit])["maxItems"] == 3
        assert schemas.of(Annotated[int, msgspec.Meta(ge=0, lt=9)]) == {
            "type": "integer", "minimum": 0, "exclusiveMaximum": 9,
        }  # fmt: skip

    def test_what_is_left_out_by_default_may_be_missing_from_an_answer(self) -> None:
        always = msgspec.defstruct("Always", [("x", int | None, None)])
        seldom = msgspec.defstruct("Seldom", [("x", int, 0)], omit_defaults=True)
        schemas = Schemas({}, answering=True)
        assert (schemas.required(always), schemas.required(seldom)) == (["x"], [])
        assert Schemas({}, answering=False).required(always) == []
