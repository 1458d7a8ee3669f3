"""Mail by SMTP, against a real server: what arrives, how it is encrypted, and how each failure is told."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ostiary.api.secret import Secret
from ostiary.delivery.mail import FolderSender, SmtpSender
from ostiary.delivery.sending import DeliveryFailed
from ostiary.delivery.templates import Templates
from tests.delivery.opened import CODE, LINK, POSTMARK, notice, text_message, validation
from tests.delivery.smtpd import (
    PASSWORD,
    USERNAME,
    Certificate,
    Mailbox,
    make_certificate,
    open_silent_server,
    open_smtp_server,
)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def sender(port: int, **changes: Any) -> SmtpSender:
    arguments: dict[str, Any] = {
        "host": "127.0.0.1", "port": port, "encryption": "none", "username": None, "password": None,
        "sender_address": "Our house <accounts@example.org>", "timeout_ms": 10_000, "cafile": None,
        "server_name": "example.org:8448",
    }  # fmt: skip
    return SmtpSender(Templates(None), **(arguments | changes))


async def failure(one: SmtpSender, address: str = "alice@example.org") -> DeliveryFailed:
    """What sending fails with; a secret in it fails the test."""
    with pytest.raises(DeliveryFailed) as caught:
        await one.send(validation(address), POSTMARK)
    told = f"{caught.value!r} {caught.value.__cause__!r}"
    for secret in (LINK, "SECRETLINK", CODE, PASSWORD):
        assert secret not in told
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_smtp_server() as opened:
        yield opened


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class TestWhatArrives:
    async def test_mail_has_its_headers_and_both_bodies(self, mailbox: Mailbox) -> None:
        await sender(mailbox.port).send(validation(), POSTMARK)
        (mail,) = mailbox.mails
        assert mail["From"] == "Our house <accounts@example.org>"
        assert mail["To"] == "alice@example.org"
        assert mail["Subject"] == "Confirm your e-mail address for example.org"
        assert mail["Date"].datetime == datetime.fromtimestamp(POSTMARK.at // 1000, UTC)
        assert mail["Message-ID"] == f"<{POSTMARK.unique.hex()}@example.org>"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        for part in mail.iter_parts():
            assert LINK in part.get_content()
            assert CODE in part.get_content()
        assert mailbox.envelopes[0][:2] == ("accounts@example.org", ["alice@example.org"])
        assert mailbox.names == ["example.org"]

    async def test_umlauts_arrive(self, mailbox: Mailbox) -> None:
        await sender(mailbox.port, sender_address="Türsteher <accounts@example.org>").send(
            notice(language="de", device="Jürgens Gerät"), POSTMARK
        )
        (mail,) = mailbox.mails
        assert mail["From"] == "Türsteher <accounts@example.org>"
        body = mail.get_body(("plain",))
        assert body is not None
        assert "Gerät: Jürgens Gerät" in body.get_content()

    async def test_host_names_in_other_letters_go_out_in_ascii(self, mailbox: Mailbox) -> None:
        await sender(mailbox.port).send(notice("alice@bücher.example"), POSTMARK)
        assert mailbox.envelopes[0][1] == ["alice@xn--bcher-kva.example"]

    async def test_local_parts_in_other_letters_go_out_where_the_server_takes_them(self, mailbox: Mailbox) -> None:
        await sender(mailbox.port).send(notice("jürgen@example.org"), POSTMARK)
        assert mailbox.envelopes[0][1] == ["jürgen@example.org"]
        assert "SMTPUTF8" in mailbox.envelopes[0][2]
        assert mailbox.mails[0]["To"] == "jürgen@example.org"

    async def test_local_parts_in_other_letters_fail_where_it_does_not(self) -> None:
        async with open_smtp_server(smtputf8=False) as mailbox:
            error = await failure(sender(mailbox.port), "jürgen@example.org")
            assert "SMTPUTF8 is not supported by this server" in str(error)
            assert not mailbox.mails


class TestInjection:
    @pytest.mark.parametrize(
        "address",
        [
            "a@example.org\r\nBcc: eve@example.org", "a@example.org\nX: y", "a@example.org, eve@example.org",
            "a@example.org> SIZE=1\r\nRCPT TO:<eve@example.org", "Alice <a@example.org>", "", "a", "@", "a@", "@b",
            "a b@example.org", "a@example.org\x00", "a\u2028@example.org", "a@" + "ü" * 80,
            '"jü"@example.org', "jü b@example.org", "jü,b@example.org", "jü@a@example.org",
        ],
    )  # fmt: skip
    async def test_recipient_that_is_no_address_is_refused_for_good(self, mailbox: Mailbox, address: str) -> None:
        error = await failure(sender(mailbox.port), address)
        assert error.permanent
        assert not mailbox.mails

    @pytest.mark.parametrize(
        "address",
        [
            "Ostiary", "", "A <a@example.org>\r\nBcc: eve@example.org", "a@example.org, b@example.org", "A <a@>",
            "A\n<a@example.org>",
        ],
    )  # fmt: skip
    def test_sender_that_is_no_address_is_refused_at_once(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"^The sender's address .* is not a mail address"):
            sender(1, sender_address=address)

    async def test_value_with_a_line_break_adds_no_header(self, mailbox: Mailbox, tmp_path: Path) -> None:
        (tmp_path / "en").mkdir()
        (tmp_path / "en/signed_in.txt.j2").write_text("Subject: {{ device }}\n\n.\n{{ device }}\n")
        one = sender(mailbox.port)
        one._templates = Templates(tmp_path)
        await one.send(notice(device="x\r\nBcc: eve@example.org\r\n\r\nEvil"), POSTMARK)
        (mail,) = mailbox.mails
        assert mail["Subject"] == "x Bcc: eve@example.org Evil"
        assert mail["Bcc"] is None
        assert len(mailbox.envelopes[0][1]) == 1


class TestEncryption:
    async def test_starttls(self, certificate: Certificate) -> None:
        async with open_smtp_server(starttls=certificate.context) as mailbox:
            await sender(mailbox.port, encryption="starttls", cafile=certificate.cafile).send(notice(), POSTMARK)
            assert mailbox.encrypted == [True]

    async def test_tls(self, certificate: Certificate) -> None:
        async with open_smtp_server(tls=certificate.context) as mailbox:
            await sender(mailbox.port, encryption="tls", cafile=certificate.cafile).send(notice(), POSTMARK)
            assert mailbox.encrypted == [True]

    async def test_none_says_nothing_of_starttls(self, certificate: Certificate) -> None:
        async with open_smtp_server(starttls=certificate.context) as mailbox:
            await sender(mailbox.port).send(notice(), POSTMARK)
            assert mailbox.encrypted == [False]

    async def test_starttls_that_is_not_offered_sends_nothing(self, mailbox: Mailbox, certificate: Certificate) -> None:
        one = sender(
            mailbox.port, encryption="starttls", cafile=certificate.cafile, username=USERNAME, password=Secret(PASSWORD)
        )
        error = await failure(one)
        assert not error.permanent
        assert "STARTTLS extension not supported" in str(error)
        assert not mailbox.mails
        assert not mailbox.logins

    @pytest.mark.parametrize("encryption", ["starttls", "tls"])
    async def test_certificate_that_nobody_vouches_for_is_refused(
        self, certificate: Certificate, encryption: str
    ) -> None:
        offer: dict[str, Any] = {encryption: certificate.context}
        async with open_smtp_server(**offer) as mailbox:
            error = await failure(sender(mailbox.port, encryption=encryption))
            assert not error.permanent
            assert "self-signed certificate" in str(error)
            assert not mailbox.mails

    @pytest.mark.parametrize("encryption", ["starttls", "tls"])
    async def test_certificate_of_another_host_is_refused(self, tmp_path: Path, encryption: str) -> None:
        other = make_certificate(tmp_path, host="other.example")
        offer: dict[str, Any] = {encryption: other.context}
        async with open_smtp_server(**offer) as mailbox:
            error = await failure(sender(mailbox.port, encryption=encryption, cafile=other.cafile))
            assert "IP address mismatch" in str(error)
            assert not mailbox.mails

    async def test_certificates_of_ones_own_are_trusted_besides_the_systems(
        self, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cafile))
        own = make_certificate(tmp_path, host="localhost")
        for one, host in ((certificate, "127.0.0.1"), (own, "localhost")):
            async with open_smtp_server(tls=one.context) as mailbox:
                await sender(mailbox.port, host=host, encryption="tls", cafile=own.cafile).send(notice(), POSTMARK)
                assert mailbox.encrypted == [True]

    async def test_tls_to_a_server_without_is_a_failure(self, mailbox: Mailbox, certificate: Certificate) -> None:
        error = await failure(sender(mailbox.port, encryption="tls", cafile=certificate.cafile))
        assert not error.permanent

    def test_certificates_that_cannot_be_read_are_told_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"^The certificates in .*none.pem cannot be read: No such file"):
            sender(1, encryption="tls", cafile=tmp_path / "none.pem")


class TestLogin:
    async def test_right_password(self, certificate: Certificate) -> None:
        async with open_smtp_server(starttls=certificate.context) as mailbox:
            mailbox.needs_login = True
            one = sender(
                mailbox.port, encryption="starttls", cafile=certificate.cafile, username=USERNAME,
                password=Secret(PASSWORD),
            )  # fmt: skip
            await one.send(notice(), POSTMARK)
            assert mailbox.logins
            assert len(mailbox.mails) == 1

    async def test_wrong_password_may_be_mended(self, mailbox: Mailbox) -> None:
        error = await failure(sender(mailbox.port, username=USERNAME, password=Secret(f"{PASSWORD}!")))
        assert not error.permanent
        assert str(error) == f"The mail server 127.0.0.1:{mailbox.port} refused the user name or the password (535)"
        assert not mailbox.mails

    async def test_login_that_is_missing_may_be_mended(self, mailbox: Mailbox) -> None:
        mailbox.needs_login = True
        error = await failure(sender(mailbox.port))
        assert not error.permanent
        assert "530 5.7.0 Authentication required" in str(error)


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "permanent"),
        [
            ("450 4.2.1 Mailbox busy", False), ("451 4.7.1 Greylisted", False), ("550 5.1.1 No such user", True),
            ("553 5.1.3 Bad address", True), ("530 5.7.0 Log in first", False), ("502 What?", False),
        ],
    )  # fmt: skip
    async def test_refused_recipient(self, mailbox: Mailbox, answer: str, permanent: bool) -> None:
        mailbox.recipient_answers["alice@example.org"] = answer
        error = await failure(sender(mailbox.port))
        assert error.permanent is permanent
        assert str(error) == f"The mail server refused the recipient: {answer}"

    @pytest.mark.parametrize("answer", ["451 4.3.0 Later", "553 5.1.8 Not from you"])
    async def test_refused_sender_passes(self, mailbox: Mailbox, answer: str) -> None:
        mailbox.sender_answer = answer
        error = await failure(sender(mailbox.port))
        assert not error.permanent
        assert answer in str(error)

    async def test_refused_mail_passes_and_its_words_are_not_repeated(self, mailbox: Mailbox) -> None:
        mailbox.data_answer = f"554 5.7.1 Bad link {LINK} {CODE}"
        error = await failure(sender(mailbox.port))
        assert not error.permanent
        assert str(error) == f"The mail server 127.0.0.1:{mailbox.port} answered 554 5.7.1"

    async def test_long_answers_are_cut(self, mailbox: Mailbox) -> None:
        mailbox.recipient_answers["alice@example.org"] = "550 " + "no " * 150
        assert len(str(await failure(sender(mailbox.port)))) < 250

    async def test_connection_refused(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            error = await failure(sender(unused.getsockname()[1]))
        assert not error.permanent
        assert "Connect call failed" in str(error)

    async def test_host_that_does_not_exist(self) -> None:
        error = await failure(sender(25, host="nowhere.invalid"))
        assert not error.permanent

    @pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n"])
    async def test_server_that_hangs(self, greeting: bytes) -> None:
        async with open_silent_server(greeting) as port:
            error = await failure(sender(port, timeout_ms=100))
        assert not error.permanent
        assert str(error) == f"The mail server 127.0.0.1:{port} did not answer in time"

    @pytest.mark.parametrize("greeting", [b"554 5.3.2 Go away\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
    async def test_server_that_does_not_want_us(self, greeting: bytes) -> None:
        async with open_silent_server(greeting) as port:
            error = await failure(sender(port, timeout_ms=1000))
        assert not error.permanent

    async def test_cancelled_sending_ends_and_leaves_no_connection(self) -> None:
        met, left = asyncio.Event(), asyncio.Event()
        async with open_silent_server(b"220 hello\r\n", met=met, left=left) as port:
            task = asyncio.create_task(sender(port).send(notice(), POSTMARK))
            await met.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await left.wait()

    def test_sender_shows_no_password(self) -> None:
        one = sender(1, username=USERNAME, password=Secret(PASSWORD))
        assert PASSWORD not in f"{one!r} {vars(one)}"


class TestFolder:
    def open(self, folder: Path) -> tuple[FolderSender, list[tuple[str, str]]]:
        shown: list[tuple[str, str]] = []
        one = FolderSender(
            Templates(None), folder=folder, sender_address="accounts@example.org",
            server_name="example.org", show=lambda address, what: shown.append((address, what)),
        )  # fmt: skip
        return one, shown

    async def test_mail_becomes_a_file_and_its_link_is_shown(self, tmp_path: Path) -> None:
        one, shown = self.open(tmp_path / "mails")
        await one.send(validation("jürgen@example.org"), POSTMARK)
        (file,) = files_in(tmp_path / "mails")
        assert file.suffix == ".eml"
        assert file.stat().st_mode & 0o077 == 0
        assert b"Subject: Confirm your e-mail address" in file.read_bytes()
        assert shown == [("jürgen@example.org", LINK)]

    async def test_of_a_text_message_the_code_is_shown(self, tmp_path: Path) -> None:
        one, shown = self.open(tmp_path)
        await one.send(text_message(), POSTMARK)
        (file,) = files_in(tmp_path)
        assert file.suffix == ".txt"
        assert CODE in file.read_text()
        assert shown == [("491700000000", CODE)]

    async def test_of_a_notice_the_file_is_shown(self, tmp_path: Path) -> None:
        one, shown = self.open(tmp_path)
        await one.send(notice(), POSTMARK)
        (file,) = files_in(tmp_path)
        assert shown == [("alice@example.org", str(file))]

    async def test_folder_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        one, shown = self.open(tmp_path / "file")
        with pytest.raises(DeliveryFailed, match="cannot be written"):
            await one.send(notice(), POSTMARK)
        assert not shown
