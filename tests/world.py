"""A whole server inside a test: real services on a real database, with a clock and a chance that tests hold."""

import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from ostiary.accounts.model import AuditEvent, AuditKind, Origin
from ostiary.accounts.ports_outside import Captcha
from ostiary.accounts.values import AccountChange
from ostiary.api.errors import MatrixError
from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.api.identifiers import Localpart
from ostiary.client import AsgiTransport
from ostiary.config import Config, PasswordsConfig, RateLimitsConfig, RegistrationConfig
from ostiary.server.app import App
from ostiary.server.logs import Log
from ostiary.server.metrics import Metrics
from ostiary.server.outside import open_outside
from ostiary.server.run import build_app, open_metrics
from ostiary.server.services import Services
from ostiary.server.wiring import open_services
from ostiary.storage.store import SqlStore
from ostiary.storage.work import Row, Work, ask
from tests.answered import note
from tests.schemas import empty_url

PASSWORD = "correct horse battery"
BASE_URL = "http://localhost:8008"
SAFE = "/%:@!$&'()*+,;=~"
"""What a path may have as it is."""

FAST_HASHES = PasswordsConfig(argon2_memory_kib=64, argon2_time_cost=1)
"""Argon2id still, but not slow: what is slow on purpose is tested where it is measured."""


TABLES = (
    "accounts", "devices", "sessions", "uia_sessions", "audit_events", "outbox", "threepids", "threepid_bindings",
    "validations", "registration_tokens", "registration_token_holds",
    "consents", "login_tokens", "openid_tokens", "profile_fields", "buckets",
)  # fmt: skip
"""Every table that holds anything of anybody."""


class HeldClock:
    """Stands still until a test moves it."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds


class SeededEntropy:
    """The same bytes for the same seed, never the same twice."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(count)


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def errcode(self) -> str | None:
        code = self.json.get("errcode") if isinstance(self.json, dict) else None
        return code if isinstance(code, str) else None


@dataclass(frozen=True)
class Account:
    """An account that a test made, with a session."""

    user_id: str
    access_token: str
    device_id: str
    refresh_token: str | None
    password: str = PASSWORD

    @property
    def localpart(self) -> str:
        return self.user_id[1:].partition(":")[0]


