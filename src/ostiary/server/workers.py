"""Several processes that serve one address: this one starts them, starts another where one dies, and stops them all.

They share the listening socket, and the system gives each connection to one of them; what they have to know of each
other goes through the database. Needs a system with fork.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from ostiary.accounts.ports import Clock
from ostiary.server.environment import pause
from ostiary.server.logs import Log

QUICK_DEATH_MS: Final = 5_000
"""A worker that lives shorter than this did not come to serve."""

MAX_QUICK_DEATHS: Final = 5
"""So many in a row, and there is no point in starting more."""

PAUSE_MS: Final = 200


class WorkersFailed(Exception):
    """Workers die as soon as they are started; the message says so, for people."""


class Workers:
    """The processes. ``work``: what each does until it is told to stop, from its number (0 for the first)."""

    def __init__(self, count: int, work: Callable[[int], None], log: Log, clock: Clock) -> None:
        self._count = count
        self._work = work
        self._log = log
        self._clock = clock
        self._alive, self._held = os.pipe()
        self._started: dict[int, tuple[int, int]] = {}
        self._is_stopping = False
        self._quick_deaths = 0

    def run(self) -> None:
        """Keep them going until SIGTERM or SIGINT; then let them finish. Raises WorkersFailed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for worker in range(self._count):
            self._start(worker)
        while self._started:
            pid, status = os.wait()
            if pid in self._started:
                self._ended(pid, status)
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            raise WorkersFailed("the workers end as soon as they are started; the log says why")

    def _start(self, worker: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_worker(worker)
        self._started[pid] = (worker, self._clock.now())
        if self._is_stopping:  # told so between the fork and here
            os.kill(pid, signal.SIGTERM)

    def _be_worker(self, worker: int) -> NoReturn:
        """What a worker process does. Never comes back: what is open here belongs to the process that started it."""
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._held)
            threading.Thread(target=self._outlive_nobody, name="ostiary-orphan", daemon=True).start()
            self._work(worker)
            code = 0
        except BaseException as error:  # noqa: BLE001 - the process ends here, whatever it is
            self._log.error("worker failed", worker=worker, cause=error)
        finally:
            os._exit(code)

    def _outlive_nobody(self) -> None:
        """End this worker when the process that started it is gone, however that came about: its pipe shuts."""
        with suppress(OSError):
            os.read(self._alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _ended(self, pid: int, status: int) -> None:
        worker, started = self._started.pop(pid)
        if self._is_stopping:
            return
        lived_ms = self._clock.now() - started
        self._quick_deaths = self._quick_deaths + 1 if lived_ms < QUICK_DEATH_MS else 0
        self._log.error("worker ended", worker=worker, pid=pid, status=os.waitstatus_to_exitcode(status))
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            self._stop(signal.SIGTERM, None)
            return
        pause(PAUSE_MS)
        if not self._is_stopping:
            self._start(worker)

    def _stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True
        for pid in self._started:
            os.kill(pid, signal.SIGTERM)
