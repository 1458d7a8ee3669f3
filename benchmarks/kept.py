"""Figures that are kept as JSON, and where they were taken."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

VERSIONS = ("ostiary", "uvicorn", "uvloop", "httptools", "msgspec", "argon2-cffi", "asyncpg")
"""Of what is told with the figures."""


def keep(file: Path | None, figures: Any) -> None:
    """Write figures to a file, if one is named."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """On what the figures are taken."""
    return {"cores": os.cpu_count(), "processor": _processor(), "python": platform.python_version()}


def surroundings() -> dict[str, Any]:
    """The same, with the system and the versions of what runs on it."""
    return {**machine(), "system": platform.platform(), "versions": {name: version(name) for name in VERSIONS}}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
