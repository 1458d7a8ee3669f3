"""Mail by SMTP, and into a folder while one tries things out.

A connection for each mail: what is sent is little, and what is kept open breaks. Must not know when to try again.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from ostiary.accounts.messages import Medium, Message
from ostiary.api.secret import Secret
from ostiary.delivery.composing import compose, host_of, parse_recipient, parse_sender
from ostiary.delivery.sending import DeliveryFailed, Postmark
from ostiary.delivery.templates import Templates

Encryption = Literal["none", "starttls", "tls"]

MAX_REPLY: Final = 200
"""Characters of a server's answer that are kept."""

PERMANENT: Final = range(500, 600)
NOT_ABOUT_THE_RECIPIENT: Final = frozenset({*range(500, 505), 521, *range(530, 540)})
"""Answers to a recipient's address that say something of us instead: a command not known, a login that is missing."""

_ENHANCED: Final = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class SmtpSender:
    """Hands mails to an SMTP server.

    ``encryption``: ``tls`` from the first byte, ``starttls`` before anything is said, never without. ``cafile``: trust
    the certificates in this file besides the system's. ``sender_address``: alone, or as ``Name <address>``.
    ``timeout_ms``: for each answer of the server. ``server_name``: ours, told to the server and in Message-IDs.
    Raises ValueError where an argument is no good.
    """

    def __init__(
        self, templates: Templates, *, host: str, port: int, encryption: Encryption, username: str | None,
        password: Secret | None, sender_address: str, timeout_ms: int, cafile: Path | None, server_name: str,
    ) -> None:  # fmt: skip
        self._templates = templates
        self._host = host
        self._port = port
        self._encryption = encryption
        self._username = username
        self._password = password
        self._sender = parse_sender(sender_address)
        self._timeout_s = timeout_ms / 1000
        self._name = host_of(server_name)
        self._context = None if encryption == "none" else _context(cafile)

    async def send(self, message: Message, postmark: Postmark) -> None:
        """Hand a mail over. Raises DeliveryFailed: permanent where the server refuses the recipient for good."""
        recipient = parse_recipient(message.address)
        mail = compose(self._templates.mail(message), self._sender, recipient, postmark, host=self._name)
        client = self._client()
        try:
            await client.connect()
            await client.send_message(mail, sender=self._sender.addr_spec, recipients=[recipient.addr_spec])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0], error.recipients[0].code) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise DeliveryFailed(self._told(error), permanent=False) from None
        else:
            # The server has the mail. That it is not polite at the end must not have it sent again.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password.reveal() if self._password is not None else None,
            local_hostname=self._name,
            timeout=self._timeout_s,
            use_tls=self._encryption == "tls",
            start_tls=self._encryption == "starttls",  # True is required, not tried
            tls_context=self._context,
        )

    def _told(self, error: Exception) -> str:
        """What went wrong, as a sentence that repeats nothing of the mail or of the login."""
        server = f"The mail server {self._host}:{self._port}"
        match error:
            case aiosmtplib.SMTPAuthenticationError():
                return f"{server} refused the user name or the password ({error.code})"
            case aiosmtplib.SMTPSenderRefused():
                return f"{server} refused the sender's address: {_reply(error)}"
            case aiosmtplib.SMTPResponseException():
                return f"{server} answered {_code(error)}"  # its words may quote the mail that it does not like
            case ssl.SSLCertVerificationError():
                return f"{server} has a certificate that is not trusted: {error.verify_message}"
            case aiosmtplib.SMTPTimeoutError() | TimeoutError():
                return f"{server} did not answer in time"
            case aiosmtplib.SMTPServerDisconnected():
                return f"{server} closed the connection"
            case aiosmtplib.SMTPException():
                return f"{server} cannot be used: {_one_line(error.message)}"  # the library's own words
            case OSError():
                return f"{server} cannot be reached: {_one_line(error.strerror or type(error).__name__)}"
        return f"{server} could not be given the mail ({type(error).__name__})"


def _context(cafile: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if cafile is not None:  # besides the system's: given at once, it would take their place
            context.load_verify_locations(cafile)
        return context
    except OSError as error:
        raise ValueError(f"The certificates in {cafile} cannot be read: {error.strerror or error}") from None


def _refused(error: aiosmtplib.SMTPResponseException, code: int) -> DeliveryFailed:
    permanent = code in PERMANENT and code not in NOT_ABOUT_THE_RECIPIENT
    return DeliveryFailed(f"The mail server refused the recipient: {_reply(error)}", permanent=permanent)


def _reply(error: aiosmtplib.SMTPResponseException) -> str:
    return _one_line(f"{error.code} {error.message}")


def _code(error: aiosmtplib.SMTPResponseException) -> str:
    found = _ENHANCED.match(error.message)
    return f"{error.code} {found.group()}" if found else str(error.code)


def _one_line(text: str) -> str:
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= MAX_REPLY else f"{line[: MAX_REPLY - 1]}…"


class FolderSender:
    """Writes mails as ``.eml`` files and text messages as ``.txt`` files into a folder, for trying things out.

    ``show``: is told the address, and the link of the message; failing that its code; failing that the file.
    """

    def __init__(
        self, templates: Templates, *, folder: Path, sender_address: str, server_name: str,
        show: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._templates = templates
        self._folder = folder
        self._sender = parse_sender(sender_address)
        self._name = host_of(server_name)
        self._show = show

    async def send(self, message: Message, postmark: Postmark) -> None:
        """Write a message. Raises DeliveryFailed."""
        if message.medium is Medium.EMAIL:
            content, ending = self._mail(message, postmark).as_bytes(policy=SMTPUTF8), "eml"
        else:
            content, ending = self._templates.sms(message).encode(), "txt"
        file = self._folder / f"{postmark.at}-{message.kind}-{postmark.unique[:4].hex()}.{ending}"
        try:
            await asyncio.to_thread(_write_private, file, content)
        except OSError as error:
            raise DeliveryFailed(f"{file} cannot be written: {error.strerror}", permanent=False) from None
        self._show(message.address, str(message.values.get("link") or message.values.get("code") or file))

    def _mail(self, message: Message, postmark: Postmark) -> EmailMessage:
        recipient = parse_recipient(message.address)
        return compose(self._templates.mail(message), self._sender, recipient, postmark, host=self._name)


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that its owner alone can read: it may hold what proves an address."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)
