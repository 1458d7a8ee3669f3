"""What the pages show of programs, answers and messages is what a server does. Commands, calls and configurations are
in ``test_examples``, the client's pages in tests of their own; what only other programs read (nginx, Caddy, systemd) is
prose here.
"""

import ast
import asyncio
import inspect
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from ostiary.api.administration.registration_tokens import Invite
from ostiary.config import MailConfig
from ostiary.testing import Server, default_config, serve
from ostiary.testing.people import PASSWORD
from tests.docs.reading import PAGES, ROOT, Block, blocks
from tests.process import serving

RUN_ELSEWHERE: Final = ("docs/client/", "docs/guides/testing.md")
"""By tests of the client's documentation, of ``coming-from`` and of the guide to testing."""

PROGRAMS: Final = [one for one in blocks("python") if not one.page.startswith(RUN_ELSEWHERE)]

_URL: Final = re.compile(r"https://matrix\.example\.org|http://127\.0\.0\.1:8008")
_METRIC: Final = re.compile(r"ostiary_\w+")


def in_page(page: str, language: str) -> list[Block]:
    return [one for one in blocks(language) if one.page == page]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(admin="root") as server:
        server.account("alice", device_id="OLDPHONE")
        yield server


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
async def test_program_runs(block: Block, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = compile(
        _URL.sub(server.url, block.text), str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    names: dict[str, Any] = {"password": PASSWORD}
    if program.co_flags & inspect.CO_COROUTINE:
        await eval(program, names)
    else:
        await asyncio.to_thread(exec, program, names)
    assert server.requests("/login")


def test_every_program_is_run_somewhere() -> None:
    assert {one.page for one in PROGRAMS} == {"README.md", "docs/guides/administration.md"}
    assert {one.page.partition("/coming-from")[0] for one in blocks("python")} == {
        "README.md", "docs/guides/administration.md", "docs/guides/testing.md", "docs/client/README.md", "docs/client",
    }  # fmt: skip


def test_template_words_a_mail(tmp_path: Path) -> None:
    (template,) = in_page("docs/guides/mail-and-phones.md", "jinja")
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "invitation.txt.j2").write_text(template.text, encoding="utf-8")
    config = default_config()
    config = replace(config, mail=MailConfig(host="mail.invalid", sender="ostiary@localhost", templates=str(tmp_path)))
    with serve(config=config, admin="root") as server:
        server.client().login("root", PASSWORD).send(Invite(address="bob@example.org", username="bob"))
        (mail,) = server.mails(to="bob@example.org")
    assert mail.subject == "Come to localhost"
    assert f"Your account: {mail.links[0]}" in mail.text
    assert 'We have thought of "bob"' in mail.text
    assert "good for 7 days" in mail.text


class TestRegistration:
    """What a client sees, in the guide's words."""

    ASKED, SENT = (json.loads(one.text) for one in in_page("docs/guides/registration.md", "json"))

    def test_answer_looks_so(self) -> None:
        flows = [flow["stages"] for flow in self.ASKED["flows"]]
        with serve(flows=flows, registration_tokens=["cea249wmt6pmdxkqnykx"]) as server:
            body = {"username": "alice", "password": PASSWORD}
            status, asked = _post(f"{server.url}/_matrix/client/v3/register", body)
            assert status == 401
            assert (asked["flows"], asked["completed"]) == (self.ASKED["flows"], self.ASKED["completed"])
            assert asked.keys() == self.ASKED.keys()
            assert asked["params"].keys() == self.ASKED["params"].keys()
            (shown,) = self.ASKED["params"]["m.login.terms"]["policies"].values()
            (told,) = asked["params"]["m.login.terms"]["policies"].values()
            assert (told.keys(), told["en"].keys()) == (shown.keys(), shown["en"].keys())
            assert (asked["session"][:5], len(asked["session"])) == ("ostu_", len(self.ASKED["session"]))

            auth = {**self.SENT["auth"], "session": asked["session"]}
            status, further = _post(f"{server.url}/_matrix/client/v3/register", {"auth": auth})
            assert (status, further["completed"]) == (401, [auth["type"]])


def test_line_of_the_log_looks_so(tmp_path: Path) -> None:
    (line,) = in_page("docs/deploy.md", "json")
    shown = json.loads(line.text)
    with serving(tmp_path, environment={"OSTIARY_LOGGING__REQUESTS": "true"}) as server:
        server.call("GET", "v3/devices/ABC")
        server.stop()
        (logged,) = [one for one in server.log if one["event"] == "request"]
    assert logged.keys() == shown.keys()
    assert (logged["path"], logged["method"], logged["level"]) == (shown["path"], shown["method"], shown["level"])
    assert {name: type(value) for name, value in logged.items()} == {name: type(value) for name, value in shown.items()}
    assert re.fullmatch(re.sub(r"\d", r"\\d", shown["at"]), logged["at"])


def test_alerts_are_on_metrics_that_there_are() -> None:
    (alerts,) = [one for one in in_page("docs/deploy.md", "yaml") if "alert:" in one.text]
    table = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    documented = {name for row in table.splitlines() if row.startswith("| `ostiary_") for name in _METRIC.findall(row)}
    assert len(documented) > 10
    assert set(_METRIC.findall(alerts.text)) <= documented


def test_every_block_is_of_a_language_that_something_reads() -> None:
    """A block of another kind needs a test, or a word in this module's docstring."""
    prose = {"nginx", "ini"}
    assert {one.language for one in blocks()} <= {"", "console", "json", "jinja", "python", "toml", "yaml", *prose}
    assert [page.name for page in PAGES if "```" in page.read_text(encoding="utf-8")]


def _post(url: str, body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
