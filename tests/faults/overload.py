"""Logins at many times what the hashing pool can do, while others ask who they are: nobody waits long for anything.

What sends and what asks are processes of their own, so that neither measures the other. Hashes have their real cost.
"""

import asyncio
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.faults.report import Report
from tests.faults.talking import Line, Lost, NotSent, Told, Unanswered
from tests.process import ServerProcess, serving
from tests.world import PASSWORD

CONNECTIONS = 256
PEOPLE = 4
"""Accounts that are logged in to."""

ASK_EVERY_S = 0.01
SAMPLE_EVERY_S = 0.1


@dataclass(frozen=True)
class Bounds:
    """What must not be exceeded: milliseconds, MiB, seconds.

    ``longest_login_ms``: half a second in the queue or, where the machine gets slower, a whole one, and the login
    itself. ``memory_mib``: that it may take more, most of it for the hashes that are being made.
    """

    whoami_p99_ms: float = 50
    refusal_p99_ms: float = 1_000
    longest_login_ms: float = 2_000
    memory_mib: float = 60
    back_within_s: float = 1

    def relaxed(self, times: float) -> "Bounds":
        """The same for a machine of which one knows nothing."""
        return replace(
            self,
            whoami_p99_ms=self.whoami_p99_ms * times,
            refusal_p99_ms=self.refusal_p99_ms * times,
            longest_login_ms=self.longest_login_ms * times,
            back_within_s=self.back_within_s * times,
        )


NORMAL = Bounds()


@dataclass
class Times:
    """Milliseconds of answers, by what was answered."""

    by_answer: dict[str, list[float]] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    late: int = 0

    def note(self, answer: str, milliseconds: float) -> None:
        self.by_answer.setdefault(answer, []).append(milliseconds)


