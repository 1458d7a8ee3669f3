"""How messages reach people on this server: who hands them over, as the configuration says.

Templates and SMTP are loaded only where mail is configured: they cost a server without it half of its start.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from ostiary.accounts.messages import Medium, Message
from ostiary.api.secret import Secret
from ostiary.config import Config, ConfigError, MailConfig, SmsConfig
from ostiary.delivery.sending import Postmark, Sender
from ostiary.server.logs import Log

if TYPE_CHECKING:
    from ostiary.delivery.mail import FolderSender, SmtpSender
    from ostiary.delivery.sms import SmsGateway
    from ostiary.delivery.templates import Templates

MAX_ANSWER_BYTES: Final = 65_536


@runtime_checkable
class Closing(Protocol):
    """A sender that keeps connections."""

    async def aclose(self) -> None:
        """Let go of them."""
        ...


async def close_senders(senders: Mapping[Medium, Sender]) -> None:
    """Let go of the connections that senders keep."""
    for sender in senders.values():
        if isinstance(sender, Closing):
            await sender.aclose()


def make_senders(config: Config, log: Log) -> Mapping[Medium, Sender]:
    """A sender for each medium that messages can be sent by. Raises ConfigError."""
    mail = config.mail
    if not mail.host and not mail.folder and not config.sms.url:
        return {}
    if config.dev and mail.folder and not mail.templates and not config.sms.url:
        folder = Later(lambda: _folder(config, templates_for(mail), log))
        return {Medium.EMAIL: folder, Medium.MSISDN: folder}
    templates = templates_for(mail)
    senders: dict[Medium, Sender] = {}
    if mail.folder:
        senders[Medium.EMAIL] = _folder(config, templates, log)
    elif mail.host:
        senders[Medium.EMAIL] = _smtp(config, templates)
    if config.sms.url:
        senders[Medium.MSISDN] = _gateway(config.sms, templates)
    return senders


class Later:
    """A sender that is made when the first message is to be sent. For what nothing can be wrong with."""

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make = make
        self._made: Sender | None = None

    async def send(self, message: Message, postmark: Postmark) -> None:
        """Hand a message over. Raises DeliveryFailed."""
        if self._made is None:
            self._made = self._make()
        await self._made.send(message, postmark)


def templates_for(mail: MailConfig) -> "Templates":
    """The words of messages, all of which have been tried. Raises ConfigError for a template that is broken."""
    from ostiary.delivery.templates import Templates

    templates = Templates(Path(mail.templates) if mail.templates else None, language=mail.language)
    try:
        templates.check()
    except ValueError as error:
        raise ConfigError(
            [f"mail.templates = {mail.templates!r}, mail.language = {mail.language!r}: {error}"]
        ) from None
    return templates


def _folder(config: Config, templates: "Templates", log: Log) -> "FolderSender":
    """For trying out: whoever reads the log may read the mail as well."""
    from ostiary.delivery.mail import FolderSender

    def show(address: str, what: str) -> None:
        log.info("message written", to=address, see=what)

    return FolderSender(
        templates,
        folder=Path(config.mail.folder),
        sender_address=config.mail.sender or f"ostiary@{config.server_name.partition(':')[0]}",
        server_name=config.server_name,
        show=show,
    )


def _smtp(config: Config, templates: "Templates") -> "SmtpSender":
    from ostiary.delivery.mail import SmtpSender

    mail = config.mail
    try:
        return SmtpSender(
            templates,
            host=mail.host,
            port=mail.port,
            encryption=mail.encryption,
            username=mail.username or None,
            password=mail.password or None,
            sender_address=mail.sender,
            timeout_ms=mail.timeout_ms,
            cafile=Path(mail.ca_file) if mail.ca_file else None,
            server_name=config.server_name,
        )
    except ValueError as error:
        raise ConfigError([f"mail: {error}"]) from None


def _gateway(sms: SmsConfig, templates: "Templates") -> "SmsGateway":
    from ostiary.delivery.http import Outgoing
    from ostiary.delivery.sms import SmsGateway

    headers = {}
    for line in sms.headers:
        name, _, value = line.reveal().partition(":")
        headers[name] = Secret(value.strip())
    outgoing = Outgoing(timeout_ms=sms.timeout_ms, max_answer_bytes=MAX_ANSWER_BYTES, allow_private=True)
    return SmsGateway(outgoing, sms.method, sms.url, headers, Secret(sms.body) if sms.body else None, templates.sms)
