"""From a request to the mail: the server's own worker hands over what its requests have put into the outbox."""

import asyncio
import email
import email.policy
import json
import logging
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.api.secret import Secret
from ostiary.config import ConfigError, MailConfig, ServerConfig, SmsConfig
from ostiary.delivery.mail import FolderSender, SmtpSender
from ostiary.delivery.outbox import OutboxWorker
from ostiary.delivery.sms import SmsGateway
from ostiary.server.environment import SystemClock
from ostiary.server.logs import Log
from ostiary.server.sending import close_senders, make_senders
from ostiary.storage.works import outbox
from tests.databases import fresh_url
from tests.delivery.doubles import Reply
from tests.delivery.doubles import serving as serving_http
from tests.delivery.opened import POSTMARK, notice, open_store
from tests.delivery.smtpd import open_smtp_server
from tests.process import serving
from tests.server.handlers.test_validation import ADDRESS, SECRET, ask, give
from tests.world import SeededEntropy, open_config, open_world

LOG = Log(logging.getLogger("test"))
DAY_MS = 86_400_000


async def test_a_mail_with_its_link_arrives(tmp_path: Path) -> None:
    async with open_smtp_server() as inbox:
        config = replace(
            open_config(tmp_path),
            server=ServerConfig(public_url="https://matrix.example.org"),
            mail=MailConfig(
                host="127.0.0.1", port=inbox.port, encryption="none", sender="Example <matrix@example.org>"
            ),
        )
        async with open_world(config) as world:
            senders = make_senders(config, LOG)
            worker = OutboxWorker(world.services.store, senders, world.clock, SeededEntropy(), LOG)
            await give(world, await world.register("alice"))
            assert (await ask(world, "reset")).status == 200
            assert await worker.deliver_due() == 1
            assert await world.messages() == []
            (mail,) = inbox.mails
            assert (mail["To"], mail["From"]) == (ADDRESS, "Example <matrix@example.org>")
            text = mail.get_body(("plain",))
            assert text is not None
            (link,) = re.findall(r"https://matrix\.example\.org/\S+", text.get_content())
            assert await world.follow(link)


def test_development_shows_links_in_the_log_and_keeps_mails_in_a_folder(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev") as server:
        body = {"client_secret": SECRET, "email": ADDRESS, "send_attempt": 1}
        status, _ = server.call("POST", "v3/register/email/requestToken", body)
        assert status == 200
        written = _wait_for(server.log, "message written")
        assert written["to"] == ADDRESS
        assert "/_matrix/client/unstable/org.ostiary/validate?token=" in str(written["see"])
        (file,) = (tmp_path / "ostiary-mail").iterdir()
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert mail["To"] == ADDRESS
        text = mail.get_body(("plain",))
        assert text is not None
        assert str(written["see"]) in text.get_content()


async def test_what_waits_is_given_up_by_a_server_whose_mail_was_taken_away(tmp_path: Path) -> None:
    async with open_store(tmp_path) as (_, engine):
        await engine.write(outbox.put([notice()], SystemClock().now() - 4 * DAY_MS))
    with serving(tmp_path, "--database", fresh_url(tmp_path)) as server:
        told = await asyncio.to_thread(_wait_for, server.log, "message_given_up")
        assert told["error"] == "Nothing is set up to send to the medium email"


def _wait_for(log: list[dict[str, object]], event: str) -> dict[str, object]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for line in log:
            if line["event"] == event:
                return line
        time.sleep(0.02)
    raise AssertionError(json.dumps(log))


class TestSenders:
    def test_none_where_nothing_is_configured(self, tmp_path: Path) -> None:
        assert make_senders(open_config(tmp_path), LOG) == {}

    def test_each_by_its_configuration(self, tmp_path: Path) -> None:
        config = open_config(tmp_path, sms=SmsConfig(url=Secret("https://sms.example.org")))
        assert isinstance(make_senders(config, LOG)[Medium.MSISDN], SmsGateway)
        config = open_config(tmp_path, mail=MailConfig(folder=str(tmp_path)))
        senders = make_senders(config, LOG)
        assert list(senders) == [Medium.EMAIL]
        assert isinstance(senders[Medium.EMAIL], FolderSender)
        senders = make_senders(replace(config, dev=True), LOG)
        assert set(senders) == set(Medium), "texts go there as well, while trying out"
        config = open_config(tmp_path, mail=MailConfig(host="localhost", sender="a@example.org"))
        assert isinstance(make_senders(config, LOG)[Medium.EMAIL], SmtpSender)

    @pytest.mark.parametrize(
        ("mail", "told"),
        [
            (MailConfig(host="localhost", sender="nobody"), "mail"),
            (MailConfig(host="localhost", sender="a@example.org", ca_file="/nonexistent"), "mail"),
        ],
    )
    def test_what_cannot_be_is_told(self, tmp_path: Path, mail: MailConfig, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            make_senders(open_config(tmp_path, mail=mail), LOG)

    async def test_the_gateways_connections_are_let_go_of(self, tmp_path: Path) -> None:
        with serving_http(Reply({"ok": True})) as gateway:
            config = open_config(tmp_path, sms=SmsConfig(url=Secret(gateway.url)))
            senders = make_senders(config, LOG)
            values: dict[str, str | int] = {"server_name": "localhost", "link": "", "code": "123456", "minutes": 5}
            message = Message(MessageKind.VALIDATE_TO_ADD, Medium.MSISDN, "4930123456", values)
            await senders[Medium.MSISDN].send(message, POSTMARK)
            await close_senders(senders)
            assert "123456" in gateway.asked[0].json["text"]

    def test_a_language_without_templates(self, tmp_path: Path) -> None:
        mail = MailConfig(folder=str(tmp_path), language="tlh")
        with pytest.raises(ConfigError, match=r"mail\.language = 'tlh'"):
            make_senders(open_config(tmp_path, mail=mail), LOG)

    async def test_the_language_of_those_whose_own_is_not_known(self, tmp_path: Path) -> None:
        folder = tmp_path / "mails"
        config = open_config(tmp_path, mail=MailConfig(folder=str(folder), language="de"))
        sender = make_senders(config, LOG)[Medium.EMAIL]
        values: dict[str, str | int] = {"server_name": "localhost", "user_id": "@a:localhost"}
        for language, word in (("", b"Konto"), ("en", b"account"), ("fr", b"Konto")):
            await sender.send(Message(MessageKind.APPROVED, Medium.EMAIL, "a@example.org", values, language), POSTMARK)
            (file,) = folder.iterdir()
            assert word in file.read_bytes()
            file.unlink()

    def test_a_broken_template_of_ones_own(self, tmp_path: Path) -> None:
        (tmp_path / "en").mkdir()
        (tmp_path / "en" / "signed_in.txt.j2").write_text("Subject: x\n{{ nonsense }}", encoding="utf-8")
        mail = MailConfig(folder=str(tmp_path), templates=str(tmp_path))
        with pytest.raises(ConfigError, match=r"mail\.templates.*signed_in"):
            make_senders(open_config(tmp_path, mail=mail), LOG)


async def test_the_worker_stops_with_the_server(tmp_path: Path) -> None:
    config = open_config(tmp_path, mail=MailConfig(folder=str(tmp_path / "mail")))
    async with open_world(config) as world:
        senders = make_senders(config, LOG)
        task = asyncio.create_task(OutboxWorker(world.services.store, senders, world.clock, SeededEntropy(), LOG).run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
