"""How messages are worded: templates of the package, and an administrator's own in front of them.

A message has its template as ``<language>/<kind>.txt.j2``, whose first line is ``Subject: …``, and, if wished,
``<kind>.html.j2`` beside it; a text message is ``<kind>.sms.j2``. Must not know how a message is carried.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from ostiary.accounts.messages import Message, MessageKind
from ostiary.api.visible import UNSEEN

PACKAGED: Final = Path(__file__).with_name("templates")
DEFAULT_LANGUAGE: Final = "en"

_SUBJECT: Final = "Subject:"
_SUFFIX: Final = ".j2"

_UNSEEN: Final = re.compile(f"[{UNSEEN}]+")
"""What would end a line, or turn the direction of the text, in the middle of a value that others have chosen."""

WITH_SMS: Final = frozenset(
    {MessageKind.VALIDATE_TO_REGISTER, MessageKind.VALIDATE_TO_ADD, MessageKind.VALIDATE_TO_RESET_PASSWORD}
)
"""The kinds that there is a text message of."""

SAMPLES: Final[Mapping[str, str | int]] = {
    "link": "https://matrix.example.org/link?token=sample", "code": "123456", "minutes": 60,
    "user_id": "@alice:example.org", "device": "Alice's telephone", "address": "192.0.2.1",
    "when": "2027-01-15 08:00 UTC", "medium": "email", "added": "alice@example.org", "removed": "alice@example.org",
    "token": "sample", "name": "Alice", "days": 7, "server_name": "example.org",
}  # fmt: skip
_VALIDATION: Final = ("link", "code", "minutes")
VALUES: Final[Mapping[MessageKind, tuple[str, ...]]] = {
    MessageKind.VALIDATE_TO_REGISTER: _VALIDATION,
    MessageKind.VALIDATE_TO_ADD: _VALIDATION,
    MessageKind.VALIDATE_TO_RESET_PASSWORD: _VALIDATION,
    MessageKind.ALREADY_REGISTERED: ("user_id",),
    MessageKind.NO_ACCOUNT: (),
    MessageKind.SIGNED_IN: ("user_id", "device", "address", "when"),
    MessageKind.PASSWORD_CHANGED: ("user_id", "address", "when"),
    MessageKind.ADDRESS_ADDED: ("user_id", "medium", "added", "when"),
    MessageKind.ADDRESS_REMOVED: ("user_id", "medium", "removed", "when"),
    MessageKind.INVITATION: ("link", "token", "name", "days"),
    MessageKind.APPROVED: ("user_id",),
    MessageKind.REJECTED: ("user_id",),
    MessageKind.ABOUT_TO_EXPIRE: ("user_id", "when"),
}
"""What each kind's templates may show, besides ``server_name`` and ``language``."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail in words. ``html``: empty where the language has the text alone."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Templates:
    """Words messages. ``override``: a folder like the package's own, whose files come before those.

    The language of a message is the closest that there is: for ``pt-BR`` that is ``pt-BR``, then ``pt``, then
    ``language``, which is also that of messages to whom nothing is known, then ``en``.
    """

    def __init__(self, override: Path | None = None, *, language: str = DEFAULT_LANGUAGE) -> None:
        self._usual = language
        self._folders = [PACKAGED] if override is None else [override, PACKAGED]
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in self._folders]),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # what check() has read is what is used
            cache_size=-1,
        )
        self._names = frozenset(self._environment.list_templates(extensions=["j2"]))
        folders = {name.partition("/")[0] for name in self._names if "/" in name}
        self._languages = {folder.casefold(): folder for folder in folders}

    def mail(self, message: Message) -> Rendered:
        """A message as a mail. Raises ValueError where its template is faulty, which :meth:`check` finds first."""
        language = self._language_with(message, "txt")
        return self._mail(language, message.kind, message.values)

    def sms(self, message: Message) -> str:
        """A message as a text message. Raises ValueError where its kind has none, or a faulty one."""
        if message.kind not in WITH_SMS:
            raise ValueError(f"There is no text message of the kind {message.kind}")
        language = self._language_with(message, "sms")
        return self._render(f"{language}/{message.kind}.sms.j2", language, message.values).strip()

    def check(self) -> None:
        """Render every template with sample values. Raises ValueError naming file, line and fault of the first bad."""
        if missing := [folder for folder in self._folders if not folder.is_dir()]:
            raise ValueError(f"{missing[0]}: there is no such folder of templates")
        if next(self._candidates(self._usual), None) is None:
            raise ValueError(f"there are no templates in the language {self._usual!r}")
        for name in sorted(self._names):
            self._compile(name)
        for language in sorted(set(self._languages.values())):
            for kind in MessageKind:
                values = {one: SAMPLES[one] for one in (*VALUES[kind], "server_name")}
                if f"{language}/{kind}.txt.j2" in self._names:
                    self._mail(language, kind, values)
                elif f"{language}/{kind}.html.j2" in self._names:
                    raise ValueError(f"{self._path(f'{language}/{kind}.html.j2')}: there is no {kind}.txt.j2 beside it")
                if f"{language}/{kind}.sms.j2" in self._names:
                    self._render(f"{language}/{kind}.sms.j2", language, values)

    def _language_with(self, message: Message, form: str) -> str:
        for language in (*self._candidates(message.language), *self._candidates(self._usual)):
            if f"{language}/{message.kind}.{form}.j2" in self._names:
                return language
        return DEFAULT_LANGUAGE

    def _candidates(self, tag: str) -> Iterator[str]:
        """Languages that there are templates in, from the very one to broader ones.

        Others choose the tag: it is looked up among folders, and never made part of a path.
        """
        parts = tag.casefold().replace("_", "-").split("-")
        for length in range(len(parts), 0, -1):
            if (found := self._languages.get("-".join(parts[:length]))) is not None:
                yield found

    def _mail(self, language: str, kind: MessageKind, values: Mapping[str, str | int]) -> Rendered:
        name = f"{language}/{kind}.txt.j2"
        first, _, text = self._render(name, language, values).partition("\n")
        subject = " ".join(first.removeprefix(_SUBJECT).split())
        if not first.startswith(_SUBJECT) or not subject:
            raise ValueError(f"{self._path(name)}:1: the first line is to be '{_SUBJECT} …'")
        html_name = f"{language}/{kind}.html.j2"
        html = self._render(html_name, language, {**values, "subject": subject}) if html_name in self._names else ""
        return Rendered(subject, text.strip() + "\n", html)

    def _render(self, name: str, language: str, values: Mapping[str, str | int]) -> str:
        shown = {key: _UNSEEN.sub(" ", one) if isinstance(one, str) else one for key, one in values.items()}
        template = self._compile(name)
        try:
            return template.render(shown, language=language)
        except Exception as error:  # noqa: BLE001 - a template may do anything, and fail in any way
            raise ValueError(f"{self._place_of(error, name)}: {_fault(error)}") from None

    def _compile(self, name: str) -> Template:
        try:
            return self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise ValueError(f"{error.filename or self._path(name)}:{error.lineno}: {error.message}") from None
        except (TemplateError, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{self._path(name)}: it cannot be read: {error}") from None

    def _path(self, name: str) -> Path:
        """The file that a template is read from."""
        return next((folder / name for folder in self._folders if (folder / name).exists()), self._folders[0] / name)

    def _place_of(self, error: Exception, name: str) -> str:
        """File and line at which rendering failed: the innermost of the error's frames that are a template's."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_SUFFIX)]
        return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(self._path(name))


def _fault(error: Exception) -> str:
    """What is wrong. Jinja's own errors speak of names; what others say may repeat a value, and is not repeated."""
    if isinstance(error, TemplateError):
        return error.message or type(error).__name__
    return f"it cannot be rendered ({type(error).__name__})"
