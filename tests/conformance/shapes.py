"""The types of the contract as shapes, to be held against the spec's."""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from ostiary.api.codec import field_types
from ostiary.api.device_management import DeviceResponse
from ostiary.api.endpoint import Endpoint, Place, fields_in
from ostiary.api.secret import Secret
from ostiary.api.uia import AuthData
from ostiary.api.unions import OpenUnion
from ostiary.api.users import UserIdentifier
from tests.conformance.openapi import Shape

SIMPLE: Mapping[Any, str] = {str: "string", Secret: "string", bool: "boolean", int: "integer", Any: "any"}

OPEN: Mapping[type[OpenUnion], Shape] = {
    UserIdentifier: {"type": "string"},
    AuthData: {"type?": "string", "session?": "string"},
}
"""What the members of each open family have in common: what the spec says of the family."""

NULL_IS_MISSING: frozenset[type[msgspec.Struct]] = frozenset({DeviceResponse})
"""Answers that deviate: what the spec leaves out stands there as null (docs/decisions/0018)."""


def shape_of(annotation: Any) -> Shape:
    """What JSON a type of the contract is written as."""
    annotation = _bare(annotation)
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    if annotation in OPEN:
        return OPEN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return shape_of_fields(annotation)
    match get_origin(annotation), get_args(annotation):
        case built_in, (item, rest) if built_in is tuple and rest is ...:
            return [shape_of(item)]
        case built_in, (_, values) if built_in is dict:
            return {} if values is Any else {"*": shape_of(values)}
    raise AssertionError(f"the contract has a type that no schema of the spec has: {annotation}")


def shape_of_fields(struct: type[msgspec.Struct]) -> Shape:
    """The fields of an object."""
    found = {}
    for field in msgspec.structs.fields(struct):
        kinds = _alternatives(field.type) - {msgspec.UnsetType}
        if struct in NULL_IS_MISSING:
            kinds -= {type(None)}
        (kind,) = kinds
        found[field.encode_name if field.required else f"{field.encode_name}?"] = shape_of(kind)
    return found


def shape_in(endpoint: type[Endpoint[Any]], place: Place) -> Shape:
    """The fields of a request that travel in this place."""
    names, whole = fields_in(endpoint, place), shape_of_fields(endpoint)
    assert {name.removesuffix("?") for name in whole} == field_types(endpoint).keys()
    return {name: kind for name, kind in whole.items() if name.removesuffix("?") in names}


def _alternatives(annotation: Any) -> set[Any]:
    if get_origin(_bare(annotation)) in (Union, UnionType):
        return {part for one in get_args(_bare(annotation)) for part in _alternatives(one)}
    return {annotation}


def _bare(annotation: Any) -> Any:
    """A type without its marks and limits, and without its name of our own."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    return _bare(annotation.__supertype__) if hasattr(annotation, "__supertype__") else annotation
