"""The imports run in one direction."""

from pathlib import Path

import pytest

from tests.arrows import PACKAGE, wrong_arrows

SOURCE = Path(__file__).parent.parent / "src" / PACKAGE


def test_every_import_follows_the_arrows() -> None:
    assert wrong_arrows(SOURCE) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("api/login.py", "from ostiary.accounts.model import Device"),
        ("accounts/login.py", "from ostiary.storage.store import SqlStore"),
        ("accounts/login.py", "import msgspec"),
        ("client/flows.py", "from ostiary.accounts.tokens import digest_of"),
        ("server/app.py", "from ostiary.client import Client"),
        ("server/app.py", "from ostiary.testing import serve"),
        ("cli/app.py", "from ostiary.testing import serve"),
        ("testing/server.py", "from ostiary.cli import main"),
        ("testing/server.py", "import pytest"),
        ("server/app.py", "import sqlite3"),
        ("storage/store.py", "from ostiary.accounts.sessions import Sessions"),
        ("config/model.py", "from ostiary.cli import main"),
        ("server/app.py", "from ostiary.api._private import secret"),
        ("__init__.py", "from ostiary.api import login"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path: Path, module: str, line: str) -> None:
    file = tmp_path / module
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"x = 1\n{line}\n", encoding="utf-8")
    (found,) = wrong_arrows(tmp_path)
    assert f"{file}:2:" in found
