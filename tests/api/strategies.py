"""Hypothesis strategies for every value of the contract, drawn from its types and within each field's limits."""

from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from ostiary.api.endpoint import Endpoint, response_type
from ostiary.api.secret import Secret
from ostiary.api.unions import OpenUnion

CANARY = "hunter2-canary"
"""With what every secret begins, so that tests can look for it where no secret may be."""

CHARACTERS = st.characters(codec="utf-8")
texts = st.text(CHARACTERS, max_size=30)
secrets = texts.map(lambda text: Secret(CANARY + text))
plain_json = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    plain_json | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)

_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    Secret: secrets,
    bool: st.booleans(),
    int: st.integers(0, 2**53),
    msgspec.UnsetType: st.just(msgspec.UNSET),
    type(None): st.none(),
    Any: json_values,
}


@cache
def structs_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Values of a struct: a request, an answer, or a part of one."""
    return st.builds(kind, **{field.name: _values_of(field.type) for field in msgspec.structs.fields(kind)})


def answers_to(endpoint: type[Endpoint[Any]]) -> st.SearchStrategy[Any]:
    """Values of what answers an endpoint."""
    kind: type[msgspec.Struct] = response_type(endpoint)
    return structs_of(kind)


@cache
def members_of(family: type[OpenUnion]) -> st.SearchStrategy[Any]:
    """Members of an open family: the known ones, and objects of other types or of none."""
    kinds = (texts.filter(lambda tag: tag not in family.members and tag not in family.aliases)) | plain_json
    unknown = st.dictionaries(texts, json_values, max_size=2) | st.fixed_dictionaries({"type": kinds, "x": json_values})
    return st.one_of(
        unknown.filter(lambda fields: fields.get("type") not in [*family.members, *family.aliases]).map(family.unknown),
        *(structs_of(member) for member in family.members.values()),
    )


def _values_of(annotation: Any) -> st.SearchStrategy[Any]:
    if hasattr(annotation, "__supertype__"):
        return _values_of(annotation.__supertype__)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        limits = [mark for mark in arguments[1:] if isinstance(mark, msgspec.Meta)]
        if limits and arguments[0] is int:
            return st.integers(_whole(limits[0].ge), _whole(limits[0].le))
        return _strings_within(limits[0]) if limits and arguments[0] is str else _values_of(arguments[0])
    if origin is tuple:
        return st.lists(_values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(texts, _values_of(arguments[1]), max_size=3)
    if origin is not None:
        return st.one_of(*map(_values_of, arguments))
    if annotation is str:
        return texts
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    return members_of(annotation) if issubclass(annotation, OpenUnion) else structs_of(annotation)


def _strings_within(limits: msgspec.Meta) -> st.SearchStrategy[str]:
    shortest, longest = limits.min_length or 0, limits.max_length or 100
    strings = texts if limits.pattern is None else st.from_regex(limits.pattern, alphabet=CHARACTERS)
    return strings.filter(lambda text: shortest <= len(text) <= longest)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
