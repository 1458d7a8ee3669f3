"""Argon2id in memory of our own, by the innermost function of argon2-cffi, which alone takes memory from its caller.

That function takes a structure of C, which another release may have otherwise. It is filled by its fields' names, and
what comes out is held against argon2-cffi's usual functions once, when the memory is opened: where either does not fit,
those do all the work.
"""

from dataclasses import dataclass

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, core, error_to_str, ffi, hash_secret_raw

from ostiary.server.hash_memory import HashMemory

_ALLOCATE = "int (*)(uint8_t **, size_t)"
_FREE = "void (*)(uint8_t *, size_t)"


@dataclass(frozen=True, slots=True)
class Cost:
    """Argon2's parameters, by its own names."""

    memory_kib: int
    passes: int
    lanes: int


CHEAPEST = Cost(memory_kib=8, passes=1, lanes=1)


def open_hash_memory(usual_bytes: int) -> HashMemory | None:
    """Memory that ``derive`` can use; None where the platform, or this release of argon2-cffi, does not go along."""
    password, salt, length = b"password", b"saltsalt", 32
    try:
        memory = HashMemory(usual_bytes)
        found = derive(password, salt, CHEAPEST, length, memory)
    except (AttributeError, HashingError, MemoryError, OSError, TypeError):
        return None
    memory.give_back()
    cost = CHEAPEST.passes, CHEAPEST.memory_kib, CHEAPEST.lanes
    return memory if found == hash_secret_raw(password, salt, *cost, length, Type.ID) else None


def derive(password: bytes, salt: bytes, cost: Cost, length: int, memory: HashMemory) -> bytes:
    """Argon2id's digest of so many bytes, version 19. Gives up the interpreter's lock.

    Raises HashingError where Argon2 does not take the parameters, or there is no memory.
    """
    allocate, free = memory.functions
    digest = ffi.new("uint8_t[]", length)
    context = ffi.new("argon2_context *")
    context.out, context.outlen = digest, length
    # Only lent, and not copied. Argon2 writes nothing there unless flags ask for it, of which none is set.
    lent_password, lent_salt = ffi.from_buffer("uint8_t[]", password), ffi.from_buffer("uint8_t[]", salt)
    context.pwd, context.pwdlen = lent_password, len(password)
    context.salt, context.saltlen = lent_salt, len(salt)
    context.m_cost, context.t_cost = cost.memory_kib, cost.passes
    context.lanes = context.threads = cost.lanes
    context.version = ARGON2_VERSION
    context.allocate_cbk, context.free_cbk = ffi.cast(_ALLOCATE, allocate), ffi.cast(_FREE, free)
    error = core(context, Type.ID.value)
    if error:
        raise HashingError(error_to_str(error))
    return bytes(ffi.buffer(digest))
