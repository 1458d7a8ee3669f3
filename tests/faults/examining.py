"""Looks a server over after a fault: whether every account is in one of the worlds that the ledger allows."""

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any

from tests.faults.ledger import PROBE, Account, Pair, World
from tests.faults.report import Report
from tests.faults.talking import Line, Lost, NotSent, Told, Unanswered

AT_ONCE = 8
OTHERS = 20
"""Accounts that nobody has used, and that are looked over all the same."""

PAIRS_LOOKED_AT = 12
"""Of an account, the newest."""

Facts = dict[str, Any]


async def examine(address: str, accounts: Iterable[Account], report: Report) -> None:
    """Look at these accounts; afterwards how each stands is certain. What must not be is noted as a violation."""
    left = iter(list(accounts))

    async def run() -> None:
        line = Line(address)
        for account in left:
            try:
                await _Examination(line, account, report).run()
            except (NotSent, Lost, Unanswered) as error:
                report.violated(f"{account.name}: no answer when it was looked at: {error!r}")
        line.close()

    await asyncio.gather(*(run() for _ in range(AT_ONCE)))


class _Examination:
    def __init__(self, line: Line, account: Account, report: Report) -> None:
        self._line = line
        self._account = account
        self._report = report
        self._pairs = account.pairs[-PAIRS_LOOKED_AT:]

    async def run(self) -> None:
        account, report = self._account, self._report
        report.checks["account"] += 1
        account.touched = False
        seen = await self._look()
        amiss = [self._differences(world, seen) for world in account.worlds]
        if all(amiss):
            report.violated(f"{account.name}, after {account.doubt or 'no doubt'}, (expected, seen): {amiss}")
            account.now_is(World())
            account.pairs.clear()
            return
        if not account.is_certain:
            report.settled["carried out" if amiss[0] else "not carried out"] += 1
        account.now_is(account.worlds[amiss.index({})])
        for session in account.world.sessions:  # their newest tokens have been used just now
            account.now_is(account.world.with_pairs(session.device_id, (session.newest,)))
        await self._try_refresh_tokens()

    async def _look(self) -> Facts:
        """What can be seen of the account."""
        seen: Facts = {}
        for number, pair in enumerate(self._pairs):  # oldest first: the newer ends the older by being used
            told = await self._ask("GET", "v3/account/whoami", token=pair.access)
            seen[f"token {number}"] = told.status
        devices: set[str] = set()
        for number, password in enumerate(self._account.passwords):
            token = await self._try_password(password)
            seen[f"password {number}"] = token is not None
            if token is not None:
                listed = await self._ask("GET", "v3/devices", token=token)
                if listed.status != 200:
                    self._report.violated(f"{self._account.name}: a new token was answered {listed.json}")
                devices = {one["device_id"] for one in listed.json.get("devices", ())} - {PROBE}
                await self._ask("POST", "v3/logout", {}, token=token)
        seen["devices"] = devices
        available = await self._ask("GET", f"v3/register/available?username={self._account.name}")
        seen["name is free"] = available.status == 200
        return seen

    def _differences(self, world: World, seen: Facts) -> dict[str, tuple[Any, Any]]:
        """Where a world is not what is seen: what it would be, and what it is."""
        account, devices = self._account, seen["devices"]
        here = {one.device_id for one in world.sessions}
        expected: Facts = {"name is free": not world.exists}
        for number, pair in enumerate(self._pairs):
            expected[f"token {number}"] = 200 if world.is_good(pair) else 401
        for number, password in enumerate(account.passwords):
            expected[f"password {number}"] = world.active and password == world.password
        amiss = {key: (value, seen[key]) for key, value in expected.items() if seen[key] != value}
        if not here <= devices or len(devices) != len(here) + world.strangers:
            amiss["devices"] = (f"{here} and {world.strangers}", devices)
        return amiss

    async def _try_password(self, password: str) -> str | None:
        user = {"type": "m.id.user", "user": self._account.name}
        body = {"type": "m.login.password", "identifier": user, "password": password, "device_id": PROBE}
        told = await self._ask("POST", "v3/login", body)
        token: str | None = told.json["access_token"] if told.status == 200 else None
        return token

    async def _try_refresh_tokens(self) -> None:
        """The newest of each living session works still, and no other does."""
        account, world = self._account, self._account.world
        for pair in self._pairs:
            if not world.is_good(pair):
                self._report.checks["dead refresh token"] += 1
                told = await self._refresh(pair)
                if told.status != 401:
                    self._report.violated(f"{account.name}: a dead refresh token was answered {told.status}")
        for session in world.sessions:
            self._report.checks["living refresh token"] += 1
            told = await self._refresh(session.newest)
            if told.status != 200:
                self._report.violated(f"{account.name}: a good refresh token was answered {told.status} {told.json}")
                account.now_is(account.world.without(session.device_id))
                continue
            pair = account.handed_out(told.json)
            account.now_is(account.world.with_pairs(session.device_id, (session.newest, pair)))

    async def _refresh(self, pair: Pair) -> Told:
        return await self._ask("POST", "v3/refresh", {"refresh_token": pair.refresh})

    async def _ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Told:
        told = await self._line.ask(method, path, body, token)
        if told.status >= 500 or told.status == 429:
            self._report.violated(f"{self._account.name}: {method} {path} was answered {told.status} {told.json}")
        return told


def touched_and_some(accounts: list[Account], random: Random) -> Iterable[Account]:
    """The accounts that were used since they were looked over, and a few of the others."""
    untouched = [account for account in accounts if not account.touched]
    yield from (account for account in accounts if account.touched)
    yield from random.sample(untouched, min(len(untouched), OTHERS))
