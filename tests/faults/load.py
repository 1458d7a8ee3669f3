"""People who use the server all at once: each has accounts of their own, and keeps the ledger of what was acknowledged.

They go on while the server dies, is restarted, or loses its database; what they cannot know then they note as doubt.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import quote

from tests.faults.ledger import Account, Session, World
from tests.faults.report import Report
from tests.faults.talking import PATIENCE_S, Line, Lost, NotSent, Told, Unanswered

ACTORS = 12
BUSY_WITH = 2
"""Accounts that somebody uses in turn."""

USES = 25
"""Of an account, more or less, before it is left for a newer one."""

OVERSIGHT_S = 0.02
"""Between attempts while nobody listens."""

PAUSE_S = 0.1
"""After an answer that the server cannot just now."""

Step = Callable[[Account], Awaitable[None]]


class Actor:
    """One of those people. ``accounts``: filled with every account they make; ``mine``: those they have already."""

    def __init__(
        self, name: str, random: Random, address: str, accounts: list[Account], report: Report,
        mine: Sequence[Account] = (),
    ) -> None:  # fmt: skip
        self._names = (f"{name}-{number}" for number in itertools.count())
        self._random = random
        self._lines = [Line(address), Line(address)]
        self._accounts = accounts
        self._report = report
        self._mine = list(mine)
        self._steps: tuple[tuple[int, str, Step], ...] = (
            (6, "login", self._log_in),
            (2, "login again", self._log_in_again),
            (8, "refresh", self._refresh),
            (8, "whoami", self._use),
            (4, "logout", self._log_out),
            (1, "logout everywhere", self._log_out_everywhere),
            (2, "password", self._change_password),
            (3, "delete device", self._delete_device),
            (1, "deactivate", self._deactivate),
        )

    async def run(self, stopped: asyncio.Event) -> None:
        """Go on until told to stop; a request under way is finished."""
        while not stopped.is_set():
            try:
                await self._act()
            except NotSent:
                await asyncio.sleep(OVERSIGHT_S)
            except Lost:
                pass  # in doubt, which is noted
            except Unanswered as error:
                self._report.violated(f"no answer to {error}")
        for line in self._lines:
            line.close()

    async def _act(self) -> None:
        self._mine = [one for one in self._mine if one.is_certain and one.world.active]
        if len(self._mine) < BUSY_WITH:
            await self._register(self._new())
            return
        account = self._random.choice(self._mine)
        if self._random.random() < 1 / USES:
            self._mine.remove(account)
            return
        steps = [one for one in self._steps for _ in range(one[0])]
        _, _, step = self._random.choice(steps)
        await step(account)

    def _new(self) -> Account:
        account = Account(next(self._names))
        self._mine.append(account)
        self._accounts.append(account)
        return account

    # --- What they do ------------------------------------------------------------------------------------------------

    async def _register(self, account: Account) -> None:
        password = self._password(account)
        body = {
            "username": account.name, "password": password, "refresh_token": True, "device_id": "FIRST",
            "auth": {"type": "m.login.dummy"},
        }  # fmt: skip
        made = World(exists=True, active=True, password=password)
        # What was carried out without an answer has a device of which the tokens are known to nobody.
        unheard = World(exists=True, active=True, password=password, strangers=1)
        told = await self._change(account, "register", unheard, "POST", "v3/register", body)
        if told is not None:
            account.now_is(made.with_session(Session("FIRST", (account.handed_out(told.json),))))

    async def _log_in(self, account: Account) -> None:
        await self._log_in_on(account, f"D{self._random.randrange(10**6)}")

    async def _log_in_again(self, account: Account) -> None:
        if account.world.sessions:
            await self._log_in_on(account, self._random.choice(account.world.sessions).device_id)

    async def _log_in_on(self, account: Account, device_id: str) -> None:
        world = account.world
        body = {**self._proof(account), "device_id": device_id, "refresh_token": True}
        without = world.without(device_id)
        unheard = World(True, True, world.password, without.sessions, world.strangers + 1)
        told = await self._change(account, "login", unheard, "POST", "v3/login", body)
        if told is not None:
            account.now_is(world.with_session(Session(device_id, (account.handed_out(told.json),))))

    async def _refresh(self, account: Account) -> None:
        if (session := self._session(account)) is None:
            return
        used = self._random.choice(session.pairs)
        is_newest = used == session.newest
        # The newest confirms itself by being used; an older one gets the newest once more.
        unheard = account.world.with_pairs(session.device_id, (used,)) if is_newest else account.world
        body = {"refresh_token": used.refresh}
        told = await self._change(account, "refresh", unheard, "POST", "v3/refresh", body)
        if told is None:
            return
        pair = account.handed_out(told.json)
        if not is_newest and pair != session.newest:
            self._report.violated(f"{account.name}: a repeated refresh was given another pair")
        account.now_is(account.world.with_pairs(session.device_id, (used, pair)))

    async def _use(self, account: Account) -> None:
        if (session := self._session(account)) is None:
            return
        used = self._random.choice(session.pairs)
        confirmed = account.world
        if used == session.newest:
            confirmed = confirmed.with_pairs(session.device_id, (used,))
        told = await self._change(
            account, "whoami", confirmed, "GET", "v3/account/whoami", token=used.access
        )  # fmt: skip
        if told is not None:
            account.now_is(confirmed)
            if told.json["device_id"] != session.device_id:
                self._report.violated(f"{account.name}: the token is of another device")

    async def _log_out(self, account: Account) -> None:
        if (session := self._confirmed(account)) is None:
            return
        after = account.world.without(session.device_id)
        if await self._change(account, "logout", after, "POST", "v3/logout", {}, session.newest.access):
            account.now_is(after)
            await self._must_be_refused(account)

    async def _log_out_everywhere(self, account: Account) -> None:
        if (session := self._confirmed(account)) is None:
            return
        after = World(True, True, account.world.password)
        if await self._change(account, "logout", after, "POST", "v3/logout/all", {}, session.newest.access):
            account.now_is(after)
            await self._must_be_refused(account)

    async def _change_password(self, account: Account) -> None:
        if (session := self._confirmed(account)) is None:
            return
        auth = self._proof(account)
        after = World(True, True, self._password(account), (session,))
        body = {"new_password": after.password, "logout_devices": True, "auth": auth}
        token = session.newest.access
        if await self._change(account, "password", after, "POST", "v3/account/password", body, token):
            account.now_is(after)
            await self._must_be_refused(account)

    async def _delete_device(self, account: Account) -> None:
        session, other = self._confirmed(account), self._session(account)
        if session is None or other is None or other == session:
            return
        after = account.world.without(other.device_id)
        path, body = f"v3/devices/{quote(other.device_id)}", {"auth": self._proof(account)}
        if await self._change(account, "delete device", after, "DELETE", path, body, session.newest.access):
            account.now_is(after)
            await self._must_be_refused(account)

    async def _deactivate(self, account: Account) -> None:
        if (session := self._confirmed(account)) is None:
            return
        after = World(exists=True)
        body = {"auth": self._proof(account)}
        token = session.newest.access
        if await self._change(account, "deactivate", after, "POST", "v3/account/deactivate", body, token):
            account.now_is(after)
            await self._must_be_refused(account)

    # --- How ---------------------------------------------------------------------------------------------------------

    async def _change(
        self, account: Account, what: str, unheard: World, method: str, path: str, body: Any = None,
        token: str | None = None,
    ) -> Told | None:  # fmt: skip
        """Ask for something. None where the server says that it could not; then it is in doubt.

        ``unheard``: the world in which it was carried out, and the answer never came.
        """
        account.touched = True
        try:
            told = await self._random.choice(self._lines).ask(method, path, body, token)
        except (Lost, Unanswered):
            self._report.doubtful[what] += 1
            account.may_be(unheard, what)
            raise
        if told.status == 200:
            self._report.acknowledged[what] += 1
            return told
        self._report.refused[f"{what} {told.status}"] += 1
        if told.status != 503 or told.json.get("errcode") != "M_UNKNOWN" or "retry-after" not in told.headers:
            self._report.violated(f"{account.name}: {what} was answered {told.status} {told.json}")
        account.may_be(unheard, f"{what} (503)")
        await asyncio.sleep(PAUSE_S)
        return None

    async def _must_be_refused(self, account: Account) -> None:
        """Show tokens that have just ended on another connection."""
        ended = [pair for pair in account.pairs[-6:] if not account.world.is_good(pair)]
        for pair in ended:
            told = await self._random.choice(self._lines).ask("GET", "v3/account/whoami", token=pair.access)
            self._report.checks["token refused at once"] += 1
            if told.status not in (401, 503):
                self._report.violated(f"{account.name}: a token of {account.world} was answered {told.status}")

    def _session(self, account: Account) -> Session | None:
        sessions = account.world.sessions
        return self._random.choice(sessions) if sessions else None

    def _confirmed(self, account: Account) -> Session | None:
        """A session of one pair, so that using it changes nothing besides."""
        sessions = [one for one in account.world.sessions if len(one.pairs) == 1]
        return self._random.choice(sessions) if sessions else None

    def _password(self, account: Account) -> str:
        password = f"correct horse {self._random.randrange(10**9)}"
        account.set_password(password)
        return password

    @staticmethod
    def _proof(account: Account) -> dict[str, Any]:
        user = {"type": "m.id.user", "user": account.name}
        return {"type": "m.login.password", "identifier": user, "password": account.world.password}


@asynccontextmanager
async def people_using(
    address: str, name: str, accounts: list[Account], report: Report, *, count: int = ACTORS
) -> AsyncIterator[None]:  # fmt: skip
    """So many use a server until the context ends, and go on with the newest accounts that there are.

    ``name``: tells the accounts that they make from those of others.
    """
    stopped = asyncio.Event()
    usable = [account for account in accounts if account.is_certain and account.world.active]
    known = usable[-BUSY_WITH * count :]
    people = [
        Actor(
            f"{name}-{number}", Random(f"{name}-{number}"), address, accounts, report,
            mine=known[number::count],
        )
        for number in range(count)
    ]  # fmt: skip
    tasks = [asyncio.create_task(one.run(stopped)) for one in people]
    try:
        yield
    finally:
        stopped.set()
        await asyncio.gather(*tasks)


async def until_acknowledged(report: Report, more: int) -> bool:
    """Wait until so many more requests have been acknowledged; whether they were, in time that is enough for any."""
    enough, end = report.acknowledged.total() + more, time.monotonic() + PATIENCE_S
    while report.acknowledged.total() < enough:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.001)
    return True
