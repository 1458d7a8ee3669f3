"""Answers as a client reads them: what was asked for, or an error value that says what came instead."""

import json
from typing import Any

import pytest

from ostiary.api.codec import decode_response, encode_auth_required, encode_error
from ostiary.api.device_management import DeleteDevice, GetDevice
from ostiary.api.endpoint import UNSET, Empty
from ostiary.api.errors import Forbidden, LimitExceeded, MatrixError, NotMatrix, UnknownToken
from ostiary.api.http import HttpResponse
from ostiary.api.login import Login, LoginResponse
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthProgress, AuthRequired, Flow

LOGIN = Login(type="m.login.password")
ANSWER = {"user_id": "@a:b", "access_token": "syt_canary", "device_id": "D"}
FLOWS = [{"stages": ["m.login.dummy"]}, {"stages": ["a", "b"]}]
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def response(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status=status, headers={}, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def refusal(status: int, body: Any) -> Exception:
    """What is raised for an answer to a login."""
    with pytest.raises((MatrixError, AuthRequired, NotMatrix)) as caught:
        decode_response(LOGIN, response(status, body))
    assert isinstance(caught.value, Exception)
    return caught.value


class TestSuccess:
    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_answer_is_read_whatever_the_success(self, status: int) -> None:
        answer = decode_response(LOGIN, response(status, {**ANSWER, "org.example.more": [1]}))
        assert answer == LoginResponse(user_id=answer.user_id, access_token=Secret("syt_canary"), device_id="D")
        assert (answer.user_id, answer.refresh_token) == ("@a:b", UNSET)

    def test_empty_answer_may_hold_what_is_not_known(self) -> None:
        assert decode_response(DeleteDevice(device_id="D"), response(200, {"extra": 1})) == Empty()

    def test_null_stands_for_what_is_not_known_of_a_device(self) -> None:
        device = decode_response(GetDevice(device_id="D"), response(200, {"device_id": "D", "last_seen_ts": None}))
        assert (device.display_name, device.last_seen_ip, device.last_seen_ts) == (None, None, None)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"device_id": None}, "LoginResponse: 'device_id' must be a string, not null"),
            ({"expires_in_ms": "soon"}, "LoginResponse: 'expires_in_ms' must be an integer, not a string"),
            ({"access_token": ["syt_canary"]}, "LoginResponse: 'access_token' must be a string, not an array"),
            ({"well_known": {}}, "LoginResponse: 'well_known.m.homeserver' is missing"),
        ],
    )
    def test_wrong_shape_is_told_by_its_field_without_values(self, changes: dict[str, Any], what: str) -> None:
        error = refusal(200, {**ANSWER, **changes})
        assert isinstance(error, NotMatrix)
        assert what in str(error)
        assert "syt_canary" not in f"{error}{error!r}{error.text}"

    @pytest.mark.parametrize(
        "body",
        [
            json.dumps(ANSWER).encode()[:-1],
            json.dumps(ANSWER).encode() + b"x",
            b"\xef\xbb\xbf" + json.dumps(ANSWER).encode(),
            json.dumps(ANSWER).encode().replace(b'"D"', b'"\xff"'),
            b'{"access_token":"syt_canary","x":' + b"[" * 100_000,
        ],
        ids=["cut off", "with a tail", "with a mark", "not UTF-8", "nested"],
    )
    def test_broken_answer_is_told_without_its_tokens(self, body: bytes) -> None:
        error = refusal(200, body)
        assert isinstance(error, NotMatrix)
        assert "syt_canary" not in f"{error}{error!r}{error.text}"

    def test_page_instead_of_an_answer_is_shown(self) -> None:
        error = refusal(200, b"\n " + HTML)
        assert isinstance(error, NotMatrix)
        assert "502 Bad Gateway" in str(error)

    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b"3"])
    def test_answer_that_is_no_object_is_not_matrix(self, body: bytes) -> None:
        assert isinstance(refusal(200, body), NotMatrix)


class TestMatrixErrors:
    def test_known_code_is_raised_as_its_class(self) -> None:
        error = refusal(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Gone", "soft_logout": True, "more": {"a": 1}})
        assert isinstance(error, UnknownToken)
        assert (error.status, error.message, error.soft_logout, error.body["more"]) == (401, "Gone", True, {"a": 1})

    def test_code_is_trusted_over_the_status(self) -> None:
        error = refusal(502, {"errcode": "M_FORBIDDEN", "error": "No"})
        assert isinstance(error, Forbidden)
        assert error.status == 502

    def test_unknown_code_is_kept(self) -> None:
        error = refusal(400, {"errcode": "ORG_EXAMPLE_ODD", "error": "Odd"})
        assert isinstance(error, MatrixError)
        assert (error.errcode, error.message) == ("ORG_EXAMPLE_ODD", "Odd")

    def test_missing_text_is_tolerated(self) -> None:
        assert isinstance(refusal(403, {"errcode": "M_FORBIDDEN"}), Forbidden)

    def test_written_error_is_read_as_it_was(self) -> None:
        error = refusal(429, encode_error(LimitExceeded("Slow down", retry_after_ms=500)))
        assert isinstance(error, LimitExceeded)
        assert (error.message, error.retry_after_ms) == ("Slow down", 500)


class TestAuthRequired:
    @pytest.mark.parametrize("nulls", [{}, {"params": None, "completed": None}])
    def test_question_is_read(self, nulls: dict[str, Any]) -> None:
        question = refusal(401, {"flows": FLOWS, "session": "s", "more": 1, **nulls})
        assert isinstance(question, AuthRequired)
        assert question.progress == AuthProgress(flows=(Flow(("m.login.dummy",)), Flow(("a", "b"))), session="s")
        assert question.error is None

    def test_error_of_the_stage_just_tried_comes_along(self) -> None:
        question = refusal(401, {"flows": FLOWS, "completed": ["a"], "errcode": "M_FORBIDDEN", "error": "Wrong"})
        assert isinstance(question, AuthRequired)
        assert isinstance(question.error, Forbidden)
        assert (question.error.message, question.progress.completed) == ("Wrong", ("a",))

    def test_null_as_errcode_is_no_error(self) -> None:
        question = refusal(401, {"flows": FLOWS, "errcode": None})
        assert isinstance(question, AuthRequired)
        assert question.error is None

    @pytest.mark.parametrize("error", [None, Forbidden("Wrong")])
    def test_written_question_is_read_as_it_was(self, error: MatrixError | None) -> None:
        progress = AuthProgress(flows=(Flow(("a", "b")),), params={"a": {"k": [1]}}, session="s", completed=("a",))
        question = refusal(401, encode_auth_required(AuthRequired(progress, error)))
        assert isinstance(question, AuthRequired)
        assert question.progress == progress
        assert (question.error and question.error.to_json()) == (error and error.to_json())

    @pytest.mark.parametrize("flows", [None, 3, [3], [{}]])
    def test_error_with_odd_flows_is_still_that_error(self, flows: Any) -> None:
        assert isinstance(refusal(401, {"flows": flows, "errcode": "M_UNKNOWN_TOKEN"}), UnknownToken)

    @pytest.mark.parametrize("status", [400, 403])
    def test_flows_count_on_a_401_alone(self, status: int) -> None:
        assert isinstance(refusal(status, {"flows": FLOWS, "errcode": "M_FORBIDDEN"}), Forbidden)
        assert isinstance(refusal(status, {"flows": FLOWS}), NotMatrix)


class TestNotMatrix:
    @pytest.mark.parametrize(
        "body",
        [HTML, b"", b"[]", b"{}", b"\xff", b"null", b'{"flows": 3}', b'{"flows": [{"stages": 3}]}', b"[" * 100_000,
         b'{"errcode": 3}', b'{"errcode": null}', b'{"error": "M_FORBIDDEN"}', b'{"errcode": "M_FORBIDDEN"'],
    )  # fmt: skip
    @pytest.mark.parametrize("status", [302, 401, 404, 502])
    def test_refusal_that_is_not_matrix_is_told_with_status_and_text(self, status: int, body: bytes) -> None:
        error = refusal(status, body)
        assert isinstance(error, NotMatrix)
        assert error.status == status
        assert error.text == body[:500].decode(errors="replace")
        assert f"HTTP {status}" in str(error)

    def test_text_is_cut_by_characters(self) -> None:
        assert NotMatrix(502, "ü".encode() * 5000).text == "ü" * 500


def test_null_for_what_is_not_set_does_not_lose_a_session() -> None:
    nulls = dict.fromkeys(("refresh_token", "expires_in_ms", "well_known", "home_server"))
    answer = decode_response(LOGIN, response(200, ANSWER | nulls))
    assert answer.access_token == Secret("syt_canary")
    assert answer.refresh_token is UNSET


@pytest.mark.parametrize("name", ANSWER)
def test_null_for_what_is_required_is_no_answer(name: str) -> None:
    with pytest.raises(NotMatrix):
        decode_response(LOGIN, response(200, ANSWER | {name: None}))
