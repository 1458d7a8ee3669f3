"""The files that pages are shown with: a style sheet and a few lines of script. Each under a name with its hash.

A file of such a name never changes, so that browsers keep it. Read once; must not know which page uses what.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from ostiary.server.links import OWN

ASSETS: Final = f"{OWN}/assets"

_TYPES: Final = {"css": b"text/css; charset=utf-8", "js": b"text/javascript; charset=utf-8"}
_HASH_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. ``path``: where it is found on the server."""

    path: str
    content_type: bytes
    body: bytes


def _read() -> dict[str, Asset]:
    found = {}
    for file in files("ostiary.server.web").joinpath("static").iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending in _TYPES:
            body = file.read_bytes()
            name = f"{stem}.{hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]}.{ending}"
            found[file.name] = Asset(f"{ASSETS}/{name}", _TYPES[ending], body)
    return found


_ASSETS: Final = _read()
_BY_PATH: Final = {asset.path: asset for asset in _ASSETS.values()}


def asset_path(name: str) -> str:
    """Where the file of this name is found on the server."""
    return _ASSETS[name].path


def find_asset(path: str) -> Asset | None:
    """The file at this path."""
    return _BY_PATH.get(path)
