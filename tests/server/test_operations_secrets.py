"""No secret ever appears in a log line or a metric: a day in a server's life with everything logged, then searched."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ostiary.api.identifiers import ServerName
from ostiary.api.secret import Secret
from ostiary.config import Config, JwtConfig, LoggingConfig, MailConfig, MetricsConfig, RateLimitsConfig, ServerConfig
from tests.logged import logging_as
from tests.world import Account, World, account_of, open_config, open_world, password_auth

JWT_SECRET = "a shared secret of some length"
ADDRESS = "alice.private@mail.example"
OTHER_ADDRESS = "mallory.private@mail.example"
CLIENT_SECRET = "client-secret-0123456789"
SECOND_PASSWORD = "another long password"
WRONG_PASSWORD = "wrong horse wrong battery"
MADE_UP_TOKEN = "syt_bWFkZXVw_made_up_token_0123456789"
PHONE = "07400123456"


def everything_on(path: Path) -> Config:
    return replace(
        open_config(path),
        server_name=ServerName("localhost"),
        server=ServerConfig(public_url="https://matrix.example", request_id_header=True),
        logging=LoggingConfig(level="debug", format="json", requests=True),
        metrics=MetricsConfig(enabled=True),
        mail=MailConfig(host="smtp.example", sender="matrix@example.org", password=Secret("smtp password")),
        jwt=JwtConfig(enabled=True, secret=Secret(JWT_SECRET)),
        rate_limits=RateLimitsConfig(),
    )


class Day:
    """What happens, and the secrets that were used."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.secrets: set[str] = {
            JWT_SECRET, ADDRESS, OTHER_ADDRESS, CLIENT_SECRET, SECOND_PASSWORD, WRONG_PASSWORD, MADE_UP_TOKEN, PHONE,
            "smtp password",
        }  # fmt: skip
        self.statuses: set[int] = set()

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.world.call(method, path, body, **more)
        self.statuses.add(answer.status)
        return answer

    def note(self, account: Account) -> Account:
        self.secrets |= {account.access_token, account.password, *filter(None, (account.refresh_token,))}
        return account

    async def sessions(self) -> Account:
        alice = self.note(await self.world.register("alice", device_id="PHONEDEVICE"))
        await self.call("GET", "v3/account/whoami", token=alice.access_token)
        await self.call("GET", "v3/account/whoami", query={"access_token": alice.access_token})
        await self.call("GET", "v3/account/whoami", query={"access_token": MADE_UP_TOKEN})
        for token in (MADE_UP_TOKEN, alice.access_token[:-3], alice.access_token + "x"):
            await self.call("GET", "v3/account/whoami", token=token)
        for _ in range(3):  # a repeat, too
            refreshed = await self.world.refresh(alice.refresh_token)
            self.secrets |= {refreshed.json["access_token"], refreshed.json["refresh_token"]}
        await self.world.refresh(MADE_UP_TOKEN)
        await self.world.whoami(refreshed.json["access_token"])
        self.world.clock.advance(120_000)
        assert (await self.world.refresh(alice.refresh_token)).status == 401  # a replay: ends the session
        return alice

    async def logins(self, alice: Account) -> Account:
        again = self.note(account_of(await self.world.login("alice")))
        for password in (WRONG_PASSWORD, alice.password[:-1]):
            self.secrets.add(password)
            await self.world.login("alice", password)
        for kind in ("m.login.token", "org.matrix.login.jwt", MADE_UP_TOKEN):
            await self.call("POST", "v3/login", {"type": kind, "token": MADE_UP_TOKEN})
        made = await self.call("POST", "v1/login/get_token", {"auth": password_auth(again)}, token=again.access_token)
        self.secrets.add(made.json["login_token"])
        answer = await self.call("POST", "v3/login", {"type": "m.login.token", "token": made.json["login_token"]})
        self.note(account_of(answer))
        self.world.clock.advance(3_600_000)
        again = self.note(account_of(await self.world.login("alice")))
        for _ in range(12):
            self.statuses.add((await self.world.login("nobody", WRONG_PASSWORD)).status)  # until it is limited
        self.world.clock.advance(3_600_000)
        return again

    async def changes(self, alice: Account) -> None:
        token = alice.access_token
        for address in (ADDRESS, OTHER_ADDRESS):
            body = {"client_secret": CLIENT_SECRET, "email": address, "send_attempt": 1}
            for path in ("v3/account/3pid/email", "v3/register/email", "v3/account/password/email"):
                await self.call("POST", f"{path}/requestToken", body, token=token)
        body = {"client_secret": CLIENT_SECRET, "country": "GB", "phone_number": PHONE, "send_attempt": 1}
        await self.call("POST", "v3/account/3pid/msisdn/requestToken", body, token=token)
        waiting = await self.world.sql("SELECT content FROM outbox")
        assert len(waiting) > 3
        for (content,) in waiting:
            self.secrets |= set(re.findall(r"[A-Za-z0-9_-]{20,}", content))
        await self.call("GET", "v1/register/m.login.registration_token/validity", query={"token": MADE_UP_TOKEN})
        proof = {"sid": "x", "client_secret": CLIENT_SECRET, "auth": password_auth(alice)}
        await self.call("POST", "v3/account/3pid/add", proof, token=token)
        change = {"new_password": SECOND_PASSWORD, "auth": password_auth(alice)}
        assert (await self.call("POST", "v3/account/password", change, token=token)).status == 200
        await self.call("GET", "v3/devices/PHONEDEVICE", token=token)
        await self.call("GET", f"v3/profile/{quote(alice.user_id)}")
        await self.call("POST", "v3/account/deactivate", {"auth": password_auth(alice)}, token=token)

    async def what_goes_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Paths, queries, headers and bodies that hold secrets where none belong; and a bug while one is at hand."""
        world = self.world
        for path in (f"/{MADE_UP_TOKEN}", f"/_matrix/client/v3/{ADDRESS}", f"v3/devices/{MADE_UP_TOKEN}"):
            await world.raw("GET", path, token=MADE_UP_TOKEN, headers=(("X-Request-Id", MADE_UP_TOKEN),))
            await world.raw("POST", path, b'{"password": "' + WRONG_PASSWORD.encode(), token=MADE_UP_TOKEN)
        basic = base64.b64encode(f"alice:{WRONG_PASSWORD}".encode()).decode()
        self.secrets.add(basic)
        await world.raw("GET", "v3/account/whoami", headers=(("Authorization", f"Basic {basic}"),))
        await world.raw("GET", "v3/account/whoami", headers=(("User-Agent", WRONG_PASSWORD), ("Cookie", MADE_UP_TOKEN)))
        await world.raw(
            "POST", "v3/login", f'{{"type": "{WRONG_PASSWORD}", "password": ["{WRONG_PASSWORD}"]}}'.encode()
        )
        monkeypatch.setattr(type(world.services), "user_id", None)
        self.note(account := Account("@bob:localhost", MADE_UP_TOKEN, "X", None, SECOND_PASSWORD))
        body = {"username": "bob", "password": account.password, "auth": {"type": "m.login.dummy"}}
        assert (await self.call("POST", "v3/register", body)).status == 500
        await world.sql("ALTER TABLE accounts RENAME TO elsewhere")
        assert (await self.call("POST", "v3/register", {**body, "username": "carol"})).status == 500
        await world.sql("ALTER TABLE elsewhere RENAME TO accounts")


async def test_no_secret_in_any_line_or_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = everything_on(tmp_path)
    with logging_as(config.logging) as log:
        async with open_world(config) as world:
            day = Day(world)
            alice = await day.sessions()
            alice = await day.logins(alice)
            await day.changes(alice)
            await day.what_goes_wrong(monkeypatch)
            assert world.metrics is not None
            await world.metrics.refresh()
            metrics = world.metrics.text().decode()
    lines = log.lines()
    assert len(lines) > 80
    assert {"request", "refused", "failed"} <= {line["event"] for line in lines}
    assert {200, 401, 403, 429, 500} <= day.statuses
    assert len(day.secrets) > 20
    private = {alice.device_id, "PHONEDEVICE", alice.user_id, "192.0.2.1", "alice"}
    for text, hidden in ((log.text, day.secrets | private), (metrics, day.secrets | private)):
        for secret in sorted(hidden):
            for form in {secret, quote(secret), quote(secret, safe="")}:
                assert form not in text, f"{secret!r} is shown"
