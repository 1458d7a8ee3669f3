"""``ostiary go-on``: ends what another command has begun and kept by ``--later``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ostiary.cli import unfinished
from ostiary.cli.answering import Terminal, waits
from ostiary.cli.keeping import client_for, session_with
from ostiary.cli.logins import tell_session
from ostiary.cli.options import as_json, password_stdin
from ostiary.cli.output import fail
from ostiary.cli.passwords import tell_reset
from ostiary.cli.prompting import ask_password
from ostiary.cli.registering import answers_by, held, what_servers_ask, with_addresses
from ostiary.cli.threepids import tell_added
from ostiary.cli.unfinished import Keeping, Unfinished, read

if TYPE_CHECKING:
    from ostiary.client import Answers, Dialogue, Validation


@click.command(name="go-on")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Have the mail or the text message sent once more: its link may be dead.")
@what_servers_ask
@password_stdin
@as_json
def go_on(file: Path, again: bool, as_json: bool, **options: Any) -> None:
    """Go on with what `--later` kept in FILE, which is removed once that is done."""
    found = read(file)
    keeping = Keeping(file, found.what, found.homeserver, found.session, found)
    terminal = Terminal(options["password_stdin"], waits(options["wait_s"]), keeping.keep)
    _GoingOn(found, keeping, terminal, options, again, as_json).go()


@dataclass(frozen=True, slots=True)
class _GoingOn:
    found: Unfinished
    keeping: Keeping
    terminal: Terminal
    options: dict[str, Any]
    again: bool
    as_json: bool

    def go(self) -> None:
        from ostiary.client import Dialogue, Validation

        match self.found.what, self.found.begun:
            case unfinished.REGISTER, Dialogue() as dialogue:
                self._register(dialogue)
            case unfinished.UPGRADE, Dialogue() as dialogue:
                self._upgrade(dialogue)
            case unfinished.RESET_PASSWORD, Dialogue() as dialogue:
                self._reset_password(dialogue)
            case unfinished.ADD_EMAIL, Validation() as validation:
                self._add_email(validation)
            case _:
                fail("what was begun there is nothing that this version can go on with")

    def _register(self, dialogue: Dialogue[Any]) -> None:
        with client_for("", self.found.homeserver) as client, self._until_done():
            session = held(
                self.terminal, *self._at(dialogue),
                lambda dialogue, answers: client.go_on_registering(dialogue, stages=answers),
            )  # fmt: skip
            tell_session(session, "Made", as_json=self.as_json)

    def _upgrade(self, dialogue: Dialogue[Any]) -> None:
        with session_with(self.found.session) as guest, self._until_done():
            session = held(
                self.terminal, *self._at(dialogue),
                lambda dialogue, answers: guest.go_on_upgrading(dialogue, stages=answers),
            )  # fmt: skip
            tell_session(session, "Made a user of", as_json=self.as_json)

    def _reset_password(self, dialogue: Dialogue[Any]) -> None:
        with client_for("", self.found.homeserver) as client, self._until_done():
            held(
                self.terminal, *self._at(dialogue),
                lambda dialogue, answers: client.go_on(dialogue, stages=answers),
            )  # fmt: skip
            tell_reset({one.medium: one.address for one in dialogue.validations.values()}, as_json=self.as_json)

    def _add_email(self, validation: Validation) -> None:
        with session_with(self.found.session) as session, self._until_done():
            secret = ask_password(f"Password of {session.user_id}", from_stdin=self.terminal.from_stdin)
            if self.again:
                validation = session.begin_adding_email(validation.address)
                self.keeping.keep(validation)
            answers = self.terminal.answers()
            session.add_validated(validation, password=secret, stages=answers, waiting=answers.waiting)
            tell_added(validation.medium, validation.address, as_json=self.as_json)

    def _at(self, dialogue: Dialogue[Any]) -> tuple[Answers, Dialogue[Any]]:
        """What there is to answer with, and where things stand, without the messages that are to be sent again."""
        answers = answers_by(self.terminal, self.options)
        if not self.again:
            return answers, dialogue
        return with_addresses(answers, dialogue.validations.values()), dialogue.proving_anew()

    def _until_done(self) -> AbstractContextManager[None]:
        return self.keeping.until_done(as_json=self.as_json)
