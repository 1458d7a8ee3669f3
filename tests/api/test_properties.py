"""What holds for every request and every answer of the contract."""

import json
import re
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.codec import decode_request, decode_response, encode_request, encode_response
from ostiary.api.endpoint import Endpoint, Object, Place, fields_in
from ostiary.api.errors import MatrixError
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.uia import AuthData, UnknownAuth
from ostiary.api.unions import UnknownMember
from ostiary.api.users import UnknownIdentifier
from tests.api.strategies import CANARY, answers_to, json_values, structs_of, texts

some = settings(max_examples=20)
"""For each of the endpoints, of which there are many, made of the same types."""

every_endpoint = pytest.mark.parametrize(
    "endpoint", [*ENDPOINTS, *ADMIN_ENDPOINTS], ids=lambda endpoint: endpoint.__name__
)


def received(endpoint: type[Endpoint[Any]], message: HttpRequest) -> Endpoint[Any]:
    """A request as a server reads it from what a client has sent."""
    return decode_request(
        endpoint, message.content, urlencode(message.query).encode(), arguments_of(endpoint, message.path)
    )


def arguments_of(endpoint: type[Endpoint[Any]], path: str) -> dict[str, str]:
    shape = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]*)", re.escape(endpoint.meta.path))
    match = re.fullmatch(shape, path)
    assert match is not None, f"{path} is not of the shape {endpoint.meta.path}"
    return {name: unquote(segment, errors="strict") for name, segment in match.groupdict().items()}


@every_endpoint
class TestEveryEndpoint:
    @some
    @given(st.data())
    def test_request_survives_the_way_to_the_server(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        request = data.draw(structs_of(endpoint))
        assert received(endpoint, encode_request(request)) == request

    @some
    @given(st.data())
    def test_answer_survives_the_way_to_the_client(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        answer = data.draw(answers_to(endpoint))
        response = HttpResponse(status=200, headers={}, body=encode_response(answer))
        assert decode_response(data.draw(structs_of(endpoint)), response) == answer

    @some
    @given(st.data())
    def test_what_is_unset_is_not_on_the_wire(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        request, answer = data.draw(structs_of(endpoint)), data.draw(answers_to(endpoint))
        message = encode_request(request)
        path = arguments_of(endpoint, message.path)
        body = json.loads(message.content or b"{}")
        whole = dict.fromkeys(fields_in(endpoint, Place.WHOLE), body)
        assert_only_set(request, {**path, **dict(message.query), **(whole or body)})
        if not isinstance(answer, Object):
            assert_only_set(answer, json.loads(encode_response(answer)))

    @some
    @given(st.data())
    def test_nothing_that_is_printed_shows_a_secret(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        request, answer = data.draw(structs_of(endpoint)), data.draw(answers_to(endpoint))
        message = encode_request(request)
        response = HttpResponse(status=200, headers={"x-token": CANARY}, body=encode_response(answer))
        for value in (request, answer, message, response):
            for shown in (repr(value), str(value), f"{value}", repr([value])):
                assert CANARY not in shown

    @some
    @given(st.data())
    def test_no_error_repeats_a_value(self, endpoint: type[Endpoint[Any]], data: st.DataObject) -> None:
        message = encode_request(data.draw(structs_of(endpoint)))
        body: dict[str, Any] = json.loads(message.content or b"{}")
        query, arguments = dict(message.query), arguments_of(endpoint, message.path)
        for name in data.draw(st.lists(st.sampled_from(names_of(endpoint)), max_size=2)) if names_of(endpoint) else ():
            body |= {name: data.draw(spoiled(body.get(name)))}
            query.pop(name, None)
        raw = data.draw(broken(json.dumps(body).encode()))
        try:
            decode_request(endpoint, raw, urlencode(query).encode(), arguments)
        except MatrixError as error:
            assert CANARY not in f"{error}{error!r}{error.field}{json.dumps(error.to_json())}"
            assert CANARY not in "".join(traceback.format_exception(error))


def names_of(endpoint: type[Endpoint[Any]]) -> list[str]:
    return sorted(fields_in(endpoint, Place.BODY) | fields_in(endpoint, Place.QUERY))


def spoiled(value: Any) -> st.SearchStrategy[Any]:
    """A secret where it may not stand: of the wrong type, too long, with odd characters, deep inside, as a key."""
    secret = texts.map(lambda text: CANARY + text)
    inner = value if isinstance(value, dict) else {}
    members = st.sampled_from(
        ["m.login.password", "m.id.user", "m.id.phone", "m.id.thirdparty", "m.login.dummy", CANARY]
    )
    wrong = st.one_of(
        secret.map(lambda text: [text]),
        secret.map(lambda text: [1, text]),
        secret.map(lambda text: text * 500),
        secret.map(lambda text: text + "\0"),
        secret.map(lambda text: {text: text}),
        secret.map(lambda text: {"type": text}),
        st.just(None),
        st.integers(),
    )
    names = st.sampled_from(["password", "session", "identifier", "user", "medium", "address", "country"])
    return wrong | st.builds(lambda tag, name, bad: {**inner, "type": tag, name: bad}, members, names, wrong)


def broken(body: bytes) -> st.SearchStrategy[bytes]:
    """A body as it is, or cut off, or with something behind it, or with a byte in it that is not UTF-8."""
    return st.sampled_from([body, body, body, body[:-1], body + CANARY.encode(), body.replace(b"hunter2", b"\xff", 1)])


def assert_only_set(value: msgspec.Struct, wire: Mapping[str, Any]) -> None:
    """On the wire is what is set, and nothing else; what equals a default may be left out, as UNSET is."""
    for field in msgspec.structs.fields(value):
        given = getattr(value, field.name)
        if given is msgspec.UNSET:
            assert field.encode_name not in wire
        elif given != field.default:
            assert field.encode_name in wire
    assert wire.keys() <= set(value.__struct_encode_fields__)


@given(st.dictionaries(texts, json_values, max_size=4))
def test_unknown_members_are_kept_whole_and_shown_by_their_names_alone(fields: dict[str, Any]) -> None:
    for family in (UnknownAuth, UnknownIdentifier):
        member: UnknownMember = family.of({**fields, "password": CANARY})
        assert member.fields == {**fields, "password": CANARY}
        assert member == family(member.fields)
        assert hash(member) == hash(family(member.fields))
        assert CANARY not in repr(member)


@pytest.mark.parametrize(
    ("fields", "kind", "session"),
    [
        ({}, None, msgspec.UNSET),
        ({"type": 3, "session": 3}, None, msgspec.UNSET),
        ({"type": "x", "session": "s"}, "x", "s"),
    ],
)
def test_unknown_attempt_tells_its_type_and_session(fields: dict[str, Any], kind: str | None, session: Any) -> None:
    attempt = UnknownAuth(fields)
    assert (AuthData.type_of(attempt), attempt.session) == (kind, session)
