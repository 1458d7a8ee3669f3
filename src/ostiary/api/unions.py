"""Families of objects told apart by their ``type``, which stay open: an unknown member is kept, not refused.

A family is a plain class deriving from :class:`OpenUnion`; its known members are structs deriving from the family with
``tag_field="type"``; everything else arrives as the family's ``unknown`` class. Must not know any family.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec


class OpenUnion:
    """Base of a family. A field is annotated with the family; its value is a member, known or not."""

    __slots__ = ()
    members: ClassVar[dict[str, type[msgspec.Struct]]] = {}
    aliases: ClassVar[dict[str, str]] = {}
    unknown: ClassVar[type["UnknownMember"]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if OpenUnion in cls.__bases__:
            cls.members, cls.aliases = {}, {}

    @classmethod
    def member(cls, kind: type[msgspec.Struct]) -> None:
        """Make a struct a known member of the family, under its tag."""
        tag = kind.__struct_config__.tag
        if not isinstance(tag, str):
            raise TypeError(f"{kind.__name__} has no tag: say tag_field='type', tag=…")
        cls.members[tag] = kind

    @classmethod
    def alias(cls, older: str, tag: str) -> None:
        """Read a member of a type that has been renamed."""
        cls.aliases[older] = tag

    @classmethod
    def modernized(cls, fields: dict[str, Any], member: type[msgspec.Struct]) -> dict[str, Any]:  # noqa: ARG003
        """A member's fields, with older spellings replaced by today's. A family that has some overrides this."""
        return fields

    @classmethod
    def type_of(cls, member: "OpenUnion") -> str | None:
        """The ``type`` of a member as it stands on the wire, None where it has none."""
        if isinstance(member, UnknownMember):
            return member.type
        tag = member.__struct_config__.tag if isinstance(member, msgspec.Struct) else None
        return tag if isinstance(tag, str) else None


class UnknownMember:
    """A member of a type that is not known here, or of none. ``fields``: the whole object, ``type`` included."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = dict(fields)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Keep an object as it came."""
        return cls(fields)

    @property
    def type(self) -> str | None:
        """The type that the object says it is of."""
        kind = self.fields.get("type")
        return kind if isinstance(kind, str) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.fields == self.fields

    def __hash__(self) -> int:
        return hash((type(self), self.type))

    def __repr__(self) -> str:
        # Only names: the values of what is not understood may be secrets.
        return f"{type(self).__name__}({self.type!r}, fields={sorted(self.fields)})"