@dataclass
class World:
    """The server, and the ways to call it."""

    app: App
    services: Services
    clock: HeldClock
    config: Config
    address: str = "192.0.2.1"
    metrics: Metrics | None = None
    _count: int = field(default=0)

    @property
    def base_url(self) -> str:
        return BASE_URL

    def name(self, wanted: str) -> str:
        """A name that is free: any is, to begin with."""
        return wanted

    def transport(self) -> AsgiTransport:
        return AsgiTransport(self.app, client_address=self.address)

    async def raw(
        self, method: str, path: str, body: bytes | None = None, *, token: str | None = None,
        query: Mapping[str, str] | None = None, headers: tuple[tuple[str, str], ...] = (),
    ) -> HttpResponse:  # fmt: skip
        """Send bytes. ``path``: below /_matrix/client/, or absolute."""
        if token is not None:
            headers = (*headers, ("Authorization", f"Bearer {token}"))
        request = HttpRequest(
            method=method,
            path=path if path.startswith("/") else f"/_matrix/client/{path}",
            query=tuple((query or {}).items()),
            headers=headers,
            body=body,
        )
        response = await self.transport().exchange(BASE_URL, request)
        self._note(request, response)
        return response

    def _note(self, request: HttpRequest, response: HttpResponse) -> None:
        """Keep which endpoint has answered with what; a page and a path that is none are no endpoint's."""
        try:
            path = re.sub("%[0-9a-fA-F]{2}", "x", quote(request.path, safe=SAFE))  # whatever it is, even no text
            route, _ = self.app._routes.find(request.method, path.encode())
            answer = json.loads(response.body) if response.status >= 400 else {}
        except (MatrixError, ValueError):
            return
        if "flows" not in answer:  # a stage that has failed is part of a question, which has all errors of its stages
            note(route.endpoint.__name__, response.status, answer.get("errcode"))

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Send JSON, and read the JSON that every answer is."""
        raw = None if body is None else json.dumps(body).encode()
        response = await self.raw(method, path, raw, token=token, query=query)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["access-control-allow-origin"] == "*"
        answer = Answer(response.status, response.headers, json.loads(response.body))
        if answer.status >= 400 and "flows" not in answer.json:
            assert isinstance(answer.json["errcode"], str)
            assert answer.json["error"]
        return answer

    async def register(self, username: str | None = None, **fields: Any) -> Account:
        """Make an account by the dummy flow."""
        self._count += 1
        body = {
            "username": username or f"user{self._count}",
            "password": PASSWORD,
            "refresh_token": True,
            "auth": {"type": "m.login.dummy"},
            **fields,
        }
        answer = await self.call("POST", "v3/register", body)
        assert answer.status == 200, answer
        return account_of(answer)

    async def login(self, user: str, password: str = PASSWORD, **fields: Any) -> Answer:
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
            **fields,
        }
        return await self.call("POST", "v3/login", body)

    async def relogin(self, account: Account, **fields: Any) -> Account:
        """Another session of an account."""
        answer = await self.login(account.user_id, account.password, **fields)
        assert answer.status == 200, answer
        return account_of(answer)

    async def sql(self, statement: str, **parameters: Any) -> Sequence[Row]:
        """Ask the database itself, or change it behind the server's back."""

        def work() -> Work[Sequence[Row]]:
            return (yield ask(statement, **parameters))

        store = self.services.store
        assert isinstance(store, SqlStore)
        return await store._engine.write(work())

    async def everything_stored(self) -> str:
        """All rows of all tables, as text."""
        rows = [repr(await self.sql(f"SELECT * FROM {table}")) for table in TABLES]
        return "\n".join(f"{table}: {found}" for table, found in zip(TABLES, rows, strict=True))

    async def messages(self) -> list[dict[str, Any]]:
        """What waits to be sent, oldest first: kind, to whom, and what the message is told."""
        rows = await self.sql("SELECT kind, address, language, content FROM outbox ORDER BY outbox_id")
        return [
            {"kind": kind, "to": address, "language": language, **json.loads(content)}
            for kind, address, language, content in rows
        ]

    async def follow(self, link: str) -> bool:
        """Confirm the link of a message, as the page that it leads to does."""
        secret = parse_qs(urlsplit(link).query)["token"][0]
        return await self.services.validations.validate_by_link(secret)

    def localpart(self, account: Account) -> Localpart:
        return Localpart(account.localpart)

    @property
    def origin(self) -> Origin:
        return Origin(self.address, "test")

    async def make_admin(self, account: Account) -> None:
        """Make an account an administrator's."""
        await self.services.store.change_account(
            Localpart(account.localpart),
            AccountChange(is_admin=True),
            AuditEvent(AuditKind.MADE_ADMIN, Localpart(account.localpart), self.clock.now()),
        )

    async def change(self, account: Account, **change: Any) -> None:
        """Change what an account is allowed, and have the server notice."""
        localpart = Localpart(account.localpart)
        event = AuditEvent(AuditKind.LOCKED, localpart, self.clock.now())
        self.services.sessions.forget(
            await self.services.store.change_account(localpart, AccountChange(**change), event)
        )

    async def whoami(self, token: str) -> Answer:
        return await self.call("GET", "v3/account/whoami", token=token)

    async def refresh(self, refresh_token: str | None) -> Answer:
        return await self.call("POST", "v3/refresh", {"refresh_token": refresh_token})


def account_of(answer: Answer) -> Account:
    fields = answer.json
    return Account(fields["user_id"], fields["access_token"], fields["device_id"], fields.get("refresh_token"))


def password_auth(account: Account, session: str | None = None, password: str | None = None) -> dict[str, Any]:
    """The password stage, answered."""
    auth = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": account.user_id},
        "password": password or account.password,
    }
    return auth if session is None else {**auth, "session": session}


def device_path(device_id: str, version: str = "v3") -> str:
    return f"{version}/devices/{quote(device_id, safe='')}"


def open_config(path: Path, **changes: Any) -> Config:
    """Registration open to all, no limits, quick hashes."""
    config = Config(
        database=empty_url(path),
        registration=RegistrationConfig(enabled=True, guests=True),
        rate_limits=RateLimitsConfig(enabled=False),
        passwords=FAST_HASHES,
    )
    return replace(config, **changes)


@asynccontextmanager
async def open_world(
    config: Config, *, clock: HeldClock | None = None, seed: str = "seed", captcha: Captcha | None = None
) -> AsyncIterator[World]:
    """A server on this configuration."""
    clock = clock or HeldClock()
    entropy = SeededEntropy(seed)
    async with (
        open_outside(config, entropy) as outside,
        open_services(
            config, clock=clock, entropy=entropy, outside=replace(outside, captcha=captcha or outside.captcha)
        ) as services,
    ):
        metrics = open_metrics(config, services)
        app = build_app(config, services, Log(logging.getLogger("ostiary.server")), metrics)
        yield World(app, services, clock, config, metrics=metrics)
