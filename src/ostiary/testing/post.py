"""What a test's server has sent: mails and text messages, worded as people would get them, kept in the process.

The real outbox and the real worker; only the last hand, SMTP or a gateway, is replaced. Must not know the server.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from ostiary.accounts.messages import Medium, Message
from ostiary.config import MailConfig
from ostiary.delivery.sending import Postmark
from ostiary.delivery.templates import Templates
from ostiary.server.sending import templates_for

_LINK: Final = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Mail:
    """A mail. ``kind``: what it is about, as ``validate_to_add``. ``code``: empty where it has none."""

    kind: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    code: str = field(repr=False)

    @property
    def links(self) -> list[str]:
        """The links in its text, in their order."""
        return _LINK.findall(self.text)


@dataclass(frozen=True)
class TextMessage:
    """A text message. ``to``: digits with the country's code, without +."""

    kind: str
    to: str
    text: str = field(repr=False)
    code: str = field(repr=False)


class Letterbox:
    """``delivery.sending.Sender`` that keeps what it is given, in the words that the configuration has for it."""

    def __init__(self, mail: MailConfig) -> None:
        # Those that come along need not be tried, which would take longer than all else.
        self._templates = templates_for(mail) if mail.templates else None
        self._language = mail.language
        self.mails: list[Mail] = []
        self.texts: list[TextMessage] = []

    async def send(self, message: Message, postmark: Postmark) -> None:  # noqa: ARG002 - as senders have it
        """Word a message and keep it."""
        templates = self._templates = self._templates or Templates(language=self._language)
        kind, code = message.kind.value, str(message.values.get("code", ""))
        if message.medium is Medium.EMAIL:
            words = templates.mail(message)
            self.mails.append(Mail(kind, message.address, words.subject, words.text, words.html, code))
        else:
            self.texts.append(TextMessage(kind, message.address, templates.sms(message), code))
