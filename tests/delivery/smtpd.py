"""A real SMTP server in the test's own event loop, with certificates of its own, that answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USERNAME = "mailer"
PASSWORD = "PASSWORD-of-the-mailer"


@dataclass
class Mailbox:
    """What the server has been given, and what it is to answer."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    recipient_answers: dict[str, str] = field(default_factory=dict)
    sender_answer: str = ""
    data_answer: str = ""
    word_for_it: str = "250 Taken"
    needs_login: bool = False
    names: list[str] = field(default_factory=list)

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, host: str, answers: list[str]) -> list[str]:  # noqa: N802
        self.names.append(host)
        session.host_name = host
        return answers

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.needs_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if answer := self.recipient_answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_answer:
            return self.data_answer
        mail = message_from_bytes(envelope.content, policy=policy.SMTPUTF8)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.mail_options))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return self.word_for_it

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USERNAME.encode(), PASSWORD.encode(),
        )  # fmt: skip
        if right:
            self.logins.append(mechanism)
        return AuthResult(success=right, handled=False)


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key."""

    cafile: Path
    context: ssl.SSLContext


def make_certificate(folder: Path, *, host: str = "127.0.0.1") -> Certificate:
    """A certificate for a host, good now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    general = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([general]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{host}.pem", folder / f"{host}.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return Certificate(public, context)


@asynccontextmanager
async def open_smtp_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, smtputf8: bool = True
) -> AsyncIterator[Mailbox]:
    """A server on a port of its own. ``starttls``: offered; ``tls``: from the first byte."""
    mailbox = Mailbox()
    made: list[SMTP] = []

    def protocol() -> SMTP:
        made.append(
            SMTP(
                mailbox, loop=asyncio.get_running_loop(), hostname="mail.test", tls_context=starttls,
                enable_SMTPUTF8=smtputf8, authenticator=mailbox.authenticate, auth_require_tls=False,
            )
        )  # fmt: skip
        return made[-1]

    async with _listening(protocol, tls) as port:
        mailbox.port = port
        yield mailbox
        for one in made:
            if one._handler_coroutine is not None:
                one._handler_coroutine.cancel()
                await asyncio.gather(one._handler_coroutine, return_exceptions=True)


@asynccontextmanager
async def open_silent_server(
    greeting: bytes = b"", *, met: asyncio.Event | None = None, left: asyncio.Event | None = None
) -> AsyncIterator[int]:
    """A server that greets, perhaps, and then says nothing. ``met`` and ``left``: set as somebody comes and goes."""

    class Silent(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(greeting)

        def data_received(self, data: bytes) -> None:
            if met is not None:
                met.set()

        def connection_lost(self, exc: Exception | None) -> None:
            if left is not None:
                left.set()

    async with _listening(Silent, None) as port:
        yield port


@asynccontextmanager
async def _listening(protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
