"""The contract against the specification's own files: every operation, field, requiredness, type and error code."""

from typing import Any

import msgspec
import pytest

from ostiary.api.auth import AccessToken, NoToken, OptionalToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, Object, Place, fields_in, response_type
from ostiary.api.errors import LimitExceeded, MatrixError, NotFound, Unrecognized
from ostiary.api.uia import AuthData, AuthProgress
from ostiary.api.unions import OpenUnion
from ostiary.api.users import UserIdentifier
from tests.conformance.openapi import CLIENT_SERVER, MISSING, Operation, expanded, operations, shape
from tests.conformance.shapes import shape_in, shape_of, shape_of_fields

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

STEMS = (
    "versions", "capabilities", "wellknown", "login", "logout", "refresh", "registration", "whoami",
    "password_management", "device_management", "account_deactivation", "admin", "administrative_contact",
    "appservice_ping", "login_token", "openid", "profile", "registration_tokens", "support",
)  # fmt: skip
"""The files that this contract covers."""

NOT_THERE_YET: dict[str, str] = {}
"""Operations of these files that the contract has not, and why."""

NOT_IN_THE_SPEC = {
    "TokenRefresh": "was in the spec from r0.0.0 to r0.2.0",
    "SubmitToken": "the spec leaves the path to the server, which tells it",
    "GetPasswordPolicy": "is of MSC2000, which Synapse serves and clients ask for",
    "GetOpenIdUserInfo": "is of the server-server API",
    "GetServerKeys": "is of the server-server API",
    "GetAudit": "the spec has nothing like it",
}
"""Calls that no file of the spec has, and why they are here."""

NOT_LIMITED = {
    "getCapabilities": "is served from memory: refusing it costs as much",
    "getLoginFlows": "is served from memory: refusing it costs as much",
    "getTokenOwner": "is served from memory, to the owner of a good token",
}
"""Operations that the spec lets a server limit and ours does not, and why."""

COMMON = frozenset({
    "M_BAD_JSON", "M_FORBIDDEN", "M_LIMIT_EXCEEDED", "M_MISSING_TOKEN", "M_NOT_FOUND", "M_NOT_JSON",
    "M_RESOURCE_LIMIT_EXCEEDED", "M_UNKNOWN", "M_UNKNOWN_DEVICE", "M_UNKNOWN_TOKEN", "M_UNRECOGNIZED",
    "M_USER_LIMIT_EXCEEDED", "M_USER_LOCKED", "M_USER_SUSPENDED",
})  # fmt: skip
"""The spec's "common error codes", which any call may be answered with."""

FROM_PROSE = {
    "M_WEAK_PASSWORD": 'client-server API, "Password management"',
    "M_EXCLUSIVE": 'application service API, "Server admin style permissions"',
    "M_SERVER_NOT_TRUSTED": "what the calls that take the name of an identity server are answered with",
    "M_THREEPID_AUTH_FAILED": "what a validation that does not hold is answered with",
    "M_THREEPID_DENIED": "what an address that the server does not want is answered with",
    "M_THREEPID_IN_USE": "what an address of another account is answered with",
}
"""Codes of single calls that do not stand in the spec's files."""

_STATE = {"M_USER_DEACTIVATED": "the account's state, where a session would be opened or gone on with"}
_LOCK = {**_STATE, "M_USER_LOCKED": "the same"}
_MEDIUM = {"M_THREEPID_MEDIUM_NOT_SUPPORTED": "a server without the means to send; the spec has it for 3PIDs only"}
_GUESTS = {
    "M_GUEST_ACCESS_FORBIDDEN": "guests have a display name and nothing else, as the list of what is theirs says"
}

BESIDES_THE_SPEC: dict[str, dict[str, str]] = {
    "Login": {**_LOCK, "M_INVALID_USERNAME": "a web token that names whom no account can be made for"},
    "Refresh": _LOCK,
    "Register": _LOCK,
    "CheckUsernameAvailability": {"M_FORBIDDEN": "registration is closed, so that no name is available"},
    "ChangePassword": _STATE,
    "RequestTokenToRegisterEmail": _MEDIUM,
    "RequestTokenToRegisterPhone": _MEDIUM,
    "RequestTokenToResetPasswordEmail": _MEDIUM,
    "RequestTokenToResetPasswordPhone": _MEDIUM,
    "RequestTokenToAddEmail": {"M_FORBIDDEN": "users cannot change their addresses"},
    "RequestTokenToAddPhone": {"M_FORBIDDEN": "users cannot change their addresses"},
    "SetProfileField": _GUESTS,
    "DeleteProfileField": _GUESTS,
    "WhoIs": {
        "M_FORBIDDEN": "somebody else's, for one who is no administrator",
        "M_INVALID_PARAM": "a user of another server",
        "M_NOT_FOUND": "a user who is not there",
    },
}
"""Codes that endpoints here are answered with and the spec's files do not have at these calls, and when."""

