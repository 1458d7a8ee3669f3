"""How keys and tables of the configuration are declared: as fields of frozen classes."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from ostiary.config.kinds import Kind


def key(default: Any, kind: Kind, meaning: str) -> Any:
    """A key of the configuration."""
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


def section(make: Callable[[], Any], meaning: str) -> Any:
    """A table of keys."""
    return field(default_factory=make, metadata={"meaning": meaning})
