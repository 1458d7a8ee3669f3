"""How the processes on one PostgreSQL tell each other which sessions have changed, and know that it has been heard.

A process may believe what it remembers only while it hears of others' changes. Each therefore has a row in
``listeners``, shows there now and then that it is alive, and believes itself for its lease from its last sign.
Whoever has changed sessions acknowledges it to nobody before all listeners have answered, left, or lost their lease::

    changer     COMMIT    NOTIFY ids                              acknowledges
    listener                           forgets them    NOTIFY heard

Who joins believes itself at once where nobody else listens; else when everybody has looked again for who listens. Of
one that ends without a word, nobody knows what it has changed and not told: the others forget everything.

Times are those of a clock that only ticks: nobody sets it, and machines need not agree on it. See
docs/decisions/0068-heard-before-acknowledged.md.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from ostiary.accounts.ports import StoreUnavailable
from ostiary.storage.postgres_errors import BEYOND_US
from ostiary.storage.work import DatabaseUnusable, Watcher

BEATS: Final = 4
"""Signs in the time of a lease."""

MARGIN: Final = 1.2
"""By how much others wait longer than a lease: clocks may tick a little differently."""

PATIENCE_S: Final = 10.0
"""How long to wait until a change is heard, over lost connections too, before saying that it may not have been."""

RECONNECT_S: Final = 0.5
CONNECT_TIMEOUT_S: Final = 10.0
MAX_PAYLOAD: Final = 7_000
"""Bytes of one notification; PostgreSQL takes under 8,000."""

USE_LOCK: Final = 1_869_833_577
"""Held by each process that listens, so that a copy of the database can tell whether any works on it; the number means
nothing."""

EVERYTHING: Final = "*"
UNANSWERED: Final = "0"
"""The number of a notification that nobody answers."""

NO_ANSWER: Final = "there was no answer in time"

NOBODY: Final = "-"
LEFT: Final = "left"

_USE: Final = "SELECT pg_advisory_lock_shared($1, hashtext(current_schema()))"
_JOIN: Final = "INSERT INTO listeners (listener, beats, lease_ms) VALUES ($1, 0, $2)"
_BEAT: Final = "UPDATE listeners SET beats = beats + 1 WHERE listener = $1 RETURNING beats"
_LOOK: Final = "SELECT listener, beats, lease_ms FROM listeners WHERE listener <> $1"
_LEAVE: Final = "DELETE FROM listeners WHERE listener = $1"
_DROP: Final = "DELETE FROM listeners WHERE listener = $1 AND beats = $2"
_NOTIFY: Final = "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS told (channel, payload)"

# Names that nobody else's can be taken for, also where several servers use one database with a schema each.
_NAME: Final = "SELECT 'ostiary_' || md5(current_schema()), replace(gen_random_uuid()::text, '-', '')"


class _Lost(Exception):
    """The others no longer count on this listener."""


@dataclass
class _Sign:
    """The last of a listener that was seen, and when."""

    beats: int
    lease_s: float
    seen: float

    def is_over(self, now: float) -> bool:
        """Whether it believes nothing any more."""
        return now > self.seen + self.lease_s * MARGIN


@dataclass
class _Batch:
    """Changes that are told together. ``answered``: False where it will never be known who has heard."""

    answered: "asyncio.Future[bool]"
    session_ids: list[int] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def is_answered_by(self, listener: str) -> None:
        """One less to wait for."""
        self.missing.discard(listener)
        if not self.missing:
            self.end(heard=True)

    def end(self, *, heard: bool) -> None:
        """Let those who wait go on."""
        if not self.answered.done():
            self.answered.set_result(heard)


class Channel:
    """One process's part. ``ticks``: seconds of a clock that nobody sets, and that goes on while a machine sleeps."""

    def __init__(self, dsn: str, watcher: Watcher, ticks: Callable[[], float], *, lease_s: float = 2.0) -> None:
        self._dsn = dsn
        self._watcher = watcher
        self._ticks = ticks
        self._lease_s = lease_s
        self._name = ""
        self._me = self._was = ""
        self._others: dict[str, _Sign] = {}
        self._believes_from = self._sees_until = float("-inf")
        self._has_begun = False
        self._number = 0
        self._owed: list[int] = []
        self._next: _Batch | None = None
        self._told: dict[str, _Batch] = {}
        self._to_answer: dict[str, list[str]] = {}
        self._wake = asyncio.Event()
        self._beaten = asyncio.Event()
        self._is_closing = False
        self._trouble = NO_ANSWER
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Join the listeners. Raises DatabaseUnusable: at once where that cannot pass, else when patience is over."""
        joined = self._beaten
        self._task = asyncio.create_task(self._run(joined))
        waiting = asyncio.create_task(joined.wait())
        await asyncio.wait({waiting, self._task}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise DatabaseUnusable(
                f"The PostgreSQL database cannot be used: changes by other processes are not heard of: {self._trouble}"
            )

    async def close(self) -> None:
        """Leave, with a word to the others if there is a connection."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=1)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def are_current(self) -> bool:
        """Whether what is remembered may be believed. False once when that begins, so that all is looked up anew."""
        if not self._believes_from <= self._ticks() < self._sees_until:
            return False
        if not self._has_begun:
            self._has_begun = True
            return False
        return True

    # --- Telling -----------------------------------------------------------------------------------------------------

    def notice(self, session_ids: Iterable[int]) -> tuple[str, str] | None:
        """What to notify in the transaction itself, channel and payload, while there is no telling afterwards."""
        if self._me or not self._name:
            return None
        return self._name, _payload(NOBODY, UNANSWERED, session_ids)

    async def tell(self, session_ids: Sequence[int]) -> None:
        """Come back when no process believes what it remembered of these sessions, whose change is committed.

        Raises StoreUnavailable: some may still believe it. They are told as soon as that is possible.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._is_heard(session_ids):
                    if self._is_closing:
                        raise StoreUnavailable
                    await self._beaten.wait()
        except TimeoutError as error:
            self._owed += session_ids
            raise StoreUnavailable from error

    async def _is_heard(self, session_ids: Sequence[int]) -> bool:
        if self._ticks() >= self._sees_until:
            return False
        if not self._others:
            return True
        return await asyncio.shield(self._to_tell(session_ids).answered)

    def _to_tell(self, session_ids: Sequence[int]) -> _Batch:
        self._next = self._next or _Batch(asyncio.get_running_loop().create_future())
        self._next.session_ids += session_ids
        self._wake.set()
        return self._next

    # --- Listening ---------------------------------------------------------------------------------------------------

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        sender, number, ids = str(payload).split(" ")
        if sender == self._me:
            return
        if ids == LEFT:
            self._forget_listener(sender)
        elif ids == EVERYTHING:
            self._watcher.forget_everything()
        else:
            self._watcher.forget([int(session_id) for session_id in ids.split(",")])
        if number != UNANSWERED:
            self._to_answer.setdefault(sender, []).append(number)
            self._wake.set()

    def _hear_answer(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        listener, _, numbers = str(payload).partition(" ")
        for number in numbers.split(","):
            if batch := self._told.get(number):
                batch.is_answered_by(listener)

    def _forget_listener(self, listener: str) -> None:
        self._others.pop(listener, None)
        for batch in self._told.values():
            batch.is_answered_by(listener)

    # --- The connection ----------------------------------------------------------------------------------------------

    async def _run(self, joined: asyncio.Event) -> None:
        """Listen until closed; connect again whenever the connection is lost.

        ``joined``: set once this listener is there; what cannot pass ends it before that.
        """
        while not self._is_closing:
            try:
                connection = await asyncpg.connect(
                    self._dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=self._lease_s,
                    server_settings={"application_name": "ostiary listener"},
                )  # fmt: skip
                try:
                    await self._attend(connection)
                finally:
                    self._become_deaf()
                    connection.terminate()
            except (*BEYOND_US, TimeoutError, _Lost) as error:
                self._trouble = str(error) or NO_ANSWER
            except asyncpg.PostgresError as error:
                self._trouble = str(error)
                if not joined.is_set():
                    return
            if not self._is_closing:
                await asyncio.sleep(RECONNECT_S)

    async def _attend(self, connection: Any) -> None:
        connection.add_termination_listener(lambda _: self._wake.set())
        self._name, me = await connection.fetchrow(_NAME)
        await connection.add_listener(self._name, self._hear)
        await connection.add_listener(_answers_of(self._name, me), self._hear_answer)
        await connection.execute(_USE, USE_LOCK)
        await connection.execute(_JOIN, me, int(self._lease_s * 1000))
        # A sign that is lost with the database's machine takes this connection along; so none is waited for.
        await connection.execute("SET synchronous_commit = off")
        next_beat = await self._join(connection, me)
        while not self._is_closing and not connection.is_closed():
            with suppress(TimeoutError):
                async with asyncio.timeout(next_beat - self._ticks()):
                    await self._wake.wait()
            self._wake.clear()
            await self._send(connection)
            if self._ticks() >= next_beat:
                next_beat = await self._show(connection)
        if self._is_closing:
            self._become_deaf()
            await self._leave(connection, me)

    async def _leave(self, connection: Any, listener: str) -> None:
        await connection.execute(_LEAVE, listener)
        await connection.execute(_NOTIFY, [self._name], [f"{listener} {UNANSWERED} {LEFT}"])

    async def _join(self, connection: Any, me: str) -> float:
        """Be there. Returns when to show it again."""
        if self._was:
            await self._leave(connection, self._was)  # nobody need wait for the one of the connection that was lost
        self._me = self._was = me
        self._watcher.forget_everything()
        next_beat = await self._show(connection)
        longest_s = max((sign.lease_s for sign in self._others.values()), default=0)
        self._believes_from = self._ticks() + longest_s * MARGIN
        if self._owed:
            self._to_tell(self._owed)
            self._owed = []
        return next_beat

    async def _show(self, connection: Any) -> float:
        """Show that this process is there, and look who else is. Returns when to do so again. Raises _Lost."""
        sent = self._ticks()
        if not await connection.fetch(_BEAT, self._me):
            raise _Lost
        rows = await connection.fetch(_LOOK, self._me)
        now = self._ticks()
        if sent >= self._sees_until:
            self._has_begun = False  # who came and went meanwhile was not seen
        self._note_present({listener: _Sign(beats, lease_ms / 1000, now) for listener, beats, lease_ms in rows})
        for listener, sign in list(self._others.items()):
            if sign.is_over(now):
                await connection.execute(_DROP, listener, sign.beats)
        self._sees_until = sent + self._lease_s
        beaten, self._beaten = self._beaten, asyncio.Event()
        beaten.set()
        return sent + self._lease_s / BEATS

    def _note_present(self, present: dict[str, _Sign]) -> None:
        for listener in self._others.keys() - present.keys():
            # It ended without a word: what it changed last, it may have told nobody.
            self._watcher.forget_everything()
            self._forget_listener(listener)
        for listener, sign in present.items():
            known = self._others.get(listener)
            if known is None or known.beats != sign.beats:
                self._others[listener] = sign

    async def _send(self, connection: Any) -> None:
        """Tell what has changed here, all of it at once, and answer what was heard."""
        answers, self._to_answer = self._to_answer, {}
        told = {_answers_of(self._name, to): f"{self._me} {','.join(numbers)}" for to, numbers in answers.items()}
        if self._next is not None:
            batch, self._next = self._next, None
            batch.missing = set(self._others)
            self._told = {number: one for number, one in self._told.items() if not one.answered.done()}
            self._number += 1
            self._told[str(self._number)] = batch
            told[self._name] = _payload(self._me, str(self._number), batch.session_ids)
            if not batch.missing:
                batch.end(heard=True)
        if told:
            await connection.execute(_NOTIFY, list(told), list(told.values()))

    def _become_deaf(self) -> None:
        """Believe nothing, and tell those who wait for answers that none will come."""
        self._me = ""
        self._sees_until = float("-inf")
        self._has_begun = False
        batches = [*self._told.values(), *([self._next] if self._next else [])]
        self._next, self._told, self._to_answer, self._others = None, {}, {}, {}
        for batch in batches:
            batch.end(heard=False)


async def forget_everywhere(connection: Any) -> None:
    """Have all processes look every session up again, soon. For who has changed them over a connection of its own."""
    name, _ = await connection.fetchrow(_NAME)
    await connection.execute(_NOTIFY, [name], [f"{NOBODY} {UNANSWERED} {EVERYTHING}"])


def _answers_of(name: str, listener: str) -> str:
    return f"{name}_{listener[:20]}"


def _payload(sender: str, number: str, session_ids: Iterable[int]) -> str:
    ids = ",".join(map(str, session_ids))
    return f"{sender} {number} {ids if len(ids) < MAX_PAYLOAD else EVERYTHING}"
