"""The pages for those who come from other libraries: what they name is there, on both sides; what they show runs."""

import ast
import asyncio
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import ostiary.api.administrative_contact
import ostiary.api.codec
import ostiary.api.endpoint
import ostiary.api.errors
import ostiary.api.login
import ostiary.api.registration
import ostiary.api.secret
import ostiary.api.uia
import ostiary.client
from ostiary.api.catalog import ENDPOINTS
from ostiary.client import (
    AppserviceClient,
    AppserviceUser,
    AsyncAppserviceClient,
    AsyncAppserviceUser,
    AsyncClient,
    AsyncSession,
    Client,
    RequestQueue,
    Session,
)
from tests.docs.reading import ROOT, Block, blocks
from tests.process import serving
from tests.world import PASSWORD

FOLDER: Final = "docs/client/coming-from"
PAGES: Final = sorted((ROOT / FOLDER).glob("*.md"))

FACES: Final[dict[str, tuple[type, ...]]] = {
    "client": (Client, AsyncClient),
    "session": (Session, AsyncSession),
    "appservice": (AppserviceClient, AsyncAppserviceClient),
    "user": (AppserviceUser, AsyncAppserviceUser),
    "queue": (RequestQueue,),
    "Client": (Client,),
    "AsyncClient": (AsyncClient,),
}
"""What the pages call by these names, on either face."""

MODULES: Final = (
    ostiary.client, ostiary.api.errors, ostiary.api.endpoint, ostiary.api.codec, ostiary.api.login, ostiary.api.uia,
    ostiary.api.registration, ostiary.api.administrative_contact, ostiary.api.secret,
)  # fmt: skip

THEIRS: Final = {
    "matrix-nio": (("client", "nio", "AsyncClient"),),
    "mautrix": (
        ("client", "mautrix.client", "ClientAPI"),
        ("appservice", "mautrix.appservice", "AppServiceAPI"),
        ("intent", "mautrix.appservice", "IntentAPI"),
        ("ClientAPI", "mautrix.client", "ClientAPI"),
    ),
}
"""Of the libraries that are installed for tests: what the pages call by which name."""

_CODE: Final = re.compile(r"`([^`\n]+)`")
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_.]+(\(.*\))?")


def _rows(page: Path) -> Iterator[list[str]]:
    """The rows of a page's tables, without their heads."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| chatrix |", "| ruma |", "| libkazv |", "| `ruma::api")):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _ours(page: Path) -> list[str]:
    """Every piece of code in our columns, and in running text what is called on a face."""
    prose = "\n".join(
        line for line in re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL).splitlines()
        if not line.startswith("|")
    )  # fmt: skip
    told = [code for code in _CODE.findall(prose) if code.startswith(("client.", "session.", "appservice.", "user."))]
    columns = [
        cell for _, *cells in _rows(page) for cell in (cells if "The request" in page.read_text() else cells[:1])
    ]
    shown = [code for cell in columns for code in _CODE.findall(cell)]
    return [code for code in (*told, *shown) if code != "client.api.token"]


def _check(node: ast.AST, faces: dict[str, tuple[type, ...]]) -> None:
    """Every call and attribute of a known name exists, and takes the arguments that it is given."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            for face in faces.get(one.value.id, ()):
                assert hasattr(face, one.attr), f"{face.__name__} has no {one.attr}"
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            for function, bound in _called(one.func, faces):
                keywords = {str(word.arg): None for word in one.keywords}
                inspect.signature(function).bind(*[None] * (len(one.args) + bound), **keywords)


def _called(function: ast.expr, faces: dict[str, tuple[type, ...]]) -> Iterator[tuple[Any, int]]:
    if isinstance(function, ast.Name):
        yield from ((face, 0) for face in faces.get(function.id, ()))
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        for face in faces.get(function.value.id, ()):
            found = getattr(face, function.attr)
            yield found, int(not inspect.ismethod(found))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_of_ours_are_there(page: Path) -> None:
    codes = _ours(page)
    assert len(codes) > 20
    for code in codes:
        assert _ATTRIBUTE.fullmatch(code) or "=" in code or code.startswith("m.login."), code
        tree = ast.parse(code.replace("…", "..."), mode="eval")
        _check(tree, FACES)
        for one in ast.walk(tree):
            if isinstance(one, ast.Name) and one.id[:1].isupper():
                assert _is_ours(one.id), f"there is no {one.id}"


def _is_ours(name: str) -> bool:
    return any(hasattr(module, name) for module in MODULES) or name in {one.__name__ for one in ENDPOINTS}


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_names_of_theirs_are_there(name: str) -> None:
    faces: dict[str, tuple[type, ...]] = {}
    for called, module, kind in THEIRS[name]:
        pytest.importorskip(module.partition(".")[0])
        faces[called] = (getattr(importlib.import_module(module), kind),)
    page = ROOT / FOLDER / f"{name}.md"
    codes = [code for row in _rows(page) for code in _CODE.findall(row[0]) if code.partition(".")[0] in faces]
    assert len(codes) > 10
    for code in codes:
        _check(ast.parse(code, mode="eval"), faces)


@pytest.mark.parametrize("block", [one for one in blocks("python") if one.page.startswith(FOLDER)], ids=str)
def test_calls_take_what_they_are_given(block: Block) -> None:
    _check(compile(block.text, str(block), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), FACES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_every_example_runs(page: Path, tmp_path: Path) -> None:
    examples = [one for one in blocks("python") if one.page == f"{FOLDER}/{page.name}"]
    assert examples
    with serving(tmp_path, environment={"OSTIARY_REGISTRATION__ENABLED": "true"}) as server:
        async with AsyncClient(server.address) as client:
            await client.register("alice", PASSWORD)
        names: dict[str, Any] = {"base_url": server.address, "folder": tmp_path, "password": PASSWORD}
        for block in examples:
            program = compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            if program.co_flags & inspect.CO_COROUTINE:
                await eval(program, names)
            else:
                await asyncio.to_thread(exec, program, names)
        for one in names.values():
            if isinstance(one, Client):
                one.close()


def test_every_page_is_linked() -> None:
    text = (ROOT / "docs" / "client" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"(coming-from/{page.name})" not in text] == []
    assert len(PAGES) == 5


@pytest.mark.parametrize("wrong", ["client.nonsense()", "session.refresh(nonsense=1)", "client.login(a, b, c)"])
def test_wrong_name_is_noticed(wrong: str) -> None:
    with pytest.raises((AssertionError, TypeError)):
        _check(ast.parse(wrong, mode="eval"), FACES)
