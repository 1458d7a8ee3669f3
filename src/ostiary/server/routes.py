"""From a method and a path to the endpoint and its handler: one look-up, in tables built from the contract.

Every path that an endpoint ever had leads to it. Building the tables fails where an endpoint has no handler or two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from ostiary.api.endpoint import Endpoint
from ostiary.api.errors import InvalidParam, Unrecognized
from ostiary.server.handling import Handler, endpoint_of

_NO_ARGUMENTS: Final[Mapping[str, str]] = {}


class WrongMethod(Unrecognized):
    """The path is known, but not with this method. ``allowed``: the methods that it has."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__(f"The method is not one of this path: {', '.join(self.allowed)}", status=405)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """An endpoint and what serves it. ``names``: the fields that the segments of its path give, in their order.

    ``path``: the one of its paths that leads here, with ``{field}`` for a field.
    """

    endpoint: type[Endpoint[Any]]
    handler: Handler[Any]
    names: tuple[str, ...]
    path: str


class Routes:
    """The tables: whole paths by their bytes; paths with fields by their fixed segments."""

    def __init__(self, endpoints: Iterable[type[Endpoint[Any]]], handlers: Iterable[ModuleType]) -> None:
        by_endpoint = _collect(handlers)
        self._whole: dict[bytes, dict[str, Route]] = {}
        self._shaped: dict[tuple[str | None, ...], dict[str, Route]] = {}
        for endpoint in endpoints:
            handler = by_endpoint.pop(endpoint, None)
            if handler is None:
                raise LookupError(f"no handler serves {endpoint.__name__}")
            for path in endpoint.meta.history:
                self._add(path, endpoint, handler)
        if by_endpoint:
            raise LookupError(f"not in the contract's catalog: {', '.join(kind.__name__ for kind in by_endpoint)}")
        self._holes = _holes_by_length(self._shaped)

    def find(self, method: str, raw_path: bytes) -> tuple[Route, Mapping[str, str]]:
        """The route, and what the path's segments say, decoded. Raises Unrecognized, WrongMethod, InvalidParam."""
        by_method = self._whole.get(raw_path)
        if by_method is not None and (route := by_method.get(method)) is not None:
            return route, _NO_ARGUMENTS
        return self._find_shaped(method, raw_path)

    def _find_shaped(self, method: str, raw_path: bytes) -> tuple[Route, Mapping[str, str]]:
        segments = raw_path.split(b"/")
        decoded = [_decode(segment) for segment in segments]
        for holes in self._holes.get(len(segments), ()):
            shape = tuple(None if place in holes else segment for place, segment in enumerate(decoded))
            by_method = self._shaped.get(shape)
            if by_method is None:
                continue
            route = by_method.get(method)
            if route is None:
                raise WrongMethod(by_method)
            return route, _arguments(route, [decoded[place] for place in holes])
        raise Unrecognized("There is no such path")

    def _add(self, path: str, endpoint: type[Endpoint[Any]], handler: Handler[Any]) -> None:
        segments = path.split("/")
        shape = tuple(None if segment.startswith("{") else segment for segment in segments)
        names = tuple(segment[1:-1] for segment in segments if segment.startswith("{"))
        by_method = self._shaped.setdefault(shape, {})
        if endpoint.meta.method in by_method:
            raise LookupError(f"{path} leads to {endpoint.__name__} and to another endpoint")
        by_method[endpoint.meta.method] = Route(endpoint, handler, names, path)
        if not names:
            self._whole[path.encode()] = by_method


def _collect(modules: Iterable[ModuleType]) -> dict[type[Endpoint[Any]], Handler[Any]]:
    found: dict[type[Endpoint[Any]], Handler[Any]] = {}
    for module in modules:
        for value in vars(module).values():
            endpoint = endpoint_of(value)
            if endpoint is None or value.__module__ != module.__name__:
                continue
            if endpoint in found:
                raise LookupError(f"two handlers serve {endpoint.__name__}")
            found[endpoint] = value
    return found


def _holes_by_length(shapes: Iterable[tuple[str | None, ...]]) -> dict[int, list[tuple[int, ...]]]:
    """For each number of segments, where fields can stand; fixed segments are tried first."""
    holes: dict[int, set[tuple[int, ...]]] = {}
    for shape in shapes:
        where = tuple(place for place, segment in enumerate(shape) if segment is None)
        holes.setdefault(len(shape), set()).add(where)
    return {length: sorted(places, key=lambda where: (len(where), where)) for length, places in holes.items()}


def _decode(segment: bytes) -> str:
    """A segment as text. What is not UTF-8 becomes lone surrogates, which no fixed segment has."""
    return unquote_to_bytes(segment).decode("utf-8", "surrogateescape")


def _arguments(route: Route, segments: Iterable[str]) -> Mapping[str, str]:
    arguments: dict[str, str] = {}
    for name, segment in zip(route.names, segments, strict=True):
        if "\0" in segment or any("\ud800" <= character <= "\udfff" for character in segment):
            raise InvalidParam(f"'{name}' is not UTF-8 text", field=name)
        arguments[name] = segment
    return arguments
