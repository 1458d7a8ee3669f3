"""Argon2id on its pool."""

import asyncio
from collections.abc import Iterator

import pytest

from ostiary.api.errors import LimitExceeded
from ostiary.api.secret import Secret
from ostiary.server.hashing import ArgonHasher
from tests.world import SeededEntropy

PASSWORD = Secret("correct horse battery")


def hasher(*, threads: int = 1, queue: int = 1, memory_kib: int = 64) -> ArgonHasher:
    random_bytes = SeededEntropy().token_bytes
    return ArgonHasher(
        memory_kib=memory_kib, time_cost=1, parallelism=1, threads=threads, queue=queue, random_bytes=random_bytes
    )


@pytest.fixture
def quick() -> Iterator[ArgonHasher]:
    opened = hasher()
    yield opened
    opened.close()


async def test_right_password_and_no_other_is_right(quick: ArgonHasher) -> None:
    stored = await quick.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await quick.verify(PASSWORD, stored)
    for wrong in ("", "Correct horse battery", "correct horse battery "):
        assert not await quick.verify(Secret(wrong), stored)


async def test_nothing_is_right_where_there_is_no_hash(quick: ArgonHasher) -> None:
    for guess in ("", "None", PASSWORD.reveal()):
        assert not await quick.verify(Secret(guess), None)


@pytest.mark.parametrize("stored", ["", "!", "plain", "$2b$12$x", "$argon2id$v=19$m=64,t=1,p=1$x$y"])
async def test_nothing_is_right_where_the_hash_is_none(quick: ArgonHasher, stored: str) -> None:
    assert not await quick.verify(PASSWORD, stored)
    assert quick.is_outdated(stored) or stored.startswith("$argon2id")


async def test_same_password_is_hashed_differently_each_time(quick: ArgonHasher) -> None:
    assert await quick.hash(PASSWORD) != await quick.hash(PASSWORD)


async def test_other_parameters_are_outdated(quick: ArgonHasher) -> None:
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
        if slow._busy:
            await asyncio.sleep(0.01)
    assert await slow.hash(PASSWORD)
    slow.close()
