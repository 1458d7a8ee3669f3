"""Requests as a server reads them: every way to be wrong has its error, which names the field."""

import json
from typing import Any

import pytest

from ostiary.api.codec import decode_request, field_types
from ostiary.api.device_management import DeleteDevice, DeleteDevices, GetDevices, UpdateDevice
from ostiary.api.endpoint import Endpoint
from ostiary.api.errors import BadJson, InvalidParam, MatrixError, MissingParam, NotJson
from ostiary.api.login import Login
from ostiary.api.logout import Logout
from ostiary.api.password_management import ChangePassword
from ostiary.api.queries import MAX_QUERY_FIELDS
from ostiary.api.refresh import Refresh
from ostiary.api.registration import CheckUsernameAvailability, Register
from ostiary.api.secret import Secret
from ostiary.api.uia import PasswordAuth
from ostiary.api.users import UnknownIdentifier

WITH_FAST_PATH, WITHOUT = Login, Register
"""A call whose fields are all in the body is read by another way than one with fields in the query."""

both_ways = pytest.mark.parametrize("endpoint", [WITH_FAST_PATH, WITHOUT], ids=["body alone", "body and query"])

PATH = {"deviceId": "D"}


def refusal(
    endpoint: type[Endpoint[Any]], body: Any, query: bytes = b"", arguments: dict[str, str] | None = None
) -> MatrixError:
    """The error that a request ends with."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(MatrixError) as caught:
        decode_request(endpoint, raw, query, arguments or {})
    return caught.value


class TestWhatIsNotJson:
    @pytest.mark.parametrize(
        "body",
        [b"no", b"{", b"{}x", b'{"type": }', b"{'type': 1}", b'{"type": NaN}', b'{"type":"\x01"}', b'{"x":"\\ud800"}',
         b'{"type":"\\ud800"}', b'{"type":"\\udc00\\ud800"}', b'{"\\ud800":1}', b'{"type":"x","unknown":"\\ud800"}',
         b"\x00"],
    )  # fmt: skip
    @both_ways
    def test_broken_json_is_not_json(self, endpoint: type[Endpoint[Any]], body: bytes) -> None:
        error = refusal(endpoint, body)
        assert (type(error), error.message, error.field) == (NotJson, "The body is not JSON", None)

    @pytest.mark.parametrize("field", [b'"type":1', b'"username":1', b'"password":[]', b'"identifier":3', b'"auth":3'])
    @both_ways
    def test_wrong_field_before_broken_json_is_still_not_json(
        self, endpoint: type[Endpoint[Any]], field: bytes
    ) -> None:
        assert type(refusal(endpoint, b"{" + field + b", broken")) is NotJson

    @pytest.mark.parametrize(
        "body",
        [b"\xff\xfe", b'{"type":"\xff"}', b'{"type":"x","unknown":"\xff"}', b'{"type":"x","unknown":{"\xff":1}}',
         b'{"type":"x","unknown":"\xed\xa0\x80"}', b'{"type":"x","\xff":1}',
         '{"type":"x"}'.encode("utf-16")],
    )  # fmt: skip
    @both_ways
    def test_what_is_not_utf8_is_not_json_even_where_nobody_looks(
        self, endpoint: type[Endpoint[Any]], body: bytes
    ) -> None:
        error = refusal(endpoint, body)
        assert (type(error), error.message) == (NotJson, "The body is not UTF-8")

    @pytest.mark.parametrize("endpoint", [Login, Register, Refresh, ChangePassword, UpdateDevice, DeleteDevices])
    def test_empty_body_is_not_json_where_one_is_needed(self, endpoint: type[Endpoint[Any]]) -> None:
        error = refusal(endpoint, b"", arguments=PATH)
        assert (type(error), error.message) == (NotJson, "The body is empty: a JSON object is needed")

    @pytest.mark.parametrize(("endpoint", "body"), [(Logout, b"no"), (GetDevices, b"\xff"), (DeleteDevice, b"")])
    def test_body_is_not_looked_at_where_none_is_needed(self, endpoint: type[Endpoint[Any]], body: bytes) -> None:
        arguments = PATH if endpoint is DeleteDevice else {}
        assert isinstance(decode_request(endpoint, body, b"", arguments), endpoint)

    def test_body_of_a_deletion_is_looked_at_where_there_is_one(self) -> None:
        assert type(refusal(DeleteDevice, b"no", arguments=PATH)) is NotJson


class TestWhatIsJsonOfAnotherForm:
    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"3", b"null", b"true", b'[{"type":"x"}]'])
    @both_ways
    def test_body_that_is_no_object_is_bad_json(self, endpoint: type[Endpoint[Any]], body: bytes) -> None:
        error = refusal(endpoint, body)
        assert (type(error), error.message) == (BadJson, "The body must be a JSON object")

    @pytest.mark.parametrize("opening", [b"", b'{"type":"x","unknown":', b'{"identifier":', b'{"auth":{"x":'])
    @pytest.mark.parametrize("level", [b"[", b'{"a":'])
    @both_ways
    def test_nesting_bomb_is_refused(self, endpoint: type[Endpoint[Any]], opening: bytes, level: bytes) -> None:
        error = refusal(endpoint, opening + level * 50_000)
        assert (type(error), error.message) == (BadJson, "The body is nested too deeply")

    @both_ways
    def test_deep_nesting_is_refused_even_where_it_ends_well(self, endpoint: type[Endpoint[Any]]) -> None:
        error = refusal(endpoint, b'{"type":"x","unknown":%s%s}' % (b"[" * 50_000, b"]" * 50_000))
        assert (type(error), error.message) == (BadJson, "The body is nested too deeply")

    @pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5000], ids=["1e999", "-1e999", "5000 digits"])
    @pytest.mark.parametrize("name", [b"type", b"username", b"refresh_token"])
    def test_number_out_of_range_is_bad_json(self, name: bytes, number: bytes) -> None:
        error = refusal(Register, b'{"%s":%s}' % (name, number))
        assert (type(error), error.message) == (BadJson, "The body holds a number that is out of range")

    @pytest.mark.parametrize(
        ("endpoint", "body", "field", "message"),
        [
            (Login, {"type": 1}, "type", "'type' must be a string, not an integer"),
            (Login, {"type": "x", "password": True}, "password", "'password' must be a string, not a boolean"),
            (Login, {"type": "x", "password": {}}, "password", "'password' must be a string, not an object"),
            (Login, {"type": "x", "refresh_token": "yes"}, "refresh_token",
             "'refresh_token' must be a boolean, not a string"),
            (Login, {"type": "x", "identifier": []}, "identifier", "'identifier' must be an object, not an array"),
            (Login, {"type": "x", "identifier": {"type": "m.id.user", "user": 1.5}}, "identifier.user",
             "'identifier.user' must be a string, not a number"),
            (Register, {"auth": "x"}, "auth", "'auth' must be an object, not a string"),
            (Register, {"auth": {"type": "m.login.password", "password": []}}, "auth.password",
             "'auth.password' must be a string, not an array"),
            (Register, {"auth": {"type": "m.login.password", "password": "p",
                                 "identifier": {"type": "m.id.phone", "country": "GB", "phone": 1}}},
             "auth.identifier.phone", "'auth.identifier.phone' must be a string, not an integer"),
            (DeleteDevices, {"devices": "D"}, "devices", "'devices' must be an array, not a string"),
            (DeleteDevices, {"devices": ["D", None]}, "devices[1]", "'devices[1]' must be a string, not null"),
        ],
    )  # fmt: skip
    def test_wrong_type_is_bad_json_and_names_the_field(
        self, endpoint: type[Endpoint[Any]], body: Any, field: str, message: str
    ) -> None:
        error = refusal(endpoint, body)
        assert (type(error), error.field, error.message) == (BadJson, field, message)

    @pytest.mark.parametrize(
        ("endpoint", "field"), [(Login, "type"), (Refresh, "refresh_token"), (DeleteDevices, "devices")]
    )
    def test_required_field_that_is_missing_is_told_apart_from_one_that_is_null(
        self, endpoint: type[Endpoint[Any]], field: str
    ) -> None:
        missing, null = refusal(endpoint, {"unknown": 1}), refusal(endpoint, {field: None})
        assert (type(missing), missing.field, missing.message) == (MissingParam, field, f"'{field}' is missing")
        assert (type(null), null.field) == (BadJson, field)

    def test_required_field_of_a_part_that_is_missing_is_told_with_its_place(self) -> None:
        error = refusal(Register, {"auth": {"type": "m.login.password", "identifier": {"type": "m.id.new"}}})
        assert (type(error), error.field) == (MissingParam, "auth.password")
        error = refusal(Login, {"type": "x", "identifier": {"type": "m.id.user"}})
        assert (type(error), error.field) == (MissingParam, "identifier.user")

    @pytest.mark.parametrize(
        ("endpoint", "body", "field", "rule"),
        [
            (Login, {"type": ""}, "type", "must have at least 1 characters"),
            (Login, {"type": "x" * 256}, "type", "must have at most 255 characters"),
            (Login, {"type": "x\0"}, "type", "holds a character that is not allowed"),
            (Login, {"type": "x", "device_id": "D\n"}, "device_id", "holds a character that is not allowed"),
            (Login, {"type": "x", "initial_device_display_name": "n" * 257}, "initial_device_display_name",
             "must have at most 256 characters"),
            (Register, {"auth": {"type": "m.login.dummy", "session": ""}}, "auth.session",
             "must have at least 1 characters"),
            (DeleteDevices, {"devices": ["D", ""]}, "devices[1]", "must have at least 1 characters"),
            (DeleteDevices, {"devices": ["D"] * 1001}, "devices", "must have at most 1000 entries"),
        ],
    )  # fmt: skip
    def test_value_that_is_not_allowed_is_invalid_and_names_the_rule(
        self, endpoint: type[Endpoint[Any]], body: Any, field: str, rule: str
    ) -> None:
        error = refusal(endpoint, body)
        assert (type(error), error.field, error.message) == (InvalidParam, field, f"'{field}' {rule}")


class TestWhatIsForgiven:
    @both_ways
    def test_null_for_an_optional_field_counts_as_missing(self, endpoint: type[Endpoint[Any]]) -> None:
        optional = {name: None for name in field_types(endpoint) if name != "type"}
        assert decode_request(endpoint, json.dumps({"type": "x", **optional}).encode()) == decode_request(
            endpoint, b'{"type":"x"}'
        )

    def test_null_inside_a_part_counts_as_missing_too(self) -> None:
        auth = {"type": "m.login.password", "password": "p", "session": None, "user": None, "identifier": None}
        assert decode_request(Register, json.dumps({"auth": auth}).encode()).auth == PasswordAuth(password=Secret("p"))
        error = refusal(Register, {"auth": {**auth, "password": None}})
        assert (type(error), error.field) == (BadJson, "auth.password")

    @both_ways
    def test_unknown_fields_and_white_space_are_passed_over(self, endpoint: type[Endpoint[Any]]) -> None:
        body = b' \r\n\t{"type": "x", "unknown": {"a": [1, null, 1.5]}, "another": null}\n '
        assert decode_request(endpoint, body) == decode_request(endpoint, b'{"type":"x"}')

    def test_of_a_field_that_is_there_twice_the_last_counts(self) -> None:
        assert decode_request(Login, b'{"type":1,"type":"a"}').type == "a"
        assert decode_request(Login, b'{"type":"a","type":"b"}').type == "b"
        assert decode_request(Register, b'{"username":1,"username":"a"}').username == "a"
        assert refusal(Login, b'{"type":"a","type":1}').field == "type"

    def test_pair_of_surrogates_is_one_character(self) -> None:
        assert decode_request(Login, b'{"type":"\\ud83d\\ude00"}').type == "\N{GRINNING FACE}"

    def test_part_of_an_unknown_type_or_none_is_kept(self) -> None:
        for fields in ({"type": "org.example.id", "x": [1]}, {"user": "a"}, {"type": 3}, {"type": None}, {}):
            request = decode_request(Login, json.dumps({"type": "x", "identifier": fields}).encode())
            assert request.identifier == UnknownIdentifier(fields)


class TestQueryAndPath:
    @pytest.mark.parametrize(
        "query", [b"username=\xff", b"username=%ff", b"username=%ED%A0%80", b"other=%80&username=a"]
    )
    def test_query_that_is_not_utf8_is_invalid(self, query: bytes) -> None:
        error = refusal(CheckUsernameAvailability, b"", query)
        assert (type(error), error.message) == (InvalidParam, "The query is not UTF-8")

    def test_query_with_too_many_fields_is_refused(self) -> None:
        fits = b"username=a" + b"&x=1" * (MAX_QUERY_FIELDS - 1)
        assert decode_request(CheckUsernameAvailability, b"", fits).username == "a"
        error = refusal(CheckUsernameAvailability, b"", fits + b"&x=1")
        assert (type(error), error.message) == (InvalidParam, "The query has over 100 fields")

    @pytest.mark.parametrize("query", [b"", b"other=1", b"Username=a", b"?username=a"])
    def test_required_field_is_not_taken_from_elsewhere(self, query: bytes) -> None:
        error = refusal(CheckUsernameAvailability, b'{"username":"a"}', query)
        assert (type(error), error.field) == (MissingParam, "username")

    @pytest.mark.parametrize(
        ("query", "username"),
        [(b"username=a%2Bb+c", "a+b c"), (b"username=", ""), (b"username", ""), (b"username=a&username=b", "b"),
         (b"username=%C3%BC%00", "\u00fc\0"), (b"&&username=a=b&", "a=b")],
    )  # fmt: skip
    def test_query_is_read_as_forms_are(self, query: bytes, username: str) -> None:
        assert decode_request(CheckUsernameAvailability, b"", query).username == username

    @pytest.mark.parametrize(
        ("body", "query", "kind"),
        [({}, b"", "user"), ({"kind": "guest"}, b"", "guest"), ({"kind": "guest"}, b"kind=user", "user"),
         ({"kind": None}, b"", "user"), ({"kind": 3}, b"kind=guest", "guest")],
    )  # fmt: skip
    def test_field_of_the_query_may_stand_in_the_body_instead(self, body: Any, query: bytes, kind: str) -> None:
        assert decode_request(Register, json.dumps(body).encode(), query).kind == kind

    def test_field_of_the_query_in_the_body_is_checked_as_any(self) -> None:
        error = refusal(Register, {"kind": 3})
        assert (type(error), error.field) == (BadJson, "kind")

    @pytest.mark.parametrize("other", ["E", 3, None])
    def test_field_of_the_path_is_taken_from_the_path_alone(self, other: Any) -> None:
        body = json.dumps({"deviceId": other, "device_id": other, "display_name": "n"}).encode()
        request = decode_request(UpdateDevice, body, b"deviceId=F", PATH)
        assert request == UpdateDevice(device_id="D", display_name="n")
