"""Answering interactive authentication at a terminal: terms are shown, codes asked for, mails and pages waited for.

Everything is told and asked on standard error. Must not know which command it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ostiary.cli.output import tell
from ostiary.cli.prompting import ask_line, ask_yes

if TYPE_CHECKING:
    from ostiary.api.secret import Secret
    from ostiary.client import Answers, CodeWanted, Dialogue, Fallback, InteractiveAuthUnsupported, Policy, Progress

F = TypeVar("F", bound=Callable[..., Any])

EMAIL: Final = "m.login.email.identity"
PHONE: Final = "m.login.msisdn"
TOKEN: Final = "m.login.registration_token"

PATIENCE_S: Final = 900

patience = click.option(
    "--wait", "wait_s", metavar="SECONDS", type=click.IntRange(min=0), show_default=str(PATIENCE_S),
    help="How long to wait for a link to be followed or a page to be completed.",
)  # fmt: skip


def waits(told: int | None, later: object = None) -> int:
    """How long to wait, in seconds: as told, else patiently, but not at all for what is gone on with ``later``."""
    if told is not None:
        return told
    return PATIENCE_S if later is None else 0


@dataclass(frozen=True, slots=True)
class Terminal:
    """Whom to ask. ``from_stdin``: codes are lines of standard input; ``wait_s``: patience, in seconds.

    ``keep``: told how far things are, when a person has to do something elsewhere.
    """

    from_stdin: bool = False
    wait_s: int = PATIENCE_S
    keep: Callable[[Dialogue[Any]], None] | None = None

    def answers(self, password: Secret | None = None, **given: Any) -> Answers:
        """What a command can answer with; ``given``: more fields of Answers. Other stages are done in a browser."""
        from ostiary.client import Answers, Waiting

        return Answers(
            password=password,
            code=self.code,
            fallback=self.page,
            on_progress=self.progress,
            waiting=Waiting(timeout_ms=self.wait_s * 1000),
            **given,
        )

    def registering(self, *, accept_terms: bool, **given: Any) -> Answers:
        """What a registration can answer with at first; ``wanted`` gives more when the server asks for it."""
        answers = self.answers(accept_terms=True if accept_terms else self.terms, **given)
        return replace(answers, fallback=None)

    def wanted(self, error: InteractiveAuthUnsupported, answers: Answers) -> Answers:
        """The answers, with what was missing asked for; stages of other kinds are done in a browser from now on.

        Raises the error again where nothing more can be given.
        """
        from ostiary.client import Phone

        if TOKEN in error.missing and answers.registration_token is None:
            token = self._asked("Registration token", "--registration-token")
            return replace(answers, registration_token=token)
        if EMAIL in error.missing and answers.email is None:
            return replace(answers, email=self._asked("Mail address", "--email"))
        if PHONE in error.missing and answers.phone is None:
            country = self._asked("Country of the phone number (two letters)", "--phone")
            return replace(answers, phone=Phone(country=country, number=self._asked("Phone number", "--phone")))
        if answers.fallback is None:
            return replace(answers, fallback=self.page)
        raise error

    def _asked(self, prompt: str, option: str) -> str:
        return ask_line(prompt, from_stdin=False, instead=option)

    # --- What the client calls ---------------------------------------------------------------------------------------

    def code(self, wanted: CodeWanted) -> str:
        """Ask for the code that was sent."""
        again = "That was not the code. " if wanted.wrong else ""
        return ask_line(f"{again}Code that was sent to {wanted.address}", from_stdin=self.from_stdin)

    def terms(self, policies: Sequence[Policy]) -> bool:
        """Show the policies, and ask."""
        for policy in policies:
            for language, (name, url) in sorted(policy.translations.items()):
                tell(f"{name or policy.policy_id} ({language}): {url}")
        return ask_yes("Do you agree?", instead="--accept-terms")

    def page(self, fallback: Fallback) -> None:
        """Show the page of a stage that only a browser can do."""
        tell(f"The server asks for {fallback.stage}. Complete this page in a browser, then come back: {fallback.url}")

    def progress(self, progress: Progress) -> None:
        """Tell that something is waited for."""
        if not progress.is_waiting:
            return
        if self.keep is not None:
            self.keep(progress.dialogue)
        if progress.stage == EMAIL:
            tell("A mail is on its way. Waiting for the link in it to be followed…")
        else:
            tell(f"Waiting for {progress.stage} to be completed…")
