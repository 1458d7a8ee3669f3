"""Files that hold what is about a person: readable by nobody else."""

import json
import os
from pathlib import Path
from typing import Any

from ostiary.cli.output import fail


def write_private(path: Path, value: Any) -> None:
    """Write JSON to a new file that only its owner can read. One that is there already is not touched."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")
