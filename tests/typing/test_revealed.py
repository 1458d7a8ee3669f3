"""Both type checkers reveal each method of the client's faces with every argument that it has, and with its answer."""

import inspect
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ostiary.client import (
    AppserviceClient,
    AppserviceUser,
    AsyncAppserviceClient,
    AsyncAppserviceUser,
    AsyncClient,
    AsyncSession,
    Client,
    Session,
)

ROOT = Path(__file__).parent.parent.parent
FACES: list[type] = [
    Client, Session, AppserviceClient, AppserviceUser,
    AsyncClient, AsyncSession, AsyncAppserviceClient, AsyncAppserviceUser,
]  # fmt: skip
METHODS = [
    (face, name)
    for face in FACES
    for name in dir(face)
    if not name.startswith("_") and isinstance(inspect.getattr_static(face, name), (types.FunctionType, classmethod))
]
OF_ANYTHING = {"login_by", "profile_field", "set_profile_field"}
"""The methods that take or give JSON of any form, whose types say so."""

pytestmark = pytest.mark.types


def program() -> str:
    names = ", ".join(face.__name__ for face in FACES)
    lines = [f"from ostiary.client import {names}"]
    for number, (face, name) in enumerate(METHODS):
        lines += [f"def reveal_{number}(face: {face.__name__}) -> None:", f"    reveal_type(face.{name})"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("revealed")
    (folder / "revealing.py").write_text(program(), encoding="utf-8")
    return folder


def by_mypy(folder: Path) -> list[str]:
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--cache-dir", str(folder / "cache")]
    done = subprocess.run(
        [*command, str(folder / "revealing.py")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return re.findall(r'Revealed type is "(.+)"', done.stdout)


def by_pyright(folder: Path) -> list[str]:
    settings = {"include": ["revealing.py"], "extraPaths": [str(ROOT / "src")], "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)["generalDiagnostics"]
    return [re.sub(r'^Type of "[^"]+" is "(.+)"$', r"\1", one["message"], flags=re.DOTALL) for one in told]


@pytest.mark.parametrize("reveal", [by_mypy, by_pyright])
def test_every_argument_and_answer_is_known(folder: Path, reveal: object) -> None:
    assert callable(reveal)
    revealed = reveal(folder)
    assert len(revealed) == len(METHODS) > 200
    assert {(Client, "discover"), (AsyncClient, "discover")} <= set(METHODS)
    for (face, name), text in zip(METHODS, revealed, strict=True):
        signature = inspect.signature(getattr(face, name))
        is_bound = inspect.ismethod(getattr(face, name))  # to the class, as what discovers a server is
        for argument in list(signature.parameters)[0 if is_bound else 1 :]:
            assert f"{argument}: " in text, f"{face.__name__}.{name}: {text}"
        answer = re.split(r" -> ", text)[-1]
        is_later = inspect.iscoroutinefunction(getattr(face, name))
        assert ("Coroutine" in answer) == is_later, f"{face.__name__}.{name}: {text}"
        told = re.sub(r"(typing\.|types\.)?(Coroutine|CoroutineType)\[Any, Any, ", "", text)
        is_of_anything = name in OF_ANYTHING
        assert is_of_anything or not re.search(r"\b(Any|Unknown)\b", told), f"{face.__name__}.{name}: {text}"
