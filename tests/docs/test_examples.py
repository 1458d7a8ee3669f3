"""What the documentation shows works: configurations, commands, calls, links, and the tests that it names."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.identifiers import parse_server_name
from ostiary.cli.app import app
from ostiary.config import Config, load
from ostiary.server.appservice_files import load_appservices
from tests.databases import fresh_url
from tests.docs.reading import PAGES, ROOT, Block, Command, blocks, commands, links
from tests.world import FAST_HASHES, open_world

CONFIGURATIONS: Final = blocks("toml")
REGISTRATIONS: Final = blocks("yaml")
COMMANDS: Final = commands("ostiary")
CALLS: Final = commands("curl")

_TEST: Final = re.compile(r"`(test_\w+)`")
_DEFINED: Final = re.compile(r"def (test_\w+)\(")


# --- Configurations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
async def test_configuration_runs_a_server(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "ostiary.toml"
    file.write_text(block.text, encoding="utf-8")
    assert tomllib.loads(block.text), "an example that says nothing"
    config = load(file=file, environ={}).config
    async with open_world(_with_files(config, tmp_path)) as world:
        assert (await world.call("GET", "versions")).status == 200


def _with_files(config: Config, folder: Path) -> Config:
    """The same, with a database of its own, fast hashes, and every file that it names made in a folder."""
    passwords = replace(
        config.passwords,
        argon2_memory_kib=FAST_HASHES.argon2_memory_kib,
        argon2_time_cost=FAST_HASHES.argon2_time_cost,
        breached_file=_file(folder, config.passwords.breached_file, "password\n"),
    )
    mail = config.mail
    if mail.templates:
        (folder / "templates").mkdir()
        mail = replace(mail, templates=str(folder / "templates"))
    identity = config.identity_servers
    identity = replace(identity, signing_key=str(folder / "signing.key") if identity.signing_key else "")
    registrations = [_file(folder, path, _registration(number)) for number, path in enumerate(config.appservices.files)]
    return replace(
        config,
        database=fresh_url(folder),
        passwords=passwords,
        mail=mail,
        identity_servers=identity,
        jwt=replace(config.jwt, key_file=_file(folder, config.jwt.key_file, _public_key())),
        appservices=replace(config.appservices, files=tuple(registrations)),
    )


def _file(folder: Path, path: str, content: str) -> str:
    if not path:
        return ""
    made = folder / Path(path).name
    made.write_text(content, encoding="utf-8")
    return str(made)


def _registration(number: int) -> str:
    return f"id: a{number}\nurl: null\nas_token: as{number}\nhs_token: hs{number}\nsender_localpart: bot{number}\n"


def _public_key() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("block", [one for one in REGISTRATIONS if "as_token" in one.text], ids=str)
def test_registration_file_is_read(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "registration.yaml"
    file.write_text(block.text, encoding="utf-8")
    appservices = load_appservices([str(file)], parse_server_name("example.org"))
    assert [bool(one.users) for one in appservices] == [True]


# --- Commands and calls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_is_known_with_its_options(command: Command) -> None:
    _parse(app, command.words, None, is_mention=command.is_mention)


def _parse(known: click.Command, words: Sequence[str], parent: click.Context | None, *, is_mention: bool) -> None:
    """Parse a command line as it would be, and run nothing. In running text a command may lack its arguments."""
    if isinstance(known, click.Group) and len(words) > 1 and not words[1].startswith("-"):
        assert words[1] in known.commands, f"there is no command {words[1]}"
        _parse(known.commands[words[1]], words[1:], click.Context(known, parent), is_mention=is_mention)
        return
    try:
        known.make_context(words[0], list(words[1:]), parent=parent)
    except click.exceptions.Exit:  # --help, --version
        return
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError) as error:
        assert is_mention, str(error)


@pytest.mark.parametrize("command", CALLS, ids=str)
def test_call_is_one_that_there_is(command: Command) -> None:
    words = command.words
    method = "GET"
    for option, value in pairwise(words):
        if option in ("-d", "--data", "--json") and method == "GET":
            method = "POST"
        if option in ("-X", "--request"):
            method = value
    urls = [word for word in words if word.startswith(("http://", "https://"))]
    assert len(urls) == 1
    assert any(how == method and pattern.fullmatch(urlsplit(urls[0]).path) for how, pattern in _known_calls())


def _known_calls() -> Iterator[tuple[str, re.Pattern[str]]]:
    endpoints: tuple[Any, ...] = (*ENDPOINTS, *ADMIN_ENDPOINTS)
    for endpoint in endpoints:
        for path in endpoint.meta.history:
            parts = re.split(r"\{\w+\}", path)
            yield endpoint.meta.method, re.compile("[^/]+".join(map(re.escape, parts)))
    for path in ("/_ostiary/health", "/metrics"):
        yield "GET", re.compile(re.escape(path))


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program_is_one_and_imports_what_there_is(block: Block) -> None:
    tree = compile(block.text, str(block), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    imports: list[ast.stmt] = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(imports, []), str(block), "exec"), {})


# --- What is pointed to ----------------------------------------------------------------------------------------------


def test_links_lead_to_files() -> None:
    dead = [f"{page.relative_to(ROOT)}: {target}" for page, target in links() if not (page.parent / target).exists()]
    assert not dead


def test_tests_that_are_named_are_there() -> None:
    there = {name for file in (ROOT / "tests").rglob("*.py") for name in _DEFINED.findall(file.read_text("utf-8"))}
    named = {(page.name, name) for page in PAGES for name in _TEST.findall(page.read_text(encoding="utf-8"))}
    assert not [one for one in sorted(named) if one[1] not in there]


def test_decisions_are_all_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}[^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(one.name for one in folder.glob("[0-9]*.md"))


# --- The reading itself ----------------------------------------------------------------------------------------------


def test_commands_are_found_wherever_they_stand() -> None:
    assert len(CONFIGURATIONS) > 3
    assert {"serve", "admin", "config", "doctor"} <= {one.words[1] for one in COMMANDS}
    assert any(one.words[0].startswith("/opt/") for one in COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        "ostiary serve --nonsense",
        "ostiary nonsense",
        "ostiary admin accounts lock",
        "ostiary admin threepids add alice pigeon 1",
        "ostiary admin accounts expire alice --at soon",
    ],
)
def test_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        _parse(app, tuple(shlex.split(line)), None, is_mention=False)
