"""A type checker knows from each request what answers it, and it is what the contract says when it runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import response_type

ROOT = Path(__file__).parent.parent.parent
SENDING = Path(__file__).parent / "sending.py"

pytestmark = pytest.mark.types


def program() -> str:
    """Reveals, for each endpoint of the catalog, what answers it."""
    lines = ["from ostiary.api.endpoint import response_type", "from tests.typing.sending import send"]
    lines += sorted({f"import {endpoint.__module__}" for endpoint in ENDPOINTS})
    for number, endpoint in enumerate(ENDPOINTS):
        lines += [
            f"def call_{number}(call: {_name(endpoint)}) -> None:",
            "    reveal_type(send(call))",
            "    reveal_type(response_type(type(call)))",
        ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of ``sending`` and of that program."""
    folder = tmp_path_factory.mktemp("types")
    revealing = folder / "revealing.py"
    revealing.write_text(program(), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--cache-dir", str(folder / "cache")]
    command += [str(SENDING), str(revealing)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_every_claim_holds_and_every_mistake_is_found(told: str) -> None:
    assert [line for line in told.splitlines() if " error: " in line] == []
    assert "Success" in told


def test_answer_to_each_endpoint_is_inferred_as_it_is_when_it_runs(told: str) -> None:
    answers = [_name(response_type(endpoint)) for endpoint in ENDPOINTS]
    expected = [text for answer in answers for text in (answer, f"type[{answer}]")]
    assert re.findall(r'Revealed type is "(.+)"', told) == expected


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
