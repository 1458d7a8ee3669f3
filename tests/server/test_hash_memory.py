"""The memory that hashes are made in, by what Argon2 and the system say of it."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ostiary.server import argon2_core
from ostiary.server.argon2_core import Cost, derive, open_hash_memory
from ostiary.server.hash_memory import HUGE_PAGE, HashMemory

KIB = 8192
USUAL = KIB * 1024
COST = Cost(memory_kib=KIB, passes=1, lanes=1)

SMAPS = Path("/proc/self/smaps")

DENYING = """
import asyncio, ctypes, secrets, sys
import argon2
from ostiary.api.secret import Secret
from ostiary.config import Config
from ostiary.server.wiring_passwords import make_hasher

class Random:
    token_bytes = staticmethod(secrets.token_bytes)

async def main():
    hasher = make_hasher(Config(), Random())
    stored = await hasher.hash(Secret("x"))
    assert await hasher.verify(Secret("x"), stored)
    hasher.close()
    print(stored)

PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(77)
asyncio.run(main())
"""


def allocate(memory: HashMemory, size: int) -> int | None:
    """What Argon2 does: where the memory is, None where there is none."""
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)(memory.functions[0])
    address = ctypes.c_void_p()
    failed = function(ctypes.byref(address), size)
    assert bool(failed) is (address.value is None)
    return address.value


def free(memory: HashMemory, address: int, size: int) -> None:
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)(memory.functions[1])(address, size)


@contextmanager
def allocated(memory: HashMemory, size: int = USUAL) -> Iterator[int]:
    address = allocate(memory, size)
    assert address is not None
    yield address
    free(memory, address, size)


def flags_of(address: int) -> set[str]:
    """What the system has been told of the memory at an address: see proc(5), VmFlags."""
    here = False
    for line in SMAPS.read_text(encoding="ascii").splitlines():
        first = line.split()[0]
        if not first.endswith(":"):
            begin, end = (int(one, 16) for one in first.split("-"))
            here = begin <= address < end
        elif here and first == "VmFlags:":
            return set(line.split()[1:])
    return set()


def test_memory_is_used_again_and_given_back_when_asked() -> None:
    memory = HashMemory(USUAL)
    first = derive(b"x", b"saltsalt", COST, 32, memory)
    with allocated(memory) as address:
        assert memory.kept_bytes == 0
    assert derive(b"x", b"saltsalt", COST, 32, memory) == first
    with allocated(memory) as again:
        assert again == address
    assert memory.kept_bytes == USUAL
    memory.give_back()
    assert memory.kept_bytes == 0
    assert derive(b"x", b"saltsalt", COST, 32, memory) == first


def test_nothing_of_a_hash_is_left_in_it() -> None:
    memory = HashMemory(USUAL)
    with allocated(memory) as address:
        ctypes.memset(address, 0xAA, USUAL)
    derive(b"x", b"saltsalt", COST, 32, memory)
    with allocated(memory) as again:
        assert again == address
        assert ctypes.string_at(address, USUAL) == bytes(USUAL)


def test_each_hash_has_its_own_memory() -> None:
    memory = HashMemory(USUAL)
    with allocated(memory) as one, allocated(memory) as other:
        assert abs(one - other) >= USUAL
        memory.give_back()  # takes nothing away from those
        ctypes.memset(one, 1, USUAL)
        ctypes.memset(other, 2, USUAL)
        assert ctypes.string_at(one, USUAL) == b"\1" * USUAL
    assert memory.kept_bytes == 2 * USUAL


def test_many_threads_and_whoever_gives_back_do_not_disturb_each_other() -> None:
    memory = HashMemory(USUAL)
    cost = Cost(memory_kib=64, passes=1, lanes=1)
    right = derive(b"x", b"saltsalt", cost, 32, memory)

    def work(_number: int) -> bool:
        memory.give_back()
        return derive(b"x", b"saltsalt", cost, 32, memory) == right

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(400)))
    assert memory.kept_bytes <= 8 * USUAL


def test_what_takes_more_than_usual_is_not_kept() -> None:
    memory = HashMemory(USUAL)
    large = derive(b"x", b"saltsalt", Cost(2 * KIB, 1, 1), 32, memory)
    assert memory.kept_bytes == 0
    derive(b"x", b"saltsalt", COST, 32, memory)
    assert derive(b"x", b"saltsalt", Cost(2 * KIB, 1, 1), 32, memory) == large
    derive(b"x", b"saltsalt", Cost(64, 1, 1), 32, memory)
    assert memory.kept_bytes == USUAL


@pytest.mark.parametrize("size", [2**62, 2**63 + 1])
def test_more_than_there_is_is_said_to_argon2_and_raises_nothing(size: int) -> None:
    memory = HashMemory(USUAL)
    assert allocate(memory, size) is None
    assert memory.kept_bytes == 0


def test_opened_memory_is_empty_until_the_first_hash() -> None:
    memory = open_hash_memory(USUAL)
    assert memory is not None
    assert memory.kept_bytes == 0
    derive(b"x", b"saltsalt", COST, 32, memory)
    assert memory.kept_bytes == USUAL


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("core", lambda _context, _type: 0),  # a release that does something else
        ("core", lambda _context, _type: -1),
        ("ARGON2_VERSION", None),  # or whose structure is another
        ("ffi", None),
    ],
)
def test_release_of_argon2_cffi_that_does_not_fit_is_not_used_that_way(
    name: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argon2_core, name, broken)
    assert open_hash_memory(USUAL) is None


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux says what it has been told of memory")
def test_memory_lies_in_huge_pages_and_in_no_core_dump() -> None:
    memory = HashMemory(USUAL)
    with allocated(memory) as address:
        assert address % HUGE_PAGE == 0
        flags = flags_of(address)
        assert "dd" in flags
        if Path("/sys/kernel/mm/transparent_hugepage").exists():
            assert "hg" in flags


@pytest.mark.skipif(sys.platform != "linux", reason="a means of Linux")
def test_passwords_are_hashed_where_no_memory_can_become_code() -> None:
    """As under ``MemoryDenyWriteExecute=``, whether memory of our own can be had there or not."""
    done = subprocess.run([sys.executable, "-c", DENYING], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77:
        pytest.skip("before Linux 6.3 a process cannot ask for that")
    assert done.stderr == ""
    assert done.stdout.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
