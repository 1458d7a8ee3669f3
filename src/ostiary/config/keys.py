"""The keys as a flat list, drawn from ``model``: what reading, showing and documenting all walk over."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, cast

from ostiary.config.kinds import Kind
from ostiary.config.model import Config

PREFIX = "OSTIARY_"


@dataclass(frozen=True, slots=True)
class Key:
    """A key. ``path``: the fields that lead to its value; ``name``: how it is written, ``sessions.replay_grace``."""

    path: tuple[str, ...]
    kind: Kind
    meaning: str
    default: Any

    @property
    def name(self) -> str:
        """The key as the file has it, its tables before it."""
        return ".".join(part.removesuffix("_ms") for part in self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + "__".join(part.removesuffix("_ms") for part in self.path).upper()


def all_keys() -> dict[str, Key]:
    """Every key by its name, in the order of their declaration."""
    return {key.name: key for key in _walk(Config(), ())}


def value_of(config: Config, key: Key) -> Any:
    """A key's value."""
    value: Any = config
    for part in key.path:
        value = getattr(value, part)
    return value


def with_value(config: Config, key: Key, value: Any) -> Config:
    """The configuration with another value for a key."""
    return cast("Config", _replaced(config, key.path, value))


def _replaced(table: Any, path: tuple[str, ...], value: Any) -> Any:
    head, *rest = path
    return replace(table, **{head: _replaced(getattr(table, head), tuple(rest), value) if rest else value})


def _walk(table: Any, path: tuple[str, ...]) -> Iterator[Key]:
    for field in fields(table):
        value = getattr(table, field.name)
        if is_dataclass(value):
            yield from _walk(value, (*path, field.name))
        else:
            yield Key((*path, field.name), field.metadata["kind"], field.metadata["meaning"], value)
