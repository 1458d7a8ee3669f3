"""The page on the command line has every command that an account's owner has, and every option."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from ostiary.cli.app import app

PAGE: Final = (Path(__file__).parents[2] / "docs" / "client" / "command-line.md").read_text(encoding="utf-8")
SERVERS: Final = frozenset({"serve", "config", "db", "doctor", "admin"})


def commands(group: click.Group, path: str = "ostiary") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


OWNERS: Final = [(path, command) for path, command in commands(app) if path.split()[1] not in SERVERS]


@pytest.mark.parametrize(("path", "command"), OWNERS, ids=[path for path, _ in OWNERS])
def test_command_is_on_the_page(path: str, command: click.Command) -> None:
    assert f"$ {path}" in PAGE
    options = {one.opts[0] for one in command.params if isinstance(one, click.Option)}
    assert not [option for option in sorted(options) if f"{option} " not in PAGE and f"{option}`" not in PAGE]


@pytest.mark.parametrize(("path", "command"), OWNERS, ids=[path for path, _ in OWNERS])
def test_command_prints_json_and_says_what_it_does(path: str, command: click.Command) -> None:
    assert command.help
    assert path == "ostiary completion" or "--json" in {option for one in command.params for option in one.opts}
