"""What a caller has to answer interactive authentication with, and what it is told meanwhile. Values; no flow.

The same value serves a command line, whose functions ask a person and wait, and a web backend, which has no functions
and goes on with the :class:`~ostiary.client.dialogue.Dialogue` once the next page has been sent in.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar

from ostiary.api.secret import Secret
from ostiary.client.dialogue import Dialogue
from ostiary.client.given import secret
from ostiary.client.stages import StageContext, StageHandler

T = TypeVar("T")

Maybe: TypeAlias = T | Awaitable[T]
"""What a function may return: an asynchronous client awaits it where it can be awaited."""

POLL_MS: Final = 2_000
"""How long to wait before asking again whether a person has done something; grows to ``MAX_POLL_MS``."""

MAX_POLL_MS: Final = 15_000
"""About as long as a person looks at a page that has not noticed yet."""

PATIENCE_MS: Final = 900_000
"""How long to wait for a person: a quarter of an hour, as long as mails take on a bad day."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait for a person who does something elsewhere, such as following a link. In milliseconds.

    ``timeout_ms`` 0: not at all; what was begun is raised as DialoguePaused or ValidationPaused, to go on with later.
    """

    timeout_ms: int = PATIENCE_MS
    poll_ms: int = POLL_MS

    def after(self, delay_ms: int) -> int:
        """How long to wait the next time: longer, up to what a person does not notice."""
        return min(delay_ms * 3 // 2, max(MAX_POLL_MS, self.poll_ms))


PATIENTLY: Final = Waiting()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an interactive authentication stands: ``stage`` of ``flow`` comes now, ``left`` (it included) remain.

    ``is_waiting``: whether a person has to do something elsewhere before it goes on: follow the link in a mail, or
    complete a page in a browser. ``dialogue``: what to store, to be able to go on with later.
    """

    stage: str
    flow: tuple[str, ...]
    left: tuple[str, ...]
    is_waiting: bool
    dialogue: Dialogue[Any]


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """A code has been sent to ``address``, which the person is to type in. ``wrong``: how many have been wrong."""

    medium: str
    address: str
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Fallback:
    """A page on which a person can complete a stage in a browser. ``url`` holds the dialogue's session."""

    stage: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy to agree to. ``translations``: by language, its name and where to read it."""

    policy_id: str
    version: str
    translations: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone number as it is dialed in ``country`` (two letters, ISO 3166-1)."""

    country: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What there is to answer with; what is not given is not answered. Functions may be asynchronous.

    ``password``: the account's. ``accept_terms``: True, or a function that is shown the policies. ``email``: an address
    whose reader follows the link in a mail. ``phone`` and ``code``: a number, and a function that gets the code which
    was sent there. ``captcha``: a function to the response of the captcha's script. ``fallback``: a function that opens
    a page, for stages that nothing else answers. ``stages``: functions for stages of any kind, which come first.
    ``on_progress`` is told of each stage. ``next_link``: where the mail's link leads its reader in the end.
    """

    password: str | Secret | None = None
    accept_terms: bool | Callable[[Sequence[Policy]], Maybe[bool]] = False
    registration_token: str | Secret | None = None
    email: str | None = None
    phone: Phone | None = None
    code: Callable[[CodeWanted], Maybe[str]] | None = None
    captcha: Callable[[StageContext], Maybe[str]] | None = None
    fallback: Callable[[Fallback], Maybe[object]] | None = None
    stages: Mapping[str, StageHandler] = field(default_factory=dict)
    on_progress: Callable[[Progress], Maybe[object]] | None = None
    next_link: str | None = None
    waiting: Waiting = PATIENTLY

    def __repr__(self) -> str:
        return "Answers(…)"  # passwords may stand in it as plain text


Stages = Answers | Mapping[str, StageHandler] | None
"""What calls take that may need interactive authentication: all there is to answer with, or just some functions."""


def answers_of(stages: Stages, password: str | Secret | None = None) -> Answers:
    """What was given, as one value."""
    answers = stages if isinstance(stages, Answers) else Answers(stages=stages or {})
    return answers if password is None else replace(answers, password=secret(password))
