"""The contract against the specification's own files: every operation, field, requiredness, type and error code."""

from typing import Any, get_args, get_origin

import msgspec
import pytest

from ostiary.api import users
from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import field_types
from ostiary.api.endpoint import Endpoint, Place, fields_in, response_type
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData, AuthProgress
from tests.conformance.openapi import MISSING, Field, Operation, fields_of, operations

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

STEMS = (
    "versions", "capabilities", "wellknown", "login", "logout", "refresh", "registration", "whoami",
    "password_management", "device_management",
)  # fmt: skip
"""The files that this contract covers."""

NOT_THERE_YET = {
    "requestTokenToRegisterEmail", "requestTokenToRegisterMSISDN", "requestTokenToResetPasswordEmail",
    "requestTokenToResetPasswordMSISDN",
}  # fmt: skip
"""Their operations that it has not."""

COMMON = {"M_UNKNOWN", "M_LIMIT_EXCEEDED", "M_MISSING_TOKEN", "M_UNKNOWN_TOKEN", "M_NOT_FOUND", "M_FORBIDDEN",
          "M_UNRECOGNIZED"}  # fmt: skip
"""Codes that any call may be answered with."""

NOT_LIMITED = {"getCapabilities", "getLoginFlows", "getTokenOwner"}
"""Operations that the spec lets a server limit and ours does not: they cost less than being refused."""

IN_CONTRACT = [endpoint for endpoint in ENDPOINTS if endpoint.meta.operation[0]]


def spec_of(endpoint: type[Endpoint[Any]]) -> Operation:
    stem, operation_id = endpoint.meta.operation
    return operations(stem)[operation_id]


def name_of(endpoint: type[Endpoint[Any]]) -> str:
    return endpoint.__name__


def json_kinds(annotation: Any) -> set[str]:
    """The JSON types that an annotation allows."""
    if get_origin(annotation) is not None and hasattr(annotation, "__metadata__"):
        return json_kinds(get_args(annotation)[0])
    if hasattr(annotation, "__supertype__"):
        return json_kinds(annotation.__supertype__)
    origin = get_origin(annotation)
    if origin in (tuple, list):
        return {"array"}
    if origin is dict:
        return {"object"}
    if origin is not None:
        return set().union(*(json_kinds(part) for part in get_args(annotation)))
    if annotation in (msgspec.UnsetType, type(None)):
        return set()
    simple = {str: "string", Secret: "string", bool: "boolean", int: "integer"}
    return {simple.get(annotation, "object")}


def hold(found: dict[str, Any], required: set[str], spec: dict[str, Field]) -> None:
    """Hold a contract's fields against the spec's."""
    assert found.keys() == spec.keys()
    assert required == {name for name, field in spec.items() if field.required}
    for name, field in spec.items():
        assert field.kind in ("", *json_kinds(found[name])), name


def required_of(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct) if field.required}


def types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize("endpoint", IN_CONTRACT, ids=name_of)
class TestEndpoint:
    def test_method_path_and_deprecation_are_the_specs(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        assert (endpoint.meta.method, endpoint.meta.path) == (spec.method, spec.path)
        assert endpoint.meta.deprecated == spec.raw.get("deprecated", False)

    def test_every_field_is_there_in_its_place_as_required_and_none_is_invented(
        self, endpoint: type[Endpoint[Any]]
    ) -> None:
        spec, types = spec_of(endpoint), field_types(endpoint)
        required = required_of(endpoint)
        for place in (Place.PATH, Place.QUERY):
            names = fields_in(endpoint, place)
            wanted = {name: field for (where, name), field in spec.parameters.items() if where == place}
            hold({name: types[name] for name in names}, required & names, wanted)
        names = fields_in(endpoint, Place.BODY)
        hold({name: types[name] for name in names}, required & names, spec.body)

    def test_every_field_of_the_answer_is_there_as_required_and_none_is_invented(
        self, endpoint: type[Endpoint[Any]]
    ) -> None:
        answer = response_type(endpoint)
        spec = spec_of(endpoint).answer(200)
        hold(types_of(answer), required_of(answer), spec)

    def test_token_is_wanted_as_the_spec_says(self, endpoint: type[Endpoint[Any]]) -> None:
        wanted = {True: AccessToken, False: NoToken, None: OptionalToken}[spec_of(endpoint).needs_token]
        assert isinstance(endpoint.meta.authentication, wanted)

    def test_interactive_as_the_spec_says(self, endpoint: type[Endpoint[Any]]) -> None:
        assert endpoint.meta.interactive == spec_of(endpoint).is_interactive
        assert endpoint.meta.interactive == ("auth" in fields_in(endpoint, Place.BODY))

    def test_limited_as_the_spec_says(self, endpoint: type[Endpoint[Any]]) -> None:
        limited = 429 in spec_of(endpoint).statuses
        assert (endpoint.meta.rate_limit is not None) == (limited and endpoint.meta.operation[1] not in NOT_LIMITED)

    def test_every_error_code_of_the_spec_is_declared(self, endpoint: type[Endpoint[Any]]) -> None:
        declared = {error.errcode for error in endpoint.meta.errors}
        assert spec_of(endpoint).errcodes() - COMMON <= declared

    def test_documentation_names_the_spec(self, endpoint: type[Endpoint[Any]]) -> None:
        assert endpoint.__doc__ is not None
        assert f"{endpoint.meta.operation[0]}.yaml" in endpoint.__doc__


@pytest.mark.parametrize("stem", STEMS)
def test_every_operation_of_the_spec_is_in_the_contract(stem: str) -> None:
    here = {endpoint.meta.operation[1] for endpoint in IN_CONTRACT if endpoint.meta.operation[0] == stem}
    assert set(operations(stem)) - NOT_THERE_YET == here


NESTED = [
    ("GetCapabilities", ("capabilities",)),
    *(("GetCapabilities", ("capabilities", name)) for name in (
        "m.change_password", "m.room_versions", "m.profile_fields", "m.account_moderation", "m.3pid_changes",
    )),
    ("GetWellKnownClient", ("m.homeserver",)),
    ("GetWellKnownClient", ("m.identity_server",)),
    ("Login", ("well_known",)),
    ("GetLoginFlows", ("flows",)),
    ("GetDevices", ("devices",)),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint_name", "path"), NESTED)
def test_nested_objects_of_answers_are_the_specs(endpoint_name: str, path: tuple[str, ...]) -> None:
    endpoint = next(one for one in IN_CONTRACT if one.__name__ == endpoint_name)
    struct: Any = response_type(endpoint)
    spec = spec_of(endpoint).answer(200)
    for name in path:
        struct = next(part for part in _structs_in(types_of(struct)[name]))
        schema = spec[name].schema
        schema = schema.get("items", schema)
        spec = fields_of(schema, schema.get("x-file", spec[name].schema.get("x-file", spec_of(endpoint).file)))
    hold(types_of(struct), required_of(struct), spec)


def _structs_in(annotation: Any) -> list[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [struct for part in get_args(annotation) for struct in _structs_in(part)]


def test_the_401_of_interactive_authentication_is_the_specs() -> None:
    spec = operations("registration")["register"].answer(401)
    hold(types_of(AuthProgress), required_of(AuthProgress), spec)


def test_identifiers_and_stages_have_the_types_of_the_spec() -> None:
    assert set(users.UserIdentifier.members) == {"m.id.user", "m.id.thirdparty", "m.id.phone"}
    assert set(AuthData.members) == {"m.login.password", "m.login.dummy"}
