"""What the keys about mail, text messages, captchas and other servers do: real ones on loopback answer, or hang."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from ostiary.accounts.messages import Medium
from ostiary.api.secret import Secret
from ostiary.config import (
    CaptchaConfig,
    Config,
    IdentityServersConfig,
    MailConfig,
    SmsConfig,
)
from ostiary.delivery.outbox import OutboxWorker
from ostiary.server.logs import Log
from ostiary.server.outside import open_outside
from ostiary.server.sending import make_senders
from tests.delivery.doubles import Asked, Reply, serving, silent_server
from tests.delivery.smtpd import PASSWORD, USERNAME, make_certificate, open_smtp_server
from tests.server.handlers.test_administrative_contact import LIST
from tests.server.handlers.test_validation import SECRET, ask, ask_by_phone, give, sending
from tests.world import SeededEntropy, World, open_world, password_auth

LOG: Final = Log(logging.getLogger("test"))
TINY_MS: Final = 100
LONG_MS: Final = 600_000


async def deliver(world: World) -> int:
    """Hand over what waits, as the server does; how many messages arrived."""
    senders = make_senders(world.config, LOG)
    worker = OutboxWorker(world.services.store, senders, world.clock, SeededEntropy(), LOG)
    try:
        await worker.deliver_due()
        return 1 - len(await world.messages())
    finally:
        await _stop(worker, senders)


async def _stop(worker: OutboxWorker, senders: Mapping[Medium, Any]) -> None:
    """What a process that ends would end."""
    for task in worker._under_way:
        task.cancel()
    await asyncio.gather(*worker._under_way, return_exceptions=True)
    if Medium.MSISDN in senders:
        await senders[Medium.MSISDN]._outgoing.aclose()


async def gives_up(awaited: Any, expected: bool) -> bool:
    """Whether it comes to an end of its own: soon, or, where that is expected, at all. What hangs on is cancelled."""
    try:
        async with asyncio.timeout(20 if expected else 0.5):
            await awaited
    except TimeoutError:
        return False
    return True


def by_mail(config: Config, **changes: Any) -> Config:
    mail = MailConfig(host="127.0.0.1", encryption="none", sender="matrix@example.org")
    return replace(config, mail=replace(mail, **changes))


def by_text(config: Config, url: str, **changes: Any) -> Config:
    return replace(config, sms=replace(SmsConfig(url=Secret(url)), **changes))


# --- Mail ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout_ms", "ends"), [(TINY_MS, True), (LONG_MS, False)])
async def test_mail_server_that_hangs_is_given_up(tmp_path: Path, timeout_ms: int, ends: bool) -> None:
    with silent_server() as url:
        config = by_mail(sending(tmp_path), port=int(url.rpartition(":")[2]), timeout_ms=timeout_ms)
        async with open_world(config) as world:
            await ask(world)
            assert await gives_up(deliver(world), ends) == ends


async def test_mail_goes_to_its_port_from_its_sender(tmp_path: Path) -> None:
    async with open_smtp_server() as one, open_smtp_server() as other:
        config = by_mail(sending(tmp_path), port=other.port, sender="doorkeeper@example.org")
        async with open_world(config) as world:
            await ask(world)
            assert await deliver(world) == 1
        assert one.mails == []
        assert [mail["From"] for mail in other.mails] == ["doorkeeper@example.org"]


@pytest.mark.parametrize("notices", [(), ("password_changed",)])
async def test_notices_are_those_that_are_listed(tmp_path: Path, notices: tuple[str, ...]) -> None:
    config = sending(tmp_path)
    async with open_world(replace(config, mail=replace(config.mail, notices=notices))) as world:
        alice = await world.register("alice")
        await give(world, alice)
        body = {"new_password": "another horse", "auth": password_auth(alice)}
        await world.call("POST", "v3/account/password", body, token=alice.access_token)
        assert [message["kind"] for message in await world.messages()] == list(notices)


# --- Text messages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", ["one {to}", "another {to}"])
@pytest.mark.parametrize("header", ["A: 1", "B: 2"])
async def test_gateway_is_asked_as_configured(tmp_path: Path, method: str, body: str, header: str) -> None:
    with serving(Reply({})) as gateway:
        config = by_text(sending(tmp_path), f"{gateway.url}/sms", method=method, headers=(Secret(header),), body=body)
        async with open_world(config) as world:
            assert (await ask_by_phone(world)).status == 200
            assert await deliver(world) == 1
        (asked,) = gateway.asked
        name, value = header.split(": ")
        assert (asked.method, asked.path, asked.headers.get(name.lower())) == (method, "/sms", value)
        assert asked.body.decode().split(" ")[0] == body.split(" ", maxsplit=1)[0]


@pytest.mark.parametrize(("timeout_ms", "ends"), [(TINY_MS, True), (LONG_MS, False)])
async def test_gateway_that_hangs_is_given_up(tmp_path: Path, timeout_ms: int, ends: bool) -> None:
    with silent_server() as url:
        async with open_world(by_text(sending(tmp_path), url, timeout_ms=timeout_ms)) as world:
            await ask_by_phone(world)
            assert await gives_up(deliver(world), ends) == ends


# --- Captchas --------------------------------------------------------------------------------------------------------


async def test_captcha_is_judged_at_its_place_with_its_secret(tmp_path: Path) -> None:
    def judge(asked: Asked) -> Reply:
        return Reply({"success": asked.form["secret"] == "right"})

    with serving(judge) as service:
        for secret, solved in (("right", True), ("wrong", False)):
            captcha = CaptchaConfig(site_key="key", secret=Secret(secret), verify_url=f"{service.url}/judge")
            config = replace(sending(tmp_path), captcha=captcha)
            async with open_world(config) as world, open_outside(config, world.services.openids._entropy) as outside:
                assert outside.captcha is not None
                assert await outside.captcha.verify(Secret("response"), "192.0.2.1") == solved
        assert {asked.path for asked in service.asked} == {"/judge"}


# --- Identity servers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout_ms", "ends"), [(TINY_MS, True), (LONG_MS, False)])
async def test_identity_server_that_hangs_is_given_up(tmp_path: Path, timeout_ms: int, ends: bool) -> None:
    with silent_server() as url:
        trusting = IdentityServersConfig(trusted=(url,), timeout_ms=timeout_ms)
        async with open_world(replace(sending(tmp_path), identity_servers=trusting)) as world:
            alice = await world.register("alice")
            body = {
                "sid": "x",
                "client_secret": SECRET,
                "id_server": url.removeprefix("http://"),
                "id_access_token": "x",
            }
            bound = world.call("POST", f"{LIST}/bind", body, token=alice.access_token)
            assert await gives_up(bound, ends) == ends


# --- How mail is handed over, and in which words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "encryption", "arrives"),
    [
        ("starttls", "starttls", 1), ("starttls", "none", 1), ("starttls", "tls", 0), ("tls", "tls", 1),
        ("nothing", "none", 1), ("nothing", "starttls", 0),
    ],
)  # fmt: skip
async def test_mail_is_encrypted_as_configured(tmp_path: Path, offered: str, encryption: str, arrives: int) -> None:
    certificate = make_certificate(tmp_path)
    offers: dict[str, Any] = {} if offered == "nothing" else {offered: certificate.context}
    async with open_smtp_server(**offers) as inbox:
        config = by_mail(sending(tmp_path), port=inbox.port, encryption=encryption, ca_file=str(certificate.cafile))
        async with open_world(config) as world:
            await ask(world)
            assert await deliver(world) == arrives


@pytest.mark.parametrize(
    ("changes", "arrives"),
    [
        ({}, 1), ({"ca_file": ""}, 0), ({"username": "somebody"}, 0), ({"username": ""}, 0),
        ({"password": Secret("another")}, 0),
    ],
)  # fmt: skip
async def test_mail_server_is_known_and_knows_us(tmp_path: Path, changes: dict[str, Any], arrives: int) -> None:
    certificate = make_certificate(tmp_path)
    async with open_smtp_server(starttls=certificate.context) as inbox:
        inbox.needs_login = True
        right = {"ca_file": str(certificate.cafile), "username": USERNAME, "password": Secret(PASSWORD)}
        config = by_mail(sending(tmp_path), port=inbox.port, encryption="starttls", **{**right, **changes})
        async with open_world(config) as world:
            await ask(world)
            assert await deliver(world) == arrives


@pytest.mark.parametrize("is_own", [True, False])
async def test_templates_of_ones_own_come_first(tmp_path: Path, is_own: bool) -> None:
    own, folder = tmp_path / "own", tmp_path / "mails"
    (own / "en").mkdir(parents=True)
    (own / "en" / "validate_to_register.txt.j2").write_text("Subject: Ours\n\nOurs: {{ link }}\n", encoding="utf-8")
    config = by_mail(sending(tmp_path), host="", folder=str(folder), templates=str(own) if is_own else "")
    async with open_world(config) as world:
        await ask(world)
        assert await deliver(world) == 1
    (mail,) = folder.iterdir()
    assert ("Subject: Ours" in mail.read_text(encoding="utf-8")) == is_own
