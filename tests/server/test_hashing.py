"""Password hashing on its pool."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import bcrypt
import pytest

from ostiary.api.errors import LimitExceeded
from ostiary.api.secret import Secret
from ostiary.server import hashing
from ostiary.server.hashing import PasswordHasher
from ostiary.server.schemes import Argon2id, Bcrypt, Pbkdf2, Schemes
from tests.world import SeededEntropy

PASSWORD = Secret("correct horse battery")


def hasher(*, threads: int = 1, queue: int = 1, memory_kib: int = 64) -> PasswordHasher:
    argon2id = Argon2id(memory_kib=memory_kib, time_cost=1, parallelism=1)
    return PasswordHasher(
        Schemes(argon2id, Bcrypt(Secret("")), Pbkdf2()),
        threads=threads,
        queue=queue,
        random_bytes=SeededEntropy().token_bytes,
    )


def slow_hasher(*, queue: int, time_cost: int, when_idle: Callable[[], None] | None = None) -> PasswordHasher:
    """One thread, and hashes of 64 MiB: 35 ms of CPU for each pass, or longer."""
    argon2id = Argon2id(memory_kib=65_536, time_cost=time_cost, parallelism=1)
    random_bytes = SeededEntropy().token_bytes
    return PasswordHasher(
        Schemes(argon2id, Bcrypt(Secret("")), Pbkdf2()),
        threads=1,
        queue=queue,
        random_bytes=random_bytes,
        when_idle=when_idle,
    )


async def refusals(hasher: PasswordHasher, count: int) -> list[bool]:
    """Ask for so many hashes at once; of each, whether it was refused."""
    done = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(count)), return_exceptions=True)
    assert all(isinstance(one, str | LimitExceeded) for one in done)
    return [isinstance(one, LimitExceeded) for one in done]


def imported() -> list[str]:
    """Hashes of the password by other schemes."""
    text = PASSWORD.reveal().encode()
    derived = base64.b64encode(hashlib.pbkdf2_hmac("sha256", text, b"salt", 10)).decode().rstrip("=")
    return [
        bcrypt.hashpw(text, bcrypt.gensalt(4)).decode(),
        f"$pbkdf2-sha256$i=10,l=32$c2FsdA${derived}",
        f"$pbkdf2-sha256$10$c2FsdA${derived}",
    ]


@pytest.fixture
def quick() -> Iterator[PasswordHasher]:
    opened = hasher()
    yield opened
    opened.close()


async def test_right_password_and_no_other_is_right(quick: PasswordHasher) -> None:
    stored = await quick.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await quick.verify(PASSWORD, stored)
    for wrong in ("", "Correct horse battery", "correct horse battery "):
        assert not await quick.verify(Secret(wrong), stored)


async def test_nothing_is_right_where_there_is_no_hash(quick: PasswordHasher) -> None:
    for guess in ("", "None", PASSWORD.reveal()):
        assert not await quick.verify(Secret(guess), None)


@pytest.mark.parametrize("stored", ["", "!", "plain", "$2b$12$x", "$argon2id$v=19$m=64,t=1,p=1$x$y"])
async def test_nothing_is_right_where_the_hash_is_none(quick: PasswordHasher, stored: str) -> None:
    assert not await quick.verify(PASSWORD, stored)
    assert quick.is_outdated(stored) or stored.startswith("$argon2id")


@pytest.mark.parametrize("stored", imported(), ids=["bcrypt", "pbkdf2 by PHC", "pbkdf2 by passlib"])
async def test_imported_hash_is_right_and_outdated(quick: PasswordHasher, stored: str) -> None:
    assert await quick.verify(PASSWORD, stored)
    assert not await quick.verify(Secret("wrong"), stored)
    assert quick.is_outdated(stored)
    assert not quick.is_outdated(await quick.hash(PASSWORD))


@pytest.mark.parametrize("stored", [None, "", "!", "$6$salt$hash", "$2b$31$" + "." * 53])
async def test_hash_that_cannot_be_read_costs_a_hash_of_todays(stored: str | None) -> None:
    slow = hasher(memory_kib=8192)
    right = await slow.hash(PASSWORD)
    await slow.verify(PASSWORD, stored)  # what is done only once is done now
    known, unknown = [], []
    for _ in range(5):
        known.append(await _cpu_of_wrong_password(slow, right))
        unknown.append(await _cpu_of_wrong_password(slow, stored))
    slow.close()
    assert sorted(unknown)[2] > 0.7 * sorted(known)[2]


async def _cpu_of_wrong_password(hasher: PasswordHasher, stored: str | None) -> float:
    before = time.process_time()
    assert not await hasher.verify(Secret("wrong"), stored)
    return time.process_time() - before


def test_every_scheme_gives_up_the_interpreters_lock() -> None:
    text = PASSWORD.reveal().encode()
    derived = base64.b64encode(hashlib.pbkdf2_hmac("sha256", text, b"salt", 400_000)).decode().rstrip("=")
    slow = Argon2id(memory_kib=65_536, time_cost=4, parallelism=1)
    for scheme, stored in (
        (slow, slow.hash(PASSWORD, b"s" * 16)),
        (Bcrypt(Secret("")), bcrypt.hashpw(text, bcrypt.gensalt(10)).decode()),
        (Pbkdf2(), f"$pbkdf2-sha256$400000$c2FsdA${derived}"),
    ):
        ours, theirs = _cpu_beside(lambda scheme=scheme, stored=stored: scheme.verify(PASSWORD, stored))  # type: ignore[misc]
        assert ours > 0.2 * theirs, scheme
    ours, theirs = _cpu_beside(lambda: sum(range(5_000_000)) > 0)  # keeps the lock: what is seen here is no accident
    assert ours < 0.2 * theirs


def _cpu_beside(job: Callable[[], bool]) -> tuple[float, float]:
    """The CPU time that this thread gets while a job runs in another, and that of the job."""

    def timed() -> float:
        before = time.thread_time()
        assert job()
        return time.thread_time() - before

    with ThreadPoolExecutor(max_workers=1) as pool:
        before = time.thread_time()
        running = pool.submit(timed)
        while not running.done():
            pass
        return time.thread_time() - before, running.result()


async def test_same_password_is_hashed_differently_each_time(quick: PasswordHasher) -> None:
    assert await quick.hash(PASSWORD) != await quick.hash(PASSWORD)


async def test_other_parameters_are_outdated(quick: PasswordHasher) -> None:
    stored = await quick.hash(PASSWORD)
    stronger = hasher(memory_kib=128)
    assert not quick.is_outdated(stored)
    assert stronger.is_outdated(stored)
    assert await stronger.verify(PASSWORD, stored)
    stronger.close()


async def test_hash_whose_caller_has_gone_takes_its_place_until_it_is_done() -> None:
    slow = hasher(threads=1, queue=0, memory_kib=65_536)
    gone = asyncio.create_task(slow.hash(PASSWORD))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    with pytest.raises(LimitExceeded):
        await slow.hash(PASSWORD)
    for _ in range(500):
        if slow.busy:
            await asyncio.sleep(0.01)
    assert await slow.hash(PASSWORD)
    slow.close()


async def test_no_more_wait_than_are_done_in_half_a_second() -> None:
    slow = slow_hasher(queue=1000, time_cost=2)
    await slow.hash(PASSWORD)  # its pace is known from now on
    refused = await refusals(slow, 100)
    assert refused[:2] == [False, False]
    assert 100 - sum(refused) < 20
    slow.ensure_room()
    slow.close()


async def test_one_may_wait_however_long_a_hash_takes() -> None:
    slow = slow_hasher(queue=1000, time_cost=16)
    await slow.hash(PASSWORD)
    assert await refusals(slow, 4) == [False, False, True, True]
    slow.close()


async def test_who_has_waited_for_long_is_refused_rather_than_served_late() -> None:
    slow = slow_hasher(queue=40, time_cost=4)  # its pace is not known yet, so all may wait
    refused = await refusals(slow, 40)
    assert not refused[0]
    assert refused[-1]
    slow.close()


async def finishes(hasher: PasswordHasher, count: int) -> list[float]:
    """Ask for so many hashes at once; when each was there, in seconds."""
    began = time.perf_counter()

    async def one() -> float:
        assert await hasher.hash(PASSWORD)
        return time.perf_counter() - began

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


async def test_while_many_wait_several_hashes_are_handed_over_at_once() -> None:
    busy = hasher(threads=1, queue=100, memory_kib=8192)
    at = await finishes(busy, 17)
    gaps = [later - earlier for earlier, later in pairwise(at)]
    # A hash takes 4 ms or more: what comes closer together than that was handed over at once.
    assert sum(gap < 0.002 for gap in gaps[:12]) >= 6
    busy.close()


async def test_while_few_wait_a_hash_is_handed_over_when_it_is_done() -> None:
    slow = slow_hasher(queue=1, time_cost=2)
    first, second = asyncio.create_task(slow.hash(PASSWORD)), asyncio.create_task(slow.hash(PASSWORD))
    await first
    assert not second.done()
    assert slow.busy == 1
    await second
    slow.close()


async def test_none_is_held_so_long_that_a_thread_is_idle() -> None:
    quick = hasher(threads=1, queue=8, memory_kib=8192)

    async def last_comes_alone() -> bool:
        asked = [asyncio.create_task(quick.hash(PASSWORD)) for _ in range(3)]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*asked)
        return len(done) < 3

    assert any([await last_comes_alone() for _ in range(20)])  # where the machine is busy, not each time
    quick.close()


async def test_hash_that_is_done_is_not_held_for_long() -> None:
    slow = slow_hasher(queue=20, time_cost=4)  # four of them take longer than any is held
    asked = [asyncio.create_task(slow.hash(PASSWORD)) for _ in range(8)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert slow.busy + slow.waiting >= 5
    for task in asked:
        task.cancel()
    slow.close()


async def test_hash_that_is_held_is_neither_busy_nor_waiting() -> None:
    held = hasher(threads=1, queue=8, memory_kib=8192)
    asked = [asyncio.create_task(held.hash(PASSWORD)) for _ in range(9)]
    await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        held.ensure_room()
    for _ in range(10_000):  # the event loop, which would hear of what is done, stands still meanwhile
        if held.waiting > 6:
            time.sleep(0.001)  # noqa: ASYNC251
    assert not any(one.done() for one in asked)
    held.ensure_room()
    await asyncio.gather(*asked)
    assert held.busy == held.waiting == 0
    held.close()


async def test_idle_is_told_once_after_the_last_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "IDLE_AFTER_S", 0.01)
    told: list[float] = []
    idle = asyncio.Event()

    def when_idle() -> None:
        told.append(time.perf_counter())
        idle.set()

    slow = slow_hasher(queue=10, time_cost=1, when_idle=when_idle)  # each hash takes longer than the time until idle
    tasks = [asyncio.create_task(slow.hash(PASSWORD)) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[3].cancel()  # whoever asked goes away
    await asyncio.gather(*tasks[:3])
    last = time.perf_counter()
    await asyncio.wait_for(idle.wait(), timeout=10)
    assert len(told) == 1
    assert told[0] >= last
    slow.close()
    assert len(told) == 2


async def test_another_hash_puts_idle_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "IDLE_AFTER_S", 0.02)
    told: list[str] = []
    slow = slow_hasher(queue=1, time_cost=4, when_idle=lambda: told.append("idle"))
    await slow.hash(PASSWORD)
    await slow.hash(PASSWORD)  # takes longer than that
    assert not told
    slow.close()
    assert told == ["idle"]
    await asyncio.sleep(0.05)
    assert told == ["idle"]
