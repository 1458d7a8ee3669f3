"""What is asked of a server: each operation with what it needs beforehand. Of any Matrix server, by the spec alone.

Registration must be open by ``m.login.dummy``. Nothing here is measured; that is ``measuring``.
"""

import itertools
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import requests
from benchmarks.connections import CONNECTIONS
from benchmarks.load import Work, answers, each

ACCOUNTS = 32
"""Between which logins are spread: nobody logs in a thousand times."""


class Client:
    """Makes accounts and sessions on a server, for the operations to be about."""

    def __init__(self, address: str, connections: int = CONNECTIONS) -> None:
        self.address = address
        self.connections = connections
        self._prefix = f"b{os.urandom(4).hex()}"
        self._numbers = itertools.count()
        self._accounts: list[str] = []

    def new_name(self) -> str:
        """A user name that nobody has."""
        return f"{self._prefix}-{next(self._numbers)}"

    async def accounts(self) -> Sequence[str]:
        """Names of accounts."""
        if not self._accounts:
            made = await self._ask([requests.register(self.new_name()) for _ in range(ACCOUNTS)])
            self._accounts = [one["user_id"][1:].partition(":")[0] for one in made]
        return self._accounts

    async def sessions(self, count: int, **more: Any) -> Sequence[dict[str, Any]]:
        """Answers to logins, of new devices."""
        names = itertools.cycle(await self.accounts())
        return await self._ask([requests.login(next(names), **more) for _ in range(count)])

    async def _ask(self, asked: Sequence[bytes]) -> list[dict[str, Any]]:
        return [json.loads(answer) for answer in await answers(self.address, asked, self.connections)]


async def whoami(client: Client, _count: int) -> Work:
    """Always with the same token."""
    (session,) = await client.sessions(1)
    asked = requests.whoami(session["access_token"])
    return Work(lambda _: asked)


async def whoami_uncached(client: Client, count: int) -> Work:
    """Each request with a token that was not seen before."""
    return each([requests.whoami(one["access_token"]) for one in await client.sessions(count)])


async def login_flows(_client: Client, _count: int) -> Work:
    asked = requests.request("GET", "v3/login")
    return Work(lambda _: asked)


async def username_available(client: Client, _count: int) -> Work:
    """A new name each time, which is free."""
    return Work(lambda _: requests.available(client.new_name()))


async def devices(client: Client, _count: int) -> Work:
    """The devices of an account that has three."""
    name = client.new_name()
    (made,) = await answers(client.address, [requests.register(name)])
    await answers(client.address, [requests.login(name)] * 2, 1)
    asked = requests.devices(json.loads(made)["access_token"])
    return Work(lambda _: asked)


async def refresh(client: Client, _count: int) -> Work:
    """A session for each connection, whose newest refresh token is used."""
    sessions = await client.sessions(client.connections, refresh_token=True)
    tokens = [one["refresh_token"] for one in sessions]

    def hear(number: int, answer: bytes) -> None:
        tokens[number] = json.loads(answer)["refresh_token"]

    return Work(lambda number: requests.refresh(tokens[number]), hear)


async def logout(client: Client, count: int) -> Work:
    """Each session once."""
    return each([requests.logout(one["access_token"]) for one in await client.sessions(count)])


async def register(client: Client, _count: int) -> Work:
    return Work(lambda _: requests.register(client.new_name()))


async def log_in(client: Client, _count: int) -> Work:
    """A new device each time."""
    names = itertools.cycle(await client.accounts())
    return Work(lambda _: requests.login(next(names)))


@dataclass(frozen=True)
class Operation:
    """``prepare``: what makes its requests, ``count`` of them. ``count``: of a round, for a server at our speed.

    ``is_compared``: not where another server slows its clients down on purpose, whatever its configuration.
    """

    name: str
    count: int
    prepare: Callable[[Client, int], Awaitable[Work]]
    is_compared: bool = True


OPERATIONS = (
    Operation("whoami", 16_000, whoami),
    Operation("whoami, not cached", 3_000, whoami_uncached),
    Operation("login flows", 16_000, login_flows),
    Operation("username available", 6_000, username_available, is_compared=False),
    Operation("devices", 6_000, devices),
    Operation("refresh", 3_000, refresh),
    Operation("logout", 2_500, logout),
    Operation("register", 2_000, register),
    Operation("login", 2_000, log_in),
)
NAMES = tuple(operation.name for operation in OPERATIONS)
