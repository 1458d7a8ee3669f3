"""Which paths the contract knows, with which methods: what a server's table must come to, worked out another way."""

from collections.abc import Iterable
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import unquote_to_bytes

from ostiary.api.endpoint import Endpoint

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "PROPFIND", "get", "Post", "X")


class Paths:
    """The paths of some endpoints."""

    def __init__(self, endpoints: Iterable[type[Endpoint[Any]]]) -> None:
        self._methods: dict[tuple[str, ...], set[str]] = {}
        for endpoint in endpoints:
            for path in endpoint.meta.history:
                self._methods.setdefault(tuple(path.split("/")), set()).add(endpoint.meta.method)
        self._by_length: dict[int, list[tuple[str, ...]]] = {}
        for template in self._methods:
            self._by_length.setdefault(len(template), []).append(template)

    def methods_of(self, raw_path: str) -> set[str]:
        """The methods that a path has, by any template that it fits; none where it is not known."""
        segments = [_decoded(segment) for segment in raw_path.split("/")]
        fitting = (one for one in self._by_length.get(len(segments), ()) if _fits(one, segments))
        return set().union(*(self._methods[template] for template in fitting))

    def wrong_method(self, raw_path: str, random: Random) -> str:
        """A method that the path has not."""
        known = self.methods_of(raw_path)
        return random.choice([method for method in METHODS if method not in known])

    def unknown_near(self, raw_path: str, random: Random) -> str:
        """A path that is not known, but much like one that is."""
        for _ in range(5):
            near = _bent(raw_path, random)
            if not self.methods_of(near):
                return near
        return f"{raw_path}/nowhere/at/all"


def _bent(path: str, random: Random) -> str:
    segments = path.split("/")
    place = random.randrange(1, len(segments))
    match random.randrange(8):
        case 0:
            return f"{path}/"
        case 1:
            return "/".join([*segments[:place], "", *segments[place:]])
        case 2:
            return "/".join([*segments[:place], random.choice(("..", ".", "%2e%2e", "x")), *segments[place:]])
        case 3:
            return "/".join([*segments[:place], *segments[place + 1 :]])
        case 4:
            return "/".join([*segments[:place], segments[place].upper(), *segments[place + 1 :]])
        case 5:
            return "/".join([*segments[:place], segments[place] + random.choice(("%00", "%20", "%ff", "x", ";")),
                             *segments[place + 1 :]])  # fmt: skip
        case 6:
            return random.choice(("/", "*", "", "//", "/_matrix", "/_matrix/client", "/%", "/" + "a/" * 2000))
        case _:
            return path.replace("/v3/", random.choice(("/v4/", "/v0/", "/V3/", "/v3%2F", "/unstable/")))


def _fits(template: tuple[str, ...], segments: list[str]) -> bool:
    pairs = zip(template, segments, strict=True)
    return all(wanted.startswith("{") or wanted == found for wanted, found in pairs)


@lru_cache(maxsize=4096)
def _decoded(segment: str) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "surrogateescape")
