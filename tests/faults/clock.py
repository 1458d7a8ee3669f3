"""The machine's clock goes wrong, by minutes or by years, either way, while people use the server; then it is right.

Nothing may fail meanwhile but as time itself would have it, and once the clock is right, and a while has passed,
everybody can log in, every session goes on, what is to be sent is sent, and what has an end comes to it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from ostiary.accounts.messages import Medium, Message
from ostiary.config import Config, MailConfig, RateLimitsConfig, ServerConfig
from ostiary.delivery.outbox import OutboxWorker
from ostiary.delivery.sending import DeliveryFailed, Postmark
from ostiary.server.environment import SystemEntropy
from ostiary.server.housekeeping import Housekeeping, house_rules
from ostiary.server.logs import Log
from tests.faults.report import Report
from tests.world import PASSWORD, Account, Answer, HeldClock, World, account_of, open_config, open_world

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_MS = 365 * DAY_MS

JUMPS_MS = (MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 40 * DAY_MS, YEAR_MS, 10 * YEAR_MS)
STEPS = 60
"""Of people, in one round."""

HEALED_WITHIN_MS = 2 * HOUR_MS
"""Of the clock's being right again, everything works as if it had always been."""

LIMITED_TO_MS = 90 * MINUTE_MS
"""The longest that anybody may be told to wait, in which a clock that is an hour wrong is borne."""

ENDED_AFTER_MS = 2 * DAY_MS


class WrongClock(HeldClock):
    """A clock that is wrong by ``off_ms``."""

    def __init__(self) -> None:
        super().__init__()
        self.off_ms = 0
        self.furthest = self.now()

    def now(self) -> int:
        shown = super().now() + getattr(self, "off_ms", 0)
        self.furthest = max(getattr(self, "furthest", shown), shown)
        return shown


@dataclass
class Fickle:
    """A sender of mails that often fails."""

    random: Random
    sent: int = 0

    async def send(self, message: Message, postmark: Postmark) -> None:
        if self.random.random() < 0.5:
            raise DeliveryFailed("the mail server is away", permanent=False)
        self.sent += 1


@dataclass
class Person:
    """Somebody with one session, who refreshes when told to."""

    account: Account
    refreshed: int = 0


async def clock_rounds(directory: Path, *, rounds: int, seed: int, report: Report, log: Log) -> None:
    """Let the clock go wrong so often, each time with everything that happened before."""
    clock = WrongClock()
    async with open_world(_config(directory), clock=clock) as world:
        sender = Fickle(Random(f"sender {seed}"))
        worker = OutboxWorker(world.services.store, {Medium.EMAIL: sender}, clock, SystemEntropy(), log)

        async def rest() -> None:
            return

        house = Housekeeping(world.services, log, house_rules(world.config), rest)
        watch = _Watch(world, clock, report, house, worker)
        for number in range(rounds):
            await watch.one_round(Random(f"clock {seed} {number}"), f"p{number}")
            report.round_done()
        report.notes["mails sent"] = sender.sent
        await watch.all_ends()


