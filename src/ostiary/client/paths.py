"""Which of a call's paths a server is likely to know, by the versions that it speaks. Pure; must not know any call."""

import re
from collections.abc import Sequence
from typing import Any, Final

from ostiary.api.endpoint import Endpoint

_VERSION: Final = re.compile(r"/_matrix/[a-z]+/(api/v1|v2_alpha|unstable|r0|v[0-9]+)/")

FIRST_VERSIONS: Final = ("r0", "v2_alpha", "api/v1")
"""The parts of paths that servers know which speak no version 1."""


def newest_first(request: Endpoint[Any], versions: Sequence[str] | None, known: str | None) -> tuple[str, ...]:
    """A call's paths in the order to try them in.

    ``known``: the one that worked before, which is first. ``versions``: as the server told them; None where it was not
    asked. One that speaks nothing after r0 is tried at paths of r0 first; the others stay, in case it says too little.
    """
    paths = tuple(reversed(request.meta.history))
    if versions is not None and not any(version.startswith("v") for version in versions):
        paths = tuple(sorted(paths, key=lambda path: not _is_of_the_first(path)))
    return paths if known is None else (known, *(path for path in paths if path != known))


def _is_of_the_first(path: str) -> bool:
    found = _VERSION.match(path)
    return found is None or found[1] in FIRST_VERSIONS