def percentile(values: list[float], share: float) -> float:
    """The value that a share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def told(values: list[float]) -> str:
    """Values in milliseconds, as a line."""
    return ", ".join(f"p{share:g} {percentile(values, share / 100):.1f}" for share in (50, 99, 100)) + " ms"


# --- In processes of their own ---------------------------------------------------------------------------------------


def flood(address: str, rate: float, seconds: float) -> Times:
    """Log in so often a second, whatever is answered."""
    times = Times()
    asyncio.run(_flood(address, rate, seconds, times))
    return times


async def _flood(address: str, rate: float, seconds: float, times: Times) -> None:
    began = time.monotonic()
    numbers = iter(range(int(rate * seconds)))

    async def run() -> None:
        line = Line(address)
        for number in numbers:
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            elif early < -1:
                times.late += 1
            sent = time.monotonic()
            if sent - began > seconds:
                break
            try:
                answer = await line.ask("POST", "v3/login", _login(f"user{number % PEOPLE}"))
            except (NotSent, Lost, Unanswered) as error:
                times.wrong[repr(error)] += 1
                continue
            times.note(_kind(answer, times), (time.monotonic() - sent) * 1000)
        line.close()

    await asyncio.gather(*(run() for _ in range(CONNECTIONS)))


def _kind(answer: Told, times: Times) -> str:
    if answer.status == 429:
        if "retry-after" not in answer.headers or not answer.json.get("retry_after_ms"):
            times.wrong["429 without saying when to come back"] += 1
    elif answer.status != 200:
        times.wrong[f"{answer.status} {answer.json}"] += 1
    return str(answer.status)


def ask(address: str, token: str, seconds: float) -> Times:
    """Ask who one is, again and again."""
    times = Times()

    async def run() -> None:
        line = Line(address)
        end = time.monotonic() + seconds
        while (sent := time.monotonic()) < end:
            answer = await line.ask("GET", "v3/account/whoami", token=token)
            times.note(str(answer.status), (time.monotonic() - sent) * 1000)
            await asyncio.sleep(ASK_EVERY_S)
        line.close()

    asyncio.run(run())
    return times


def capacity(address: str, seconds: float) -> float:
    """Logins a second where as many ask as are served at once."""
    done = 0

    async def run(number: int, end: float) -> None:
        nonlocal done
        line = Line(address)
        while time.monotonic() < end:
            answer = await line.ask("POST", "v3/login", _login(f"user{number % PEOPLE}"))
            assert answer.status == 200, answer
            done += 1
        line.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(run(number, time.monotonic() + seconds) for number in range(8)))

    asyncio.run(all_of_them())
    return done / seconds


def _login(user: str) -> dict[str, Any]:
    identifier = {"type": "m.id.user", "user": user}
    return {"type": "m.login.password", "identifier": identifier, "password": PASSWORD, "device_id": "D"}


# --- The run ---------------------------------------------------------------------------------------------------------


def overload(
    directory: Path, *, factor: float, seconds: float, report: Report, bounds: Bounds = NORMAL
) -> None:  # fmt: skip
    """Send ``factor`` times as many logins as can be served."""
    with serving(directory, "--dev", anew=True) as server, _processes() as pool:
        token = _register(server)
        served = pool.submit(capacity, server.address, min(5.0, seconds)).result()
        quiet = pool.submit(ask, server.address, token, min(5.0, seconds)).result()
        report.notes["logins a second that it can do"] = round(served, 1)
        report.notes["whoami beside nothing"] = told(quiet.by_answer["200"])
        before_mib = server.resident_mib()
        flooding = pool.submit(flood, server.address, served * factor, seconds)
        asking = pool.submit(ask, server.address, token, seconds)
        most_mib = before_mib
        while not flooding.done() or not asking.done():
            most_mib = max(most_mib, server.resident_mib())
            time.sleep(SAMPLE_EVERY_S)
        ended = time.monotonic()
        flooded, asked = flooding.result(), asking.result()
        _note_flood(flooded, asked, seconds, report, bounds)
        report.notes["memory (MiB)"] = f"{before_mib:.0f} before, {most_mib:.0f} at most"
        if most_mib - before_mib > bounds.memory_mib:
            report.violated(f"memory grew from {before_mib:.0f} to {most_mib:.0f} MiB")
        _note_afterwards(server, ended, report, bounds)
        report.round_done()


def _note_flood(flooded: Times, asked: Times, seconds: float, report: Report, bounds: Bounds) -> None:
    logins, refusals = flooded.by_answer.get("200", []), flooded.by_answer.get("429", [])
    whoami = asked.by_answer.get("200", [])
    sent = sum(map(len, flooded.by_answer.values()))
    report.acknowledged["login"] += len(logins)
    report.refused["login 429"] += len(refusals)
    report.notes["sent a second"] = round(sent / seconds, 1)
    report.notes["sent later than they should have been, for want of connections"] = flooded.late
    report.notes["logins that succeeded"] = told(logins)
    report.notes["logins that were refused"] = told(refusals)
    report.notes["whoami beside them"] = told(whoami)
    for what, count in flooded.wrong.items():
        report.violated(f"{count} times: {what}")
    if set(asked.by_answer) != {"200"}:
        report.violated(f"whoami was answered {set(asked.by_answer)}")
    for what, value, bound in (
        ("whoami's 99th percentile", percentile(whoami, 0.99), bounds.whoami_p99_ms),
        ("the refusals' 99th percentile", percentile(refusals, 0.99), bounds.refusal_p99_ms),
        ("the longest login", percentile(logins, 1), bounds.longest_login_ms),
    ):
        if not value <= bound:
            report.violated(f"{what} was {value:.1f} ms, over {bound:.0f}")


def _note_afterwards(server: ServerProcess, ended: float, report: Report, bounds: Bounds) -> None:
    """It is as before: a login succeeds."""
    while True:
        status, _ = server.call("POST", "v3/login", _login("user0"))
        if status == 200:
            break
    back_s = time.monotonic() - ended
    report.notes["back to normal after (s)"] = round(back_s, 3)
    if back_s > bounds.back_within_s:
        report.violated(f"back to normal only after {back_s:.2f} s")


def _register(server: ServerProcess) -> str:
    """The accounts; a token of the first."""
    token = ""
    for number in range(PEOPLE):
        body = {"username": f"user{number}", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        status, answer = server.call("POST", "v3/register", body)
        assert status == 200, answer
        token = token or answer["access_token"]
    return token


@contextmanager
def _processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool
