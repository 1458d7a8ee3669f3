"""Whether the time of an answer tells who has an account: ``python -m benchmarks.timing``.

Runs a real server with hashes as they are by default, and asks it the same of accounts that are there, that are there
but may not log in, and that are not, in an order that chance draws anew each round. For each kind it prints the median
time, and how often one who sees a single answer guesses right whether it is this kind or the first of its group: 50 %
is no better than a coin. What is within ``TOLERANCE`` of that is told apart by noise alone at this number of rounds.
"""

import argparse
import math
import random
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
from tests.process import run_cli, serving

from benchmarks.requests import PASSWORD, request

WRONG = "wrong horse battery"
BCRYPT_COST = 12
"""Synapse's."""

SETTINGS = {
    "OSTIARY_REGISTRATION__ENABLED": "true",
    "OSTIARY_RATE_LIMITS__ENABLED": "false",
    "OSTIARY_SERVER__PUBLIC_URL": "https://matrix.example.org",
    "OSTIARY_MAIL__FOLDER": "mail",
}
STATES = ("known", "locked", "suspended", "deactivated", "nopassword", "imported")


@dataclass
class Kind:
    """What is asked of one kind of account. ``body``: made anew for each time, which is given."""

    name: str
    path: str
    body: Callable[[int], dict[str, Any]]
    status: int
    took_ms: list[float] = field(default_factory=list)


def by_user(name: str) -> dict[str, str]:
    return {"type": "m.id.user", "user": name}


def by_mail(name: str) -> dict[str, str]:
    return {"type": "m.id.thirdparty", "medium": "email", "address": f"{name}@example.org"}


def by_phone(number: str) -> dict[str, str]:
    return {"type": "m.id.phone", "country": "GB", "phone": number}


def login(name: str, identifier: dict[str, str]) -> Kind:
    return Kind(
        name, "v3/login", lambda _: {"type": "m.login.password", "identifier": identifier, "password": WRONG}, 403
    )


def stage(name: str, identifier: dict[str, str]) -> Kind:
    auth = {"type": "m.login.password", "identifier": identifier, "password": WRONG}
    return Kind(name, "v3/account/password", lambda _: {"logout_devices": False, "new_password": "x" * 12,
                                                         "auth": auth}, 401)  # fmt: skip


def mail(name: str, purpose: str, address: str) -> Kind:
    def body(number: int) -> dict[str, Any]:
        return {"client_secret": f"s{number}", "email": f"{address}@example.org", "send_attempt": 1}

    return Kind(name, f"v3/{purpose}/email/requestToken", body, 200)


def groups() -> dict[str, list[Kind]]:
    """What is compared with what: the first of a group with each other."""
    names = (*STATES, "unknown", "@known:elsewhere.example")
    return {
        "login by name, wrong password": [login(name, by_user(name)) for name in names],
        "login by mail address": [login(name, by_mail(name)) for name in ("known", "deactivated", "unknown")],
        "login by phone number": [
            login(name, by_phone(number)) for name, number in (("known", "07700900123"), ("unknown", "07700900456"))
        ],
        "password stage without token": [stage(name, by_user(name)) for name in (*STATES[:5], "unknown")],
        "mail to reset a password": [mail(name, "account/password", name) for name in ("known", "unknown")],
        "mail to register": [mail(name, "register", name) for name in ("known", "unknown")],
    }


def prepare(folder: Path) -> None:
    """Make the accounts: one of each state."""

    def admin(*arguments: str, stdin: str = "") -> None:
        done = run_cli(folder, "admin", *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr

    for name in STATES:
        if name == "nopassword":
            admin("accounts", "create", name, "--no-password")
        else:
            admin("accounts", "create", name, "--password-stdin", stdin=f"{PASSWORD}\n")
        admin("threepids", "add", name, "email", f"{name}@example.org")
    admin("threepids", "add", "known", "msisdn", "447700900123")
    admin("accounts", "lock", "locked")
    admin("accounts", "suspend", "suspended")
    admin("accounts", "deactivate", "deactivated", "--yes")
    imported = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()
    connection = sqlite3.connect(folder / "ostiary.db")
    with connection:
        connection.execute("UPDATE accounts SET password_hash = ? WHERE localpart = 'imported'", (imported,))
    connection.close()


class Asker:
    """One connection, which is kept."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
        self._numbers: Iterator[int] = iter(range(10**9))

    def ask(self, kind: Kind) -> float:
        """Milliseconds until the answer was there."""
        asked = request("POST", kind.path, kind.body(next(self._numbers)))
        started = time.perf_counter_ns()
        self._connection.sendall(asked)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._connection.recv(65_536)
        took = (time.perf_counter_ns() - started) / 1e6
        before, _, content = answer.partition(b"\r\n\r\n")
        missing = int(before.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(content)
        while missing > 0:
            missing -= len(self._connection.recv(missing))
        status = int(before[9:12])
        assert status == kind.status, (kind.name, kind.path, answer)
        return took


def guessed_right(first: Sequence[float], other: Sequence[float]) -> float:
    """How often the slower of two answers is of the kind that is slower more often: 0.5 to 1."""
    slower: float = sum((a < b) + (a == b) / 2 for a in first for b in other) / (len(first) * len(other))
    return max(slower, 1 - slower)


def tolerance(rounds: int) -> float:
    """How far from a half chance alone takes that figure, 99 times of 100."""
    return 2.58 * math.sqrt((2 * rounds + 1) / (12 * rounds * rounds))


def measure(rounds: int) -> dict[str, list[Kind]]:
    """Ask so often of each kind."""
    chance = random.Random(1)
    asked = groups()
    every = [kind for kinds in asked.values() for kind in kinds]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with serving(folder, environment=SETTINGS, anew=True) as server:
            asker = Asker(server.address)
            for kind in every:
                asker.ask(kind)  # what is done only once is done now
            for _ in range(rounds):
                for kind in chance.sample(every, len(every)):
                    kind.took_ms.append(asker.ask(kind))
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    chance = tolerance(rounds)
    print(f"{rounds} rounds; chance alone gives 50 ± {chance:.0%}".replace("%", " %"))
    for group, (first, *others) in measure(rounds).items():
        print(f"\n{group}\n  {first.name:26} {statistics.median(first.took_ms):8.2f} ms")
        for other in others:
            right = guessed_right(first.took_ms, other.took_ms)
            told = "  told apart" if right - 0.5 > chance else ""
            median = statistics.median(other.took_ms)
            print(f"  {other.name:26} {median:8.2f} ms   guessed right {right * 100:5.1f} %{told}")


if __name__ == "__main__":
    main()
