"""What is asked of a generated database, by operations with names: about accounts and sessions picked by chance."""

import json
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from benchmarks import requests
from benchmarks.grown import Grown
from benchmarks.load import each, send


@dataclass
class Asked:
    """The requests of the operations on one database."""

    grown: Grown
    _answers: Sequence[bytes] = ()
    _newest: dict[int, str] = field(default_factory=dict)
    _count: int = 0

    def hear(self, answers: Sequence[bytes]) -> None:
        """The answers to the operation that was measured last."""
        self._answers = answers
        for answer in answers:
            token = json.loads(answer).get("refresh_token")
            if token is not None:
                self._newest[self.grown.people.session_of(token)] = token

    async def whoami(self, size: int) -> Sequence[bytes]:
        """Of sessions all over the database, none of which the server remembers."""
        await self.grown.database.forget()
        return [requests.whoami(token) for token in self._access_tokens(size)]

    async def remembered(self, size: int) -> Sequence[bytes]:
        """Of a hundred sessions, over and over."""
        few = min(size, 100)
        asked = await self.whoami(few)
        await self._ask(asked)
        return list(asked) * (size // few)

    async def devices(self, size: int) -> Sequence[bytes]:
        """Of sessions that the server remembers, of whose devices it knows nothing."""
        await self.grown.database.forget()
        tokens = self._access_tokens(size)
        await self._ask([requests.whoami(token) for token in tokens])
        return [requests.devices(token) for token in tokens]

    async def refresh(self, size: int) -> Sequence[bytes]:
        """Of sessions all over the database, each by its newest token."""
        sessions = self.grown.sessions(size, refreshing=True, again=True)
        tokens = [self._newest.get(one) or self.grown.people.refresh_token(one) for one in sessions]
        return [requests.refresh(token) for token in tokens]

    async def first_use(self, _size: int) -> Sequence[bytes]:
        """Of the pairs that were handed out just before; the pairs before these die."""
        return [requests.whoami(token) for token in self._answered_tokens()]

    async def login(self, size: int) -> Sequence[bytes]:
        return [requests.login(name) for name in self.grown.localparts(size)]

    async def logout(self, _size: int) -> Sequence[bytes]:
        """Of the sessions that were logged in just before."""
        return [requests.logout(token) for token in self._answered_tokens()]

    async def register(self, size: int) -> Sequence[bytes]:
        return [requests.register(self._new_name()) for _ in range(size)]

    async def available(self, size: int) -> Sequence[bytes]:
        return [requests.available(self._new_name()) for _ in range(size)]

    async def _ask(self, asked: Sequence[bytes]) -> None:
        await send(self.grown.server.address, each(asked))

    def _access_tokens(self, size: int) -> list[str]:
        people = self.grown.people
        return [people.access_token(session) for session in self.grown.sessions(size, refreshing=False)]

    def _answered_tokens(self) -> list[str]:
        return [json.loads(answer)["access_token"] for answer in self._answers]

    def _new_name(self) -> str:
        self._count += 1
        return f"new{time.monotonic_ns()}-{self._count}"


@dataclass(frozen=True)
class Operation:
    """``batches`` of ``size`` requests a round; before each, requests are made up and whatever they need is done.

    ``after``: the operation whose answers it goes on from, just after each batch of that. ``refusal``: a status that is
    borne.
    """

    name: str
    prepare: Callable[[Asked, int], Awaitable[Sequence[bytes]]]
    size: int
    batches: int = 1
    after: str | None = None
    refusal: int = 200

    def scaled(self, share: float) -> "Operation":
        """The same, with a share of its requests."""
        return replace(self, size=max(1, int(self.size * share)))


OPERATIONS: Final = (
    Operation("whoami, looked up", Asked.whoami, 1_000, 5),
    Operation("whoami, remembered", Asked.remembered, 5_000),
    Operation("devices", Asked.devices, 1_000, 5),
    Operation("refresh", Asked.refresh, 200, 5, refusal=401),  # a few have been used by an earlier run
    Operation("first use of a pair", Asked.first_use, 200, after="refresh"),
    Operation("login, cheap hash", Asked.login, 500, 4),
    Operation("logout", Asked.logout, 500, after="login, cheap hash"),
    Operation("register, cheap hash", Asked.register, 500),
    Operation("name is free", Asked.available, 5_000),
)
NAMES: Final = tuple(operation.name for operation in OPERATIONS)


def picked(names: Collection[str]) -> list[Operation]:
    """The operations of these names, each behind the one that it goes on from; all where none is named."""
    wanted = {*(names or NAMES)}
    wanted |= {one.after for one in OPERATIONS if one.name in wanted and one.after is not None}
    return [one for one in OPERATIONS if one.name in wanted]


def chains(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Operations, each together with those that go on from it."""
    found: list[list[Operation]] = []
    for operation in operations:
        if operation.after is None:
            found.append([operation])
        else:
            found[-1].append(operation)
    return found
