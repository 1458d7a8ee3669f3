"""The memory that hashes are made in, kept from one to the next, and given back when nobody logs in any longer.

A hash of Argon2id fills some 19 MiB and reads them in an order that nobody foresees. Left to itself it takes them from
the C library, in pages of 4 KiB: glibc gives a thread's memory back only by chance, and the processor has to look up
where almost each page lies. Memory of our own lies in pages of 2 MiB, where the system has such, is given back when it
is said, and is left out of core dumps. Argon2 itself wipes what it was given before it returns it.

Argon2 asks for memory by two functions in C. They are Python's, so they take the interpreter's lock, for microseconds.
Must not know Argon2, nor when it is time to give back.
"""

import ctypes
import mmap
from contextlib import suppress
from typing import Any, Final

HUGE_PAGE: Final = 2 * 1024 * 1024
"""On x86-64, and on ARM with pages of 4 KiB. Where it is another, the system makes of the advice what it can."""

OUT_OF_MEMORY: Final = -1

_ALLOCATE: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)
_FREE: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)


class HashMemory:
    """Memory for as many hashes as are made at once; used from any thread.

    ``usual_bytes``: what a hash takes that is made as configured. What takes more, which a hash of another server may,
    is not kept. ``functions``: where ``int allocate(uint8_t **memory, size_t bytes)`` and ``void free(uint8_t *memory,
    size_t bytes)`` are. Raises OSError, MemoryError or AttributeError where the platform does not have what this takes:
    a system may let no function of Python's be called from C.
    """

    def __init__(self, usual_bytes: int) -> None:
        self._usual_bytes = usual_bytes
        self._free: list[_Region] = []
        self._in_use: dict[int, _Region] = {}
        _Region(mmap.PAGESIZE).close()  # so that it fails here, if it does
        self._callbacks = _ALLOCATE(self._allocate), _FREE(self._take_back)  # which live as long as this does
        self.functions: Final = _address(self._callbacks[0]), _address(self._callbacks[1])

    @property
    def kept_bytes(self) -> int:
        """What is held though no hash is being made in it."""
        return sum(region.size for region in self._free)

    def give_back(self) -> None:
        """Let the system have what no hash is being made in. The next hash takes some 2 ms longer for it."""
        with suppress(IndexError):  # once there is none; a thread may take the last one meanwhile
            while True:
                self._free.pop().close()

    def _allocate(self, memory: Any, size: int) -> int:
        try:
            region = self._region(size)
        except (OSError, MemoryError, OverflowError, ValueError):
            return OUT_OF_MEMORY  # the pointer stays NULL, which says it too
        self._in_use[region.address] = region
        memory[0] = region.address
        return 0

    def _region(self, size: int) -> "_Region":
        if size > self._usual_bytes:
            return _Region(size)
        try:
            return self._free.pop()
        except IndexError:
            return _Region(self._usual_bytes)

    def _take_back(self, address: int, _size: int) -> None:
        region = self._in_use.pop(address)
        if region.size == self._usual_bytes:
            self._free.append(region)
        else:
            region.close()


class _Region:
    """Memory that begins where a huge page does; as much of it as fills huge pages is to lie in such."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._map = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        begins = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        offset = -begins % HUGE_PAGE
        self.address = begins + offset
        self._advise("MADV_DONTDUMP", 0, len(self._map))
        self._advise("MADV_HUGEPAGE", offset, size // HUGE_PAGE * HUGE_PAGE)

    def _advise(self, advice: str, start: int, length: int) -> None:
        """On Linux. Elsewhere, and where a kernel was built without it, this is memory like any other."""
        if length and hasattr(mmap, advice):
            with suppress(OSError):
                self._map.madvise(getattr(mmap, advice), start, length)

    def close(self) -> None:
        self._map.close()


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