NEVER_ANSWERED = {
    "requestTokenToResetPasswordEmail": {"M_THREEPID_IN_USE"},
    "requestTokenToResetPasswordMSISDN": {"M_THREEPID_IN_USE"},
}
"""Codes that the spec names to say that they are not to be used."""

LIMITED_ALL_THE_SAME = {
    one for medium in ("Email", "MSISDN") for one in
    (f"requestTokenToRegister{medium}", f"requestTokenToResetPassword{medium}", f"requestTokenTo3PID{medium}")
}  # fmt: skip
"""Operations that the spec names no 429 for, and that send messages; any endpoint may be limited."""

FIELDS_FROM_PROSE = {
    "Register": {
        "guest_access_token?": 'client-server API, "Guest access"',
        "type?": 'application service API, "Server admin style permissions"',
    },
    "PostThirdPartyId": {"bind?": "was in the spec until r0.5.0"},
}
"""Fields of single calls that the spec's files do not have, and where they stand."""

MAY_BE_MISSING = {
    "PostThirdPartyId": {"three_pid_creds": ("id_access_token", "id_server")},
}
"""Required fields that older clients do not send: "servers can treat this as optional to distinguish between
r0.5-compatible clients", and in place of an identity server's validation one of our own counts."""

IN_CONTRACT = [endpoint for endpoint in ENDPOINTS if endpoint.meta.operation != ("", "")]


def spec_of(endpoint: type[Endpoint[Any]]) -> Operation:
    stem, operation_id = endpoint.meta.operation
    found = operations(stem)
    assert operation_id in found, f"{stem}.yaml has no {operation_id}: {sorted(found)}"
    return found[operation_id]


@pytest.mark.parametrize("endpoint", IN_CONTRACT, ids=lambda endpoint: endpoint.__name__)
class TestEndpoint:
    def test_method_path_and_deprecation_are_the_specs(self, endpoint: type[Endpoint[Any]]) -> None:
        spec, meta = spec_of(endpoint), endpoint.meta
        assert (meta.method, meta.path) == (spec.method, spec.path)
        assert meta.deprecated == spec.raw.get("deprecated", False)

    def test_first_version_is_the_specs_where_it_says_one(self, endpoint: type[Endpoint[Any]]) -> None:
        since = endpoint.meta.since.removeprefix("v")
        assert since == spec_of(endpoint).raw.get("x-addedInMatrixVersion", since)

    @pytest.mark.parametrize("place", [Place.PATH, Place.QUERY])
    def test_parameters_are_the_specs(self, endpoint: type[Endpoint[Any]], place: Place) -> None:
        assert shape_in(endpoint, place) == spec_of(endpoint).parameters(place)

    def test_body_is_the_specs(self, endpoint: type[Endpoint[Any]]) -> None:
        schema = spec_of(endpoint).body
        wanted: Any = shape(schema) if schema else {}
        for outer, missing in MAY_BE_MISSING.get(endpoint.__name__, {}).items():
            wanted[outer] = {name + "?" * (name in missing): kind for name, kind in wanted[outer].items()}
        extra = FIELDS_FROM_PROSE.get(endpoint.__name__, {})
        here = {name: kind for name, kind in shape_in(endpoint, Place.BODY).items() if name not in extra}
        assert here == wanted

    def test_is_bodyless_where_the_spec_has_no_body(self, endpoint: type[Endpoint[Any]]) -> None:
        has_none = endpoint.meta.bodyless or endpoint.meta.method == "GET"
        assert has_none == (not spec_of(endpoint).body)

    def test_answer_is_the_specs(self, endpoint: type[Endpoint[Any]]) -> None:
        answer = response_type(endpoint)
        wanted = shape(spec_of(endpoint).answer(200))
        if issubclass(answer, Object):
            assert isinstance(wanted, dict)
            assert all(hasattr(answer, known.removesuffix("?").replace("m.tz", "time_zone")) for known in wanted)
        else:
            assert shape_of(answer) == wanted

    def test_token_is_wanted_as_the_spec_says(self, endpoint: type[Endpoint[Any]]) -> None:
        wanted = {True: AccessToken, False: NoToken, None: OptionalToken}[spec_of(endpoint).needs_token]
        assert isinstance(endpoint.meta.authentication, wanted)

    def test_is_interactive_where_the_specs_401_has_flows(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        assert endpoint.meta.interactive == spec.is_interactive
        assert endpoint.meta.interactive == ("auth" in fields_in(endpoint, Place.BODY))
        if spec.is_interactive:
            assert shape_of(AuthProgress) == shape(spec.answer(401))

    def test_is_limited_where_the_spec_has_a_429(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        is_or_need_not_be = endpoint.meta.rate_limit is not None or spec.operation_id in NOT_LIMITED
        assert is_or_need_not_be == (429 in spec.statuses or spec.operation_id in LIMITED_ALL_THE_SAME)

    def test_every_error_code_that_the_spec_names_is_declared(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        assert spec.errcodes - COMMON - NEVER_ANSWERED.get(spec.operation_id, set()) <= codes_of(endpoint)

    def test_no_error_is_declared_that_the_spec_does_not_know(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        without_code = {NotFound.errcode} if 404 in spec.statuses else set()
        besides = BESIDES_THE_SPEC.get(endpoint.__name__, {}).keys()
        assert codes_of(endpoint) <= spec.errcodes | without_code | FROM_PROSE.keys() | besides
        assert besides <= codes_of(endpoint)

    def test_404_of_the_spec_has_a_code(self, endpoint: type[Endpoint[Any]]) -> None:
        spec = spec_of(endpoint)
        besides = NotFound.errcode in BESIDES_THE_SPEC.get(endpoint.__name__, {})
        coded = (NotFound in endpoint.meta.errors and not besides) or Unrecognized.errcode in spec.errcodes
        assert coded == (404 in spec.statuses)

    def test_documentation_names_the_specs_file(self, endpoint: type[Endpoint[Any]]) -> None:
        assert endpoint.__doc__ is not None
        assert f"Spec: {endpoint.meta.operation[0]}.yaml" in endpoint.__doc__


def codes_of(endpoint: type[Endpoint[Any]]) -> set[str]:
    return {error.errcode for error in endpoint.meta.errors}


class TestCatalog:
    @pytest.mark.parametrize("stem", STEMS)
    def test_every_operation_of_the_spec_is_in_the_contract_or_not_there_yet(self, stem: str) -> None:
        here = {operation_id for file, operation_id in map(_operation, IN_CONTRACT) if file == stem}
        assert operations(stem).keys() - NOT_THERE_YET.keys() == here

    def test_what_is_not_there_yet_is_in_the_spec(self) -> None:
        assert set().union(*(operations(stem) for stem in STEMS)) >= NOT_THERE_YET.keys() | NOT_LIMITED.keys()

    def test_every_endpoint_is_of_a_file_or_known_to_be_of_none(self) -> None:
        assert {_operation(endpoint)[0] for endpoint in IN_CONTRACT} == set(STEMS)
        others = {endpoint.__name__: endpoint for endpoint in ENDPOINTS if endpoint not in IN_CONTRACT}
        assert others.keys() == NOT_IN_THE_SPEC.keys()

    def test_no_operation_and_no_path_is_there_twice(self) -> None:
        calls = [(endpoint.meta.method, path) for endpoint in ENDPOINTS for path in endpoint.meta.history]
        assert len(calls) == len(set(calls))
        assert len(IN_CONTRACT) == len(set(map(_operation, IN_CONTRACT)))


def _operation(endpoint: type[Endpoint[Any]]) -> tuple[str, str]:
    return endpoint.meta.operation


class TestParts:
    """What stands in definitions of the spec rather than in its operations."""

    @pytest.mark.parametrize(("family", "file"), [(UserIdentifier, "user_identifier"), (AuthData, "auth_data")])
    def test_members_of_an_open_family_have_what_the_spec_gives_to_all(
        self, family: type[OpenUnion], file: str
    ) -> None:
        wanted = shape(expanded(CLIENT_SERVER / "definitions" / f"{file}.yaml"))
        assert shape_of(family) == wanted
        others = {name: kind for name, kind in wanted.items() if not name.startswith("type")}
        for tag, member in family.members.items():
            assert (member.__struct_config__.tag_field, member.__struct_config__.tag) == ("type", tag)
            assert shape_of_fields(member).items() >= others.items()

    def test_families_have_the_members_that_the_spec_lists(self) -> None:
        assert UserIdentifier.members.keys() == {"m.id.user", "m.id.thirdparty", "m.id.phone"}
        assert AuthData.members.keys() == {
            "m.login.password", "m.login.dummy", "m.login.email.identity", "m.login.msisdn", "m.login.recaptcha",
            "m.login.terms", "m.login.registration_token",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("error", "file"), [(MatrixError(), "error"), (LimitExceeded(retry_after_ms=2000), "rate_limited")]
    )
    def test_errors_are_written_as_the_spec_says(self, error: MatrixError, file: str) -> None:
        wanted = shape(expanded(CLIENT_SERVER / "definitions" / "errors" / f"{file}.yaml"))
        kinds = {str: "string", int: "integer"}
        written = {name: kinds[type(value)] for name, value in error.to_json().items()}
        assert written == {name.removesuffix("?"): kind for name, kind in wanted.items()}

    def test_the_only_objects_with_nulls_are_those_of_devices(self) -> None:
        answers = {response_type(endpoint) for endpoint in ENDPOINTS}
        with_null = {one.__name__ for one in answers if any(_is_null(field) for field in msgspec.structs.fields(one))}
        assert with_null == {"DeviceResponse"}


def _is_null(field: msgspec.structs.FieldInfo) -> bool:
    return field.default is None
