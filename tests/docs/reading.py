"""Reads the documentation as whoever copies from it would: fenced blocks, commands and calls. Must not know ostiary."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))

_FENCE: Final = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK: Final = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
_OPERATORS: Final = frozenset("|&;<>()")
_CONTINUED: Final = re.compile(r"\\\n\s*")
_ASSIGNMENT: Final = re.compile(r"[A-Z_]+=.*", re.DOTALL)
_EXECUTED: Final = re.compile(r"^Exec\w+=(.*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``line``: of its page, where it begins."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, split into words, and where it stands. ``is_mention``: in running text, perhaps in part."""

    place: str
    words: tuple[str, ...]
    is_mention: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {' '.join(self.words)}"


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks in any of these languages, or all."""
    return [one for page in PAGES for one in _blocks_of(page) if not languages or one.language in languages]


def commands(program: str) -> list[Command]:
    """Every command line of a program, in blocks and in running text."""
    found = [one for block in blocks() for one in _commands_of(block) if _name_of(one) == program]
    for page in PAGES:
        text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
        for match in _INLINE.finditer(text):
            if match[1].startswith(f"{program} ") and "…" not in match[1]:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Command(f"{_called(page)}:{line}", tuple(shlex.split(match[1])), is_mention=True))
    return found


def links() -> list[tuple[Path, str]]:
    """Every link to a file of the project: the page, and where it leads, as written."""
    return [
        (page, match[1])
        for page in PAGES
        for match in _LINK.finditer(page.read_text(encoding="utf-8"))
        if "://" not in match[1]
    ]


def _blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(_called(page), text.count("\n", 0, match.start()) + 1, match[1], match[2])


def _commands_of(block: Block) -> Iterator[Command]:
    if block.language not in ("", "console", "sh", "ini"):
        return
    text = _CONTINUED.sub(" ", block.text)
    if block.language == "ini":
        lines = _EXECUTED.findall(text)
    elif any(line.startswith("$ ") for line in text.splitlines()):
        lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    else:
        lines = text.splitlines()
    for line in lines:
        for words in _parts(line):
            yield Command(str(block), words)


def _parts(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line: split at operators, without comments, redirections, assignments and sudo."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.commenters = "#"
    lexer.whitespace_split = True
    part: list[str] = []
    try:
        words = list(lexer)
    except ValueError:  # no command line: something with a lone quote
        return
    target = False
    for word in (*words, ";"):
        if set(word) <= _OPERATORS:
            if word in (">", ">>", "<"):
                target = True
            elif stripped := _without_prefix(part):
                yield stripped
            if not target:
                part = []
        elif target:
            target = False
        else:
            part.append(word)


def _without_prefix(words: list[str]) -> tuple[str, ...]:
    words = list(words)
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] == "sudo"):
        words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
        while words and words[0].startswith("-"):
            words = words[1:]
    return tuple(words)


def _name_of(command: Command) -> str:
    return Path(command.words[0]).name


def _called(page: Path) -> str:
    return str(page.relative_to(ROOT))
