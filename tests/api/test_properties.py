"""What holds for every value of the contract."""

import json
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.api import errors
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import build_request, decode_request, decode_response, encode_request, encode_response
from ostiary.api.endpoint import Endpoint, Place, fields_in, response_type
from ostiary.api.errors import BY_CODE, MatrixError, NotMatrix
from ostiary.api.http import HttpResponse
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData, AuthProgress, AuthRequired, Flow, UnknownAuth
from ostiary.api.unions import OpenUnion
from ostiary.api.users import UnknownIdentifier, UserIdentifier

CANARY = "hunter2-canary"
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs"]), max_size=40)
json_values = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts, st.lists, max_leaves=4)


def values_of(annotation: Any, marks: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of a field's type, within its limits."""
    if hasattr(annotation, "__metadata__"):
        return values_of(get_args(annotation)[0], annotation.__metadata__)
    if hasattr(annotation, "__supertype__"):
        return values_of(annotation.__supertype__, marks)
    origin = get_origin(annotation)
    if origin in (tuple, list):
        return st.lists(values_of(get_args(annotation)[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(texts, values_of(get_args(annotation)[1]), max_size=3)
    if origin is not None:
        return st.one_of(*(values_of(part, marks) for part in get_args(annotation)))
    if annotation is str:
        shortest = max((mark.min_length or 0 for mark in marks if isinstance(mark, msgspec.Meta)), default=0)
        return texts.filter(lambda text: len(text) >= shortest)
    if isinstance(annotation, type) and issubclass(annotation, OpenUnion):
        return members_of(annotation)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return structs_of(annotation)
    simple = {
        Secret: texts.map(lambda text: Secret(CANARY + text)), bool: st.booleans(), int: st.integers(0, 2**53),
        msgspec.UnsetType: st.just(msgspec.UNSET), type(None): st.none(), Any: json_values, object: json_values,
    }  # fmt: skip
    return simple[annotation]


def structs_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})


def members_of(family: type[OpenUnion]) -> st.SearchStrategy[Any]:
    unknown = st.dictionaries(texts.filter(lambda key: key != "type"), json_values, max_size=2).map(family.unknown)
    return st.one_of(unknown, *(structs_of(member) for member in family.members.values()))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.__name__)
class TestEndpoints:
    @given(st.data())
    def test_request_survives_the_way_to_the_server(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        request = data.draw(structs_of(endpoint))
        message = encode_request(request)
        query = "&".join(f"{name}={json.dumps(value)}" for name, value in message.query)
        arguments = {
            name: str(getattr(request, _attribute(endpoint, name))) for name in fields_in(endpoint, Place.PATH)
        }
        body = json.loads(message.body) if message.body is not None else {}
        in_query = dict(message.query)
        again = build_request(endpoint, {**body, **in_query}, b"", arguments)
        assert again == request, query
        if message.body is not None and not arguments and not in_query:
            assert decode_request(endpoint, message.body) == request

    @given(st.data())
    def test_answer_survives_the_way_to_the_client(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        answer = data.draw(structs_of(response_type(endpoint)))
        response = HttpResponse(status=200, headers={}, body=encode_response(answer))
        assert decode_response(data.draw(structs_of(endpoint)), response) == answer

    @given(st.data())
    def test_no_repr_shows_a_secret(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        request, answer = data.draw(structs_of(endpoint)), data.draw(structs_of(response_type(endpoint)))
        for value in (request, answer, encode_request(request)):
            assert CANARY not in repr(value)
            assert CANARY not in str(value)
            assert CANARY not in f"{value}"

    @given(st.data())
    def test_no_error_repeats_a_value(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        names = sorted(fields_in(endpoint, Place.BODY))
        if not names:
            return
        wrong = st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, {"type": CANARY}, CANARY * 500, {"x": [CANARY]}])
        body = {name: data.draw(wrong) for name in names}
        try:
            decode_request(endpoint, json.dumps(body).encode(), b"", {"deviceId": "X"})
        except MatrixError as error:
            assert CANARY not in str(error)
            assert CANARY not in json.dumps(error.to_json())

    def test_unset_fields_are_not_on_the_wire(self, endpoint: type[Endpoint[Any]]) -> None:
        required = {field.name: field.type for field in msgspec.structs.fields(endpoint) if field.required}
        request = endpoint(**{name: _plain(kind) for name, kind in required.items()})
        body = encode_request(request).body
        assert body is None or json.loads(body).keys() <= required.keys()


def _attribute(endpoint: type[Endpoint[Any]], wire_name: str) -> str:
    return next(field.name for field in msgspec.structs.fields(endpoint) if field.encode_name == wire_name)


def _plain(kind: Any) -> Any:
    return Secret("s") if kind is Secret else ("X",) if "tuple" in str(kind) else "x"


@given(st.dictionaries(texts, json_values, max_size=4))
def test_unknown_members_are_kept_whole(fields: dict[str, Any]) -> None:
    assert UnknownAuth.of(fields).fields == fields
    assert UnknownIdentifier.of(fields).fields == fields
    assert AuthData.type_of(UnknownAuth.of(fields)) is None or isinstance(fields["type"], str)
    assert UserIdentifier.unknown is UnknownIdentifier


class TestErrors:
    def test_classes_stand_in_the_order_of_their_names_with_a_docstring(self) -> None:
        kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MatrixError)]
        names = [kind.__name__ for kind in kinds if kind is not MatrixError]
        assert names == sorted(names)
        assert len(names) == len(BY_CODE)
        assert all(kind.__doc__ for kind in kinds)

    @pytest.mark.parametrize("kind", list(BY_CODE.values()), ids=lambda kind: kind.errcode)
    def test_error_survives_the_way_to_the_client(self, kind: type[MatrixError]) -> None:
        error = kind("what went wrong")
        again = MatrixError.from_json(error.status, error.to_json())
        assert type(again) is kind
        assert again.to_json() == error.to_json()
        assert again.message == "what went wrong"

    def test_unknown_code_is_kept(self) -> None:
        error = MatrixError.from_json(418, {"errcode": "ORG_EXAMPLE_TEAPOT", "error": "short and stout", "spout": 1})
        assert (error.errcode, error.status, error.body["spout"]) == ("ORG_EXAMPLE_TEAPOT", 418, 1)
        assert str(error) == "ORG_EXAMPLE_TEAPOT: short and stout"

    def test_missing_or_odd_text_is_tolerated(self) -> None:
        for odd in ({}, {"error": None}, {"error": 3}):
            assert MatrixError.from_json(403, {"errcode": "M_FORBIDDEN", **odd}).message

    @pytest.mark.parametrize("delay", [None, "soon", -1, 1.5, True])
    def test_odd_delay_counts_as_none(self, delay: Any) -> None:
        error = MatrixError.from_json(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": delay})
        assert isinstance(error, errors.LimitExceeded)
        assert error.retry_after_ms in (None, 1)


class TestRefusals:
    @pytest.mark.parametrize(
        "body", [b"<html>502 Bad Gateway</html>", b"", b"[]", b"{}", b"\xff", b'{"flows": 3}', b"[" * 100_000]
    )
    @pytest.mark.parametrize("status", [401, 404, 502])
    def test_answer_that_is_not_matrix_is_told_with_status_and_text(self, status: int, body: bytes) -> None:
        request = ENDPOINTS[0]()
        with pytest.raises(NotMatrix) as caught:
            decode_response(request, HttpResponse(status=status, headers={}, body=body))
        assert caught.value.status == status
        assert len(caught.value.text) <= 500

    @pytest.mark.parametrize("params", [{}, {"params": None}, {"params": {"m.x": {"k": 1}}}])
    @pytest.mark.parametrize("more", [{}, {"errcode": "M_FORBIDDEN", "error": "Wrong"}])
    def test_question_is_read_with_and_without_an_error(self, params: dict[str, Any], more: dict[str, Any]) -> None:
        body = {"flows": [{"stages": ["m.login.dummy"]}], "session": "s", "unknown": 1, **params, **more}
        response = HttpResponse(status=401, headers={}, body=json.dumps(body).encode())
        with pytest.raises(AuthRequired) as caught:
            decode_response(ENDPOINTS[0](), response)
        told = AuthProgress(flows=(Flow(("m.login.dummy",)),), session="s", params=params.get("params") or {})
        assert caught.value.progress == told
        assert (caught.value.error is not None) == bool(more)
