"""JSON Schemas of the contract's types: structs, open unions, secrets, and limits as msgspec has them.

What a client may send and what a server answers differ: a field with a default may be missing from a request, and
stands in every answer unless its struct leaves defaults out. Must not know any endpoint; ``openapi`` does.
"""

import inspect
import types
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from ostiary.api.endpoint import Created, Empty, Endpoint, Object, UnsetType
from ostiary.api.secret import Secret
from ostiary.api.unions import OpenUnion

Schema = dict[str, Any]

_PLAIN: Final[dict[Any, Schema]] = {
    Any: {},
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Secret: {"type": "string", "format": "password"},
}

_LIMITS: Final = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
}  # fmt: skip
"""The limits of numbers, in the words of JSON Schema."""

_LENGTHS: Final = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems"),
                   "object": ("minProperties", "maxProperties")}  # fmt: skip


class Schemas:
    """Makes schemas, and collects those that have a name.

    ``components``: the named schemas, by name. ``answering``: whether they are of answers, or else of requests; a
    type that occurs in both has to look the same in both.
    """

    def __init__(self, components: dict[str, Schema], *, answering: bool) -> None:
        self._components = components
        self._answering = answering
        self._under_way: set[str] = set()

    def of(self, annotation: Any) -> Schema:
        """The schema of a type. Raises TypeError for one that the contract has not."""
        if hasattr(annotation, "__supertype__"):
            return self.of(annotation.__supertype__)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._limited(self.of(arguments[0]), arguments[1:])
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if origin in (tuple, list, frozenset, set):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            values = self.of(arguments[1])
            return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
        if annotation in _PLAIN:
            return dict(_PLAIN[annotation])
        return self._class(annotation)

    def struct(self, kind: type[msgspec.Struct]) -> Schema:
        """The schema of a struct, written out."""
        schema: Schema = {"type": "object", **described(kind)}
        properties = self.properties(kind)
        tag_field, tag = kind.__struct_config__.tag_field, kind.__struct_config__.tag
        required = self.required(kind)
        if tag_field is not None:
            properties = {tag_field: _tag(kind, tag), **properties}
            required = [tag_field, *required]
        if properties:
            schema["properties"] = properties
        if required:
            schema["required"] = required
        return schema

    def properties(self, kind: type[msgspec.Struct]) -> dict[str, Schema]:
        """The schemas of a struct's fields, by their names on the wire."""
        hints = get_type_hints(kind, include_extras=True)
        return {one.encode_name: self._field(one, hints[one.name]) for one in msgspec.structs.fields(kind)}

    def required(self, kind: type[msgspec.Struct]) -> list[str]:
        """The fields of a struct that have to be there, or are always."""
        always = self._answering and not kind.__struct_config__.omit_defaults
        return [
            one.encode_name
            for one in msgspec.structs.fields(kind)
            if one.required or (always and not _may_be_unset(one.type))
        ]

    def _field(self, field: msgspec.structs.FieldInfo, hint: Any) -> Schema:
        schema = self.of(hint)
        if not self._answering and isinstance(field.default, str | int):
            schema["default"] = field.default
        return schema

    def _limited(self, schema: Schema, marks: tuple[Any, ...]) -> Schema:
        for mark in marks:
            if isinstance(mark, msgspec.Meta):
                schema |= _limits(mark, schema.get("type", ""))
        return schema

    def _union(self, members: tuple[Any, ...]) -> Schema:
        schemas = [self.of(member) for member in members if member is not UnsetType]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _class(self, kind: Any) -> Schema:
        if not isinstance(kind, type):
            raise TypeError(f"the contract has no type {kind!r}")
        if issubclass(kind, Enum):
            return {"type": "string", "enum": [member.value for member in kind]}
        if issubclass(kind, OpenUnion) and not issubclass(kind, msgspec.Struct):
            return self._named(kind, lambda: self._family(kind))
        if issubclass(kind, Created | Empty) and not kind.__struct_fields__:
            return {"type": "object"}
        if issubclass(kind, Object):
            return self._named(kind, lambda: {"type": "object", **described(kind)})
        if issubclass(kind, msgspec.Struct) and not issubclass(kind, Endpoint):
            return self._named(kind, lambda: self.struct(kind))
        raise TypeError(f"the contract has no type {kind.__name__}")

    def _named(self, kind: type, make: Callable[[], Schema]) -> Schema:
        name = kind.__name__
        if name not in self._under_way:  # else the type holds itself
            self._under_way.add(name)
            schema = make()
            self._under_way.remove(name)
            if (known := self._components.setdefault(name, schema)) != schema:
                raise TypeError(f"two schemas would be named {name}: {known} and {schema}")
        return {"$ref": f"#/components/schemas/{name}"}

    def _family(self, family: type[OpenUnion]) -> Schema:
        """The known members of a family, and objects of any other type."""
        members = [self._class(member) for _, member in sorted(family.members.items())]
        others = {
            "type": "object",
            "description": "Any other, which is kept as it is.",
            "properties": {"type": {"not": {"enum": sorted([*family.members, *family.aliases])}}},
        }
        return {**described(family), "oneOf": [*members, others]}


def described(kind: type) -> Schema:
    """The description of a class: its own docstring, as Markdown."""
    text = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    return {"description": text} if text else {}


def _tag(kind: type[msgspec.Struct], tag: Any) -> Schema:
    older = [name for name, now in kind.aliases.items() if now == tag] if issubclass(kind, OpenUnion) else []
    return {"enum": [tag, *sorted(older)]} if older else {"const": tag}


def _may_be_unset(annotation: Any) -> bool:
    return UnsetType in get_args(annotation)


def _limits(mark: msgspec.Meta, kind: str) -> Schema:
    limits = {name: getattr(mark, ours) for ours, name in _LIMITS.items() if getattr(mark, ours) is not None}
    if kind in _LENGTHS:
        shortest, longest = _LENGTHS[kind]
        limits |= {shortest: mark.min_length} if mark.min_length is not None else {}
        limits |= {longest: mark.max_length} if mark.max_length is not None else {}
    if mark.pattern is not None:
        limits["pattern"] = _ecma(mark.pattern)
    return limits


def _ecma(pattern: str) -> str:
    """A pattern in the words of ECMA 262, which JSON Schema has: it writes beginning and end of a text otherwise."""
    return pattern.replace(r"\A", "^").replace(r"\Z", "$")
