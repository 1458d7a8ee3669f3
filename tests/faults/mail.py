"""A mail server in bad moods: it refuses, says nothing, dies in the middle, takes a mail and does not say so.

Every mail has to arrive, and once: more often only where the server took it and its word for that was lost, since then
nobody can know; then its Message-ID and its date are the same. Meanwhile no request waits for it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from random import Random

from ostiary.config import Config, MailConfig, ServerConfig, ThreepidsConfig
from ostiary.delivery.outbox import LONGEST_DELAY_MS, OutboxWorker
from ostiary.server.environment import SystemEntropy
from ostiary.server.logs import Log
from ostiary.server.sending import make_senders
from tests.faults.report import Report
from tests.world import World, open_config, open_world

TIMEOUT_MS = 250
"""Of the mail server, as far as ours is patient."""

WEEK_MS = 7 * 24 * 3_600_000
PASSES = 150
REQUEST_MS = 1_000.0
"""For a request beside it all, however busy the machine is; a mail server that says nothing takes far longer."""

Say = Callable[[str], Awaitable[None]]

MOODS = (
    "takes", "takes", "takes slowly", "hangs up at once", "says nothing", "is busy", "dies after the greeting",
    "dies before the mail", "dies in the mail", "takes and dies", "takes and says nothing", "takes, and dies at QUIT",
)  # fmt: skip


@dataclass
class MoodyServer:
    """An SMTP server whose mood changes with each connection. ``moods``: of the next ones, from the end."""

    random: Random
    port: int = 0
    mood: str | None = None
    arrived: Counter[str] = field(default_factory=Counter)
    names: dict[str, set[str]] = field(default_factory=dict)
    unsaid: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mood = self.mood or self.random.choice(MOODS)
        self.seen[mood] += 1
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await self._converse(mood, reader, writer)
        writer.transport.abort()

    async def _converse(self, mood: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            if mood == "takes slowly":
                await asyncio.sleep(TIMEOUT_MS / 5000)
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        if mood == "says nothing":
            await reader.read()
        elif mood == "is busy":
            await say("421 mail.test is busy")
        elif mood != "hangs up at once":
            await say("220 mail.test")
            if mood != "dies after the greeting":
                await self._obey(mood, reader, say)

    async def _obey(self, mood: str, reader: asyncio.StreamReader, say: Say) -> None:
        """Do as it is told, until the mood or the other side ends it."""
        to = ""
        while line := (await reader.readline()).decode():
            verb = line[:4].upper()
            if verb == "RCPT":
                to = line.partition("<")[2].partition(">")[0]
            if verb == "DATA":
                if mood == "dies before the mail" or not await self._take(mood, to, reader, say):
                    return
            elif verb == "QUIT":
                if mood != "takes, and dies at QUIT":
                    await say("221 bye")
                return
            else:
                await say("250 mail.test" if verb in ("EHLO", "HELO") else "250 OK")

    async def _take(self, mood: str, to: str, reader: asyncio.StreamReader, say: Say) -> bool:
        """Take a mail; whether the conversation goes on."""
        await say("354 go on")
        if mood == "dies in the mail":
            await reader.readline()
            return False
        mail = message_from_bytes(await reader.readuntil(b"\r\n.\r\n"))
        self.arrived[to] += 1
        self.names.setdefault(to, set()).add(f"{mail['Message-ID']} {mail['Date']}")
        if mood in ("takes and dies", "takes and says nothing"):
            self.unsaid[to] += 1
            if mood == "takes and says nothing":
                await reader.read()
            return False
        await say("250 taken")
        return True


@asynccontextmanager
async def moody_server(random: Random) -> AsyncIterator[MoodyServer]:
    """It, on a port of its own."""
    moody = MoodyServer(random)
    server = await asyncio.start_server(moody.serve, "127.0.0.1", 0)
    moody.port = server.sockets[0].getsockname()[1]
    try:
        yield moody
    finally:
        server.close()


async def mail_run(directory: Path, *, mails: int, seed: int, report: Report, log: Log) -> None:
    """Have so many mails sent."""
    async with moody_server(Random(f"mail {seed}")) as moody, open_world(_config(directory, moody.port)) as world:
        worker = OutboxWorker(world.services.store, make_senders(world.config, log), world.clock, SystemEntropy(), log)
        await _requests_do_not_wait(world, worker, moody, report)
        for number in range(mails):
            await _ask_for_mail(world, f"person{number}@example.org", report)
        for _ in range(PASSES):
            if not await world.messages():
                break
            report.checks["deliveries tried"] += await worker.deliver_due()
            world.clock.advance(LONGEST_DELAY_MS)
            report.round_done()
        _judge(moody, mails, len(await world.messages()), report)


def _judge(moody: MoodyServer, mails: int, waiting: int, report: Report) -> None:
    wanted = {f"person{number}@example.org" for number in range(mails)}
    once = sum(moody.arrived[to] == 1 for to in wanted)
    report.notes["moods of the mail server"] = dict(sorted(moody.seen.items()))
    report.notes["mails"] = f"{mails}: {once} arrived once, {mails - once} more often"
    report.notes["taken without a word for it"] = moody.unsaid.total()
    if waiting:
        report.violated(f"{waiting} mails were never handed over")
    for to in wanted:
        if moody.arrived[to] != 1 + moody.unsaid[to]:
            report.violated(f"{to} got {moody.arrived[to]} mails, {moody.unsaid[to]} of them without a word for it")
        if len(moody.names.get(to, ())) > 1:
            report.violated(f"{to} cannot tell that they are one: {moody.names[to]}")


async def _requests_do_not_wait(world: World, worker: OutboxWorker, moody: MoodyServer, report: Report) -> None:
    """While the server says nothing, and later while it is down, requests that cause mails are answered as ever."""
    moody.mood = "says nothing"
    running = asyncio.create_task(worker.run())
    for number in range(20):
        await _ask_for_mail(world, f"waiting{number}@example.org", report)
        worker.nudge()
        await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    moody.mood = None


async def _ask_for_mail(world: World, address: str, report: Report) -> None:
    began = time.monotonic()
    body = {"client_secret": "secret", "email": address, "send_attempt": 1}
    answer = await world.call("POST", "v3/register/email/requestToken", body)
    took_ms = (time.monotonic() - began) * 1000
    report.longest("longest request for a mail (ms)", took_ms)
    report.acknowledged["request for a mail"] += 1
    if answer.status != 200 or took_ms > REQUEST_MS:
        report.violated(f"{address}: {answer.status} after {took_ms:.0f} ms")


def _config(directory: Path, port: int) -> Config:
    return open_config(
        directory,
        server=ServerConfig(public_url="https://matrix.example.org"),
        mail=MailConfig(
            host="127.0.0.1", port=port, encryption="none", sender="accounts@example.org", timeout_ms=TIMEOUT_MS
        ),
        threepids=ThreepidsConfig(validation_lifetime_ms=WEEK_MS),
    )
