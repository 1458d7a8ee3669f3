"""A process that has loaded everything, and forks for each program that a test starts: ``python -m tests.forking FD``.

Most of what a command takes is loading what it is made of. What runs here is spared that, and is otherwise what it
would be if it had been started anew: a process with a folder, an environment, standard streams, signals and an end of
its own. ``tests.process`` gives the orders. Must not know pytest: nothing of it belongs into what is tested.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, Final, NamedTuple, TextIO

import ostiary
from ostiary.cli import main
from ostiary.client import HttpTransport

NOT_LOADED: Final = ("ostiary.testing", "ostiary.api.__main__", "ostiary.cli.__main__", "ostiary.config.__main__")
"""What no program of ours loads, or what runs when it is."""

LOADED_WHEN_NEEDED: Final = (
    "anyio.streams.memory", "asyncpg", "bcrypt", "cryptography.hazmat.primitives.asymmetric.ed25519", "difflib",
    "encodings.idna", "httpcore2", "httpx2", "jinja2", "joserfc.jwt", "phonenumbers", "rich.console", "rich.progress",
    "rich.table", "shlex", "tomllib", "truststore", "uvicorn.lifespan.off", "uvloop", "zxcvbn",
)  # fmt: skip
"""What our modules, and those they load, load in their functions, so that those start quickly that do not need it."""

MAX_ORDER: Final = 100_000
"""Bytes."""

MAX_OPEN: Final = 1_024
"""Files that may be open here."""


class Order(NamedTuple):
    """What to run. ``program``: Python's text, or None for the command line; ``session``: whether in one of its own."""

    program: str | None
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    session: bool


def load() -> None:
    """Load everything, and have it stay where it is, so that forks share it."""
    for module in pkgutil.walk_packages(ostiary.__path__, "ostiary."):
        if not module.name.startswith(NOT_LOADED):
            importlib.import_module(module.name)
    for name in LOADED_WHEN_NEEDED:
        importlib.import_module(name)
    HttpTransport().close()  # which has read the system's certificates
    assert threading.active_count() == 1, "a process with threads must not fork"
    gc.collect()
    gc.freeze()


def obey(orders: socket.socket) -> Order:
    """Fork for each order, and tell how each fork ends. Comes back in the forks; ends when nobody gives orders."""
    living: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([orders.fileno(), *living], [], [])
        for one in ready:
            if one in living:
                pid, told = living.pop(one)
                os.close(one)
                _tell(told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                told.close()
                continue
            text, files, _, _ = socket.recv_fds(orders, MAX_ORDER, 4)
            if not text:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                for held in (orders, *(told for _, told in living.values())):
                    held.detach()
                order = Order(*json.loads(text))
                become(order, files[1:])
                return order
            for file in files[1:]:
                os.close(file)
            told = socket.socket(fileno=files[0])
            _tell(told, pid)
            living[os.pidfd_open(pid)] = (pid, told)


def become(order: Order, streams: list[int]) -> None:
    """Be as if started for this."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(len(streams), MAX_OPEN)
    if order.session:
        os.setsid()
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.path[0] = order.folder if order.program is None else ""
    sys.argv[:] = ["ostiary" if order.program is None else "-c", *order.arguments]
    sys.stdin = _stream(0, "r", sys.stdin)
    sys.stdout = _stream(1, "w", sys.stdout)
    sys.stderr = _stream(2, "w", sys.stderr, buffering=1)


def _stream(number: int, mode: str, before: TextIO, buffering: int = -1) -> Any:
    return open(number, mode, buffering, encoding=before.encoding, errors=before.errors, closefd=False)


def _tell(told: socket.socket, number: int) -> None:
    with suppress(OSError):  # whoever gave the order may not wait any more
        told.send(b"%d" % number)


class Leaving:
    """Ends a fork once all else is done that Python does at its end, but for taking apart what is loaded: most of its
    memory is shared, and would be copied for it.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._leave)  # what is registered first is called last

    def _leave(self) -> None:
        if self.code is not None:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(self.code)


def run(program: str | None) -> None:
    """Run a program as if it were this one."""
    if program is None:
        main()
    else:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    leaving = Leaving()
    # Ctrl-C is for whoever gives the orders, and for the forks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    given = obey(socket.socket(fileno=int(sys.argv[1])))
    try:
        run(given.program)
        leaving.code = 0
    except SystemExit as error:
        leaving.code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        raise
