"""What a command has begun, and a person has to do something for elsewhere: kept in a file, for ``ostiary go-on``.

The file is for its owner alone: of a registration it holds the new password. Must not know how things are gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ostiary.cli.output import fail, say, say_json

if TYPE_CHECKING:
    from ostiary.client import Dialogue, Validation

FORMAT: Final = 1

REGISTER: Final = "register"
UPGRADE: Final = "upgrade"
RESET_PASSWORD: Final = "reset-password"
ADD_EMAIL: Final = "add-email"

later = click.option(
    "--later", metavar="FILE", type=click.Path(path_type=Path),
    help="Keep what was begun in FILE, for `ostiary go-on FILE`, and do not wait (but as long as --wait says).",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Something begun. ``what``: by which command; ``session``: the key of the session in whose name, None without."""

    what: str
    homeserver: str
    begun: Dialogue[Any] | Validation
    session: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, with what it holds in clear."""
        from ostiary.client import Validation

        kind = "validation" if isinstance(self.begun, Validation) else "dialogue"
        about = {"version": FORMAT, "what": self.what, "homeserver": self.homeserver, "session": self.session}
        return {**about, kind: self.begun.to_json()}

    @classmethod
    def from_json(cls, stored: Any) -> Unfinished:
        """What ``to_json`` wrote. Raises ValueError, MatrixError, and what else comes of JSON of another form."""
        from ostiary.client import Dialogue, Validation

        if stored["version"] != FORMAT:
            raise ValueError("it was written by another version of this program")
        is_validation = "validation" in stored
        begun = Validation.from_json(stored["validation"]) if is_validation else Dialogue.from_json(stored["dialogue"])
        session = stored["session"]
        return cls(stored["what"], stored["homeserver"], begun, None if session is None else tuple(session))


def read(file: Path) -> Unfinished:
    """What a file holds. Ends the command where that is nothing begun."""
    from ostiary.api.errors import MatrixError

    try:
        return Unfinished.from_json(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MatrixError):
        fail(f"{file} holds nothing that this program has begun")  # its text holds secrets, and so may the error's


class Keeping:
    """Keeps what a command begins. ``file`` None: nowhere; else it is there from when somebody has to do something.

    ``found``: what the file holds already, where that is gone on with.
    """

    def __init__(
        self, file: Path | None, what: str, homeserver: str, session: tuple[str, ...] | None = None,
        found: Unfinished | None = None,
    ) -> None:  # fmt: skip
        if file is not None and found is None and file.exists():
            fail(f"{file} is there already")
        self._file = file
        self._about = (what, homeserver)
        self._session = session
        self._is_begun = found is not None
        self._begun = None if found is None else found.begun

    def keep(self, begun: Dialogue[Any] | Validation) -> None:
        """Write down how far things are. Raises OSError."""
        from ostiary.client import Dialogue, Validation
        from ostiary.client.private_files import write_privately

        if isinstance(begun, Dialogue) and isinstance(self._begun, Validation):
            return  # how far one is with a password that is asked for again anyway
        self._begun = begun
        if self._file is not None:
            what, homeserver = self._about
            write_privately(self._file, json.dumps(Unfinished(what, homeserver, begun, self._session).to_json()))

    @contextmanager
    def until_done(self, *, as_json: bool) -> Iterator[None]:
        """What is inside ends what was begun, or pauses: then it is kept and told, and the context ends well.

        To be entered inside of what tells errors in a line, which would take a pause for one.
        """
        from ostiary.client import DialoguePaused, ValidationPaused

        try:
            yield
        except (DialoguePaused, ValidationPaused) as paused:
            if self._file is None:
                fail(f"{paused} (with --later FILE it can be gone on with)")
            self.keep(paused.dialogue if isinstance(paused, DialoguePaused) else paused.validation)
            if self._is_begun:
                fail(str(paused))
            if as_json:
                say_json({"later": str(self._file)})
            else:
                say(f"Begun. Go on, once that has been done, with: ostiary go-on {self._file}")
        else:
            if self._file is not None:
                self._file.unlink(missing_ok=True)
