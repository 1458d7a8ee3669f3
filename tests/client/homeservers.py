"""The servers that tests of the client run against: ours inside the test, and Synapse beside it.

A test that asks for no more than :class:`Homeserver` runs on both; it is marked with ``on_any_server``.
"""

import asyncio
import hashlib
import hmac
import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.databases import ON_POSTGRES
from tests.delivery.smtpd import Mailbox
from tests.peers.synapse import Synapse
from tests.world import PASSWORD, Account, Answer

OSTIARY: Final = "ostiary"
SYNAPSE: Final = "synapse"
STRICT_SYNAPSE: Final = "strict synapse"

_LINK: Final = re.compile(r"http://\S+submit_token\S+")
_PASSES: Final = (
    ("access_tokens", "valid_until_ms"),
    ("refresh_tokens", "expiry_ts"),
    ("refresh_tokens", "ultimate_session_expiry_ts"),
)
"""Where Synapse keeps when tokens end."""


def on(*servers: str) -> pytest.MarkDecorator:
    """Runs a test on each of these servers. Synapse has nothing to do with the database of ours: once is enough."""
    params = [
        pytest.param(server, marks=() if server == OSTIARY else pytest.mark.synapse)
        for server in servers
        if server == OSTIARY or not ON_POSTGRES
    ]
    return pytest.mark.parametrize("world", params, indirect=True)


on_any_server = on(OSTIARY, SYNAPSE)


class Clock(Protocol):
    """The time as client and server have it, in milliseconds since the epoch."""

    def now(self) -> int: ...
    def advance(self, milliseconds: int) -> None: ...


class Homeserver(Protocol):
    """What tests on any server have of it."""

    @property
    def clock(self) -> Clock: ...
    @property
    def base_url(self) -> str: ...
    def name(self, wanted: str) -> str:
        """A name like this one, which is free."""

    async def register(self, username: str) -> Account: ...
    async def relogin(self, account: Account) -> Account: ...
    async def whoami(self, token: str) -> Answer: ...
    async def make_admin(self, account: Account) -> None: ...
    async def messages(self) -> list[dict[str, Any]]: ...
    async def follow(self, link: str) -> bool: ...
    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer: ...  # fmt: skip


class PassingClock:
    """The time of day, with jumps. What has an end at Synapse ends as much sooner, since its clock cannot be held."""

    def __init__(self, synapse: Synapse) -> None:
        self._synapse = synapse
        self._ahead_ms = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def advance(self, milliseconds: int) -> None:
        self._ahead_ms += milliseconds
        with closing(sqlite3.connect(self._synapse.database, timeout=30)) as database, database:
            for table, column in _PASSES:
                database.execute(f"UPDATE {table} SET {column} = {column} - ?", (milliseconds,))


class SynapseWorld:
    """A Synapse, and the ways that tests call it, by the names that ``World`` has.

    It stays for all tests of a process, so each has accounts of its own.
    """

    _numbers = count(1)

    def __init__(self, synapse: Synapse, mailbox: Mailbox) -> None:
        self.synapse = synapse
        self.clock = PassingClock(synapse)
        self._mailbox = mailbox
        self._mails_before = len(mailbox.mails)

    @property
    def base_url(self) -> str:
        return self.synapse.url

    def name(self, wanted: str) -> str:
        return f"{wanted}-{next(self._numbers)}"

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        absolute = path if path.startswith("/") else f"/_matrix/client/{path}"
        if query:
            absolute += f"?{urlencode(query)}"
        status, told = await asyncio.to_thread(self.synapse.call, method, absolute, body, token)
        return Answer(status, {}, told)

    async def register(self, username: str, *, is_admin: bool = False) -> Account:
        """Make an account as administrators do, whatever registration asks of others."""
        name = self.name(username)
        nonce = (await self.call("GET", "/_synapse/admin/v1/register")).json["nonce"]
        signed = "\0".join((nonce, name, PASSWORD, "admin" if is_admin else "notadmin"))
        mac = hmac.new(self.synapse.shared_secret.encode(), signed.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": is_admin, "mac": mac}
        return _account(await self.call("POST", "/_synapse/admin/v1/register", body))

    async def relogin(self, account: Account) -> Account:
        identifier = {"type": "m.id.user", "user": account.user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": account.password}
        return _account(await self.call("POST", "v3/login", body))

    async def whoami(self, token: str) -> Answer:
        return await self.call("GET", "v3/account/whoami", token=token)

    async def make_admin(self, account: Account) -> None:
        admin = await self.register("admin", is_admin=True)
        path = f"/_synapse/admin/v1/users/{quote(account.user_id)}/admin"
        assert (await self.call("PUT", path, {"admin": True}, token=admin.access_token)).status == 200

    async def registration_token(self, uses: int) -> str:
        """A token by which so many may register."""
        admin = await self.register("admin", is_admin=True)
        path = "/_synapse/admin/v1/registration_tokens/new"
        token: str = (await self.call("POST", path, {"uses_allowed": uses}, token=admin.access_token)).json["token"]
        return token

    async def messages(self) -> list[dict[str, Any]]:
        """The mails of this test, in their order."""
        told = []
        for mail in self._mailbox.mails[self._mails_before :]:
            plain = mail.get_body(("plain",))
            assert plain is not None
            link = _LINK.search(plain.get_content())
            told.append({"to": mail["To"]} | ({"link": link[0]} if link else {}))
        return told

    async def follow(self, link: str) -> bool:
        """Follow a mail's link with a browser, and press the button of the page where there is one."""
        parts = urlsplit(link)
        page = await self.call("GET", f"{parts.path}?{parts.query}")
        if "<form" in page.json:
            page = await self.call("POST", f"{parts.path}?{parts.query}")
        return page.status in {200, 302}


def _account(answer: Answer) -> Account:
    assert answer.status == 200, answer
    told = answer.json
    return Account(told["user_id"], told["access_token"], told["device_id"], told.get("refresh_token"))
