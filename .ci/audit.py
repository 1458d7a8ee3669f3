"""Holds the versions that are locked for users against the vulnerabilities that PyPI knows of: ``make audit``.

Exits with 1 where one of them is vulnerable and no reason stands in ``ACCEPTED``. Where PyPI cannot be asked, or is a
mirror that knows nothing of versions, it says so and exits with 0: that is no reason not to take a change. An argument
is a file of requirements to look at instead of what is locked.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ACCEPTED: Final[dict[str, str]] = {}
"""By the vulnerability's ID (or one of its aliases): why it does not matter here, and until when that was found."""

BIN: Final = Path(sys.executable).parent
EXPORT: Final = (
    "export", "--quiet", "--frozen", "--no-emit-project", "--all-extras", "--no-dev", "--no-hashes", "--no-annotate",
    "--no-header",
)  # fmt: skip
AUDIT: Final = (
    "--no-deps", "--disable-pip", "--vulnerability-service", "pypi", "--format", "json", "--progress-spinner", "off",
    "--timeout", "15",
)  # fmt: skip
PATIENCE_S: Final = 300


def locked(folder: Path) -> Path:
    """What is installed with any of the extras, as a file of requirements."""
    file = folder / "requirements.txt"
    subprocess.run([BIN / "uv", *EXPORT, "--output-file", file], check=True, stdout=subprocess.DEVNULL)
    return file


def ask(requirements: Path) -> list[dict[str, Any]] | str:
    """What is known of each, or why nothing is known."""
    with tempfile.TemporaryDirectory() as cache:
        command = [BIN / "pip-audit", "--requirement", requirements, "--cache-dir", cache, *AUDIT]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            return f"there was no answer in {PATIENCE_S} seconds"
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return (
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"pip-audit ended with {done.returncode}"
        )
    found: list[dict[str, Any]] = answer["dependencies"]
    return found


def vulnerable(found: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each vulnerability that is not accepted."""
    for one in found:
        for known in one.get("vulns", ()):
            names = [known["id"], *known.get("aliases", ())]
            if not ACCEPTED.keys() & set(names):
                mended = ", ".join(known.get("fix_versions", ())) or "no version yet"
                yield f"{one['name']} {one['version']}: {', '.join(names)}; mended in {mended}"


def main() -> int:
    """Look, and say what was found."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(sys.argv[1]) if len(sys.argv) > 1 else locked(Path(folder))
        found = ask(requirements)
    if isinstance(found, str):
        print(f"audit: NOT DONE, since PyPI could not be asked: {found}", file=sys.stderr)
        return 0
    skipped = [one["name"] for one in found if "skip_reason" in one]
    lines = list(vulnerable(found))
    for line in lines:
        print(f"audit: {line}", file=sys.stderr)
    if skipped:
        print(f"audit: NOT DONE for {len(skipped)} packages, of which PyPI knew nothing: {', '.join(skipped)}",
              file=sys.stderr)  # fmt: skip
    print(f"audit: {len(found) - len(skipped)} packages looked at, {len(lines)} vulnerabilities")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