class _Watch:
    def __init__(
        self, world: World, clock: WrongClock, report: Report, house: Housekeeping, worker: OutboxWorker
    ) -> None:
        self._world = world
        self._clock = clock
        self._report = report
        self._house = house
        self._worker = worker
        self._people: list[Person] = []

    async def one_round(self, random: Random, name: str) -> None:
        """Let somebody come, the clock go wrong now and then, and people go on; then heal, and look everybody over."""
        self._world.address = f"192.0.2.{random.randrange(1, 250)}"
        await self._register(name)
        for _ in range(STEPS):
            if random.random() < 0.2:
                jump = random.choice(JUMPS_MS) * random.choice((-1, 1))
                self._clock.off_ms = random.choice((jump, jump, 0))
                self._report.checks["clock set"] += 1
            self._clock.advance(random.choice((10, 1_000, MINUTE_MS)))
            await self._step(random)
        self._clock.off_ms = 0
        for _ in range(HEALED_WITHIN_MS // (10 * MINUTE_MS)):
            self._clock.advance(10 * MINUTE_MS)
            await self._house.go_round()
        await self._must_be_healed(name)

    async def _step(self, random: Random) -> None:
        choice = random.randrange(8)
        if choice == 0:
            await self._house.go_round()
        elif choice == 1:
            await self._worker.deliver_due()
        elif choice == 2:
            await self._call("POST", "v3/register/email/requestToken", {
                "client_secret": "secret", "email": f"a{random.randrange(99)}@example.org", "send_attempt": 1,
            })  # fmt: skip
        elif choice == 3:
            await self._dialogue()
        elif self._people:
            person = random.choice(self._people)
            await (self._go_on(person) if choice < 7 else self._log_in(person))

    async def _register(self, name: str) -> None:
        body = {"username": name, "password": PASSWORD, "refresh_token": True, "auth": {"type": "m.login.dummy"}}
        answer = await self._call("POST", "v3/register", body)
        if answer.status == 200:
            self._people.append(Person(account_of(answer)))

    async def _dialogue(self) -> None:
        """Open one, which is left."""
        await self._call("POST", "v3/register", {"username": "nobody", "password": PASSWORD})

    async def _log_in(self, person: Person) -> Answer:
        body = {
            "type": "m.login.password", "password": PASSWORD, "device_id": person.account.device_id,
            "identifier": {"type": "m.id.user", "user": person.account.localpart}, "refresh_token": True,
        }  # fmt: skip
        answer = await self._call("POST", "v3/login", body)
        if answer.status == 200:
            person.account = account_of(answer)
        return answer

    async def _go_on(self, person: Person) -> bool:
        """Ask who one is, after refreshing where that is asked for; whether it was answered in the end."""
        answer = await self._call("GET", "v3/account/whoami", token=person.account.access_token)
        if answer.status == 200:
            return True
        if answer.errcode != "M_UNKNOWN_TOKEN" or not answer.json.get("soft_logout"):
            self._report.violated(f"{person.account.localpart} was logged out: {answer.json}")
            return False
        refreshed = await self._call("POST", "v3/refresh", {"refresh_token": person.account.refresh_token})
        if refreshed.status != 200:
            return False
        person.refreshed += 1
        person.account = replace(
            person.account,
            access_token=refreshed.json["access_token"],
            refresh_token=refreshed.json["refresh_token"],
        )
        again = await self._call("GET", "v3/account/whoami", token=person.account.access_token)
        return again.status == 200

    async def _call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Answer:
        answer = await self._world.call(method, path, body, token=token)
        self._report.acknowledged[f"answered {answer.status}"] += 1
        if answer.status >= 500:
            self._report.violated(f"{method} {path} was answered {answer.status} {answer.json}")
        wait_ms = answer.json.get("retry_after_ms", 0) if answer.status == 429 else 0
        self._report.longest("longest to wait (min)", wait_ms / MINUTE_MS)
        if wait_ms > LIMITED_TO_MS:
            self._report.violated(f"{path}: come back in {wait_ms} ms")
        return answer

    async def _must_be_healed(self, name: str) -> None:
        """Everybody goes on, and can log in."""
        for person in self._people:
            self._world.address = f"198.51.100.{self._people.index(person) % 250}"
            self._report.checks["session"] += 1
            if not await self._go_on(person):
                self._report.violated(f"{name}: the session of {person.account.localpart} does not go on")
            self._report.checks["login"] += 1
            if (answer := await self._log_in(person)).status != 200:
                self._report.violated(f"{name}: {person.account.localpart} cannot log in: {answer.json}")
            self._clock.advance(MINUTE_MS)
        for _ in range(100):
            if not await self._mails_waiting():
                return
            await self._worker.deliver_due()
            self._clock.advance(HOUR_MS)
        self._report.violated(f"{name}: {await self._mails_waiting()} mails wait for ever")

    async def _mails_waiting(self) -> int:
        """Those that were given up, since they would have come too late, do not count."""
        ((count,),) = await self._world.sql("SELECT count(*) FROM outbox WHERE given_up_at IS NULL")
        return int(count)

    async def all_ends(self) -> None:
        """After the latest time that the clock ever showed, nothing that has an end is left."""
        self._clock.advance(self._clock.furthest - self._clock.now() + ENDED_AFTER_MS)
        for person in self._people:
            answer = await self._call("GET", "v3/account/whoami", token=person.account.access_token)
            if answer.status != 401:
                self._report.violated(f"{person.account.localpart}: an access token lives for ever")
        await self._worker.deliver_due()
        await self._house.go_round()
        self._clock.advance(self._world.config.sessions.dead_token_memory_ms)  # as long what was given up is kept
        await self._house.go_round()
        for table in ("uia_sessions", "validations", "outbox"):
            ((count,),) = await self._world.sql(f"SELECT count(*) FROM {table}")
            if count:
                self._report.violated(f"{count} rows of {table} stay for ever")


def _config(directory: Path) -> Config:
    """With the limits as they are by default."""
    return open_config(
        directory,
        rate_limits=RateLimitsConfig(),
        server=ServerConfig(public_url="https://matrix.example.org"),
        mail=MailConfig(folder=str(directory)),
    )
