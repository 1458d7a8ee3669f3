"""Where the CPU of a request goes: ``python -m benchmarks.phases``. Reaches into the server, unlike all else here.

A server process of its own is run in which the steps of a request are wrapped, from here; the server's own code knows
nothing of it. A step that waits is charged only while it runs, and not for the steps within it. What runs in other
threads (the database's, the hashes') is charged to them by the system.

Wrapping costs a lot beside steps so small: *measuring* is how much more a wrapped server takes than one that is not,
measured beside it. That much has been taken off, from each step by how often it was entered and left; so *sum* is what
the other server takes, and the steps' shares of it are good to a few µs.

================  ====================================================================================================
protocol          HTTP in and out
app               head, body, answer: ``App``
route             from path to handler
authenticate      whose the token is; without the look-up in the store
decode            the body into a value
limit             counting, for address and account
handle            handler and domain
store             asking the engine, in the event loop; on PostgreSQL the driver's part too
encode            the answer into JSON
writer, reader    SQLite's threads
hash              the hashing threads (with a cheap hash)
loop              all the rest of the event loop: polling, reading and writing sockets, waking tasks
================  ====================================================================================================
"""

import argparse
import asyncio
import functools
import inspect
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import ModuleType
from typing import Any

from benchmarks.kept import keep, surroundings
from benchmarks.load import limited, run, send
from benchmarks.operations import NAMES, OPERATIONS, Client, Operation
from benchmarks.runs import add_options, directory
from benchmarks.servers import ENGINES, Server, ostiary, postgres

LOOP_PHASES = ("protocol", "app", "route", "authenticate", "decode", "limit", "handle", "store", "encode")
THREADS = {"ostiary-sqlite-writer": "writer", "ostiary-sqlite-reader": "reader", "ostiary-hash": "hash"}
PHASES = (*LOOP_PHASES, "loop", "writer", "reader", "hash")
PATH = "/benchmark/phases"
"""Asked for, it answers with the CPU so far, in ns by phase, and how often each was entered and left."""

WRAPPED = "wrapped"
WARM_UP = 100


class Stopwatch:
    """CPU of the event loop's thread, by the phase that it is in."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(LOOP_PHASES, 0)
        self.borders = dict.fromkeys((*LOOP_PHASES, "loop"), 0)
        self._within = ["loop"]
        self._since = 0

    def enter(self, phase: str) -> None:
        now = time.thread_time_ns()
        outer = self._within[-1]
        if outer != "loop":
            self.spent[outer] += now - self._since
        self._within.append(phase)
        self.borders[phase] += 2
        self.borders[outer] += 2
        self._since = now

    def leave(self) -> None:
        now = time.thread_time_ns()
        self.spent[self._within.pop()] += now - self._since
        self._since = now

    def wrap(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time charged to a phase."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                return await _Steps(self, phase, function(*args, **kwargs))

            return wrapped

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            self.enter(phase)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        return called


class _Steps:
    """A coroutine, each of whose steps is charged to a phase."""

    def __init__(self, watch: Stopwatch, phase: str, coroutine: Any) -> None:
        self._watch = watch
        self._phase = phase
        self._coroutine = coroutine

    def __await__(self) -> Any:
        step: Callable[[], Any] = functools.partial(self._coroutine.send, None)
        while True:
            self._watch.enter(self._phase)
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value
            finally:
                self._watch.leave()
            try:
                step = functools.partial(self._coroutine.send, (yield waited_for))
            except BaseException as error:  # noqa: BLE001 - what the task is told: cancelled
                step = functools.partial(self._coroutine.throw, error)


def serve(arguments: Sequence[str]) -> None:
    """Run the server, wrapped."""
    from ostiary.cli import main as command

    watch = Stopwatch()
    _wrap_everything(watch)
    sys.argv = ["ostiary", "serve", *arguments]
    command()


def _wrap_everything(watch: Stopwatch) -> None:
    from ostiary.server import app, pipeline, protocol, routes, run
    from ostiary.server.exchange import Exchange
    from ostiary.server.limits import Limits
    from ostiary.storage import sqlite

    _wrap(watch, "protocol", protocol.BoundedProtocol, "data_received")
    _wrap(watch, "protocol", Exchange, "receive", "send")
    _wrap(watch, "app", app.App, "__call__")
    _wrap(watch, "route", routes.Routes, "find")
    _wrap(watch, "authenticate", pipeline, "_authenticate")
    _wrap(watch, "decode", pipeline, "decode_request", "parse_body", "build_request")
    _wrap(watch, "limit", Limits, "take_for_address", "take_for_account")
    _wrap(watch, "encode", pipeline, "encode_response")
    _wrap(watch, "store", sqlite.SqliteEngine, "read", "write", "write_singly")
    try:
        from ostiary.storage.postgres import PostgresEngine

        _wrap(watch, "store", PostgresEngine, "read", "write", "write_singly")
    except ImportError:
        pass
    find = routes.Routes.find

    @functools.cache
    def with_wrapped_handler(route: Any) -> Any:
        return replace(route, handler=watch.wrap("handle", route.handler))

    def find_wrapped(self: Any, method: str, raw_path: bytes) -> Any:
        route, found = find(self, method, raw_path)
        return with_wrapped_handler(route), found

    routes.Routes.find = find_wrapped  # type: ignore[method-assign]
    make = run.build_app

    def build_app(*args: Any, **kwargs: Any) -> Any:
        plain: Any = make(*args, **kwargs)

        async def telling(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] == PATH:
                body = json.dumps(_so_far(watch)).encode()
                headers = [(b"content-length", b"%d" % len(body))]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            else:
                await plain(scope, receive, send)

        return telling

    run.build_app = build_app


def _wrap(watch: Stopwatch, phase: str, owner: type | ModuleType, *names: str) -> None:
    for name in names:
        setattr(owner, name, watch.wrap(phase, getattr(owner, name)))


def _so_far(watch: Stopwatch) -> dict[str, int]:
    spent = dict(watch.spent)
    spent["loop"] = time.thread_time_ns() - sum(watch.spent.values())
    for thread in threading.enumerate():
        for prefix, phase in THREADS.items():
            if thread.name.startswith(prefix) and thread.ident is not None:
                clock = time.pthread_getcpuclockid(thread.ident)
                spent[phase] = spent.get(phase, 0) + time.clock_gettime_ns(clock)
    return {**spent, **{f"{name}, borders": count for name, count in watch.borders.items()}}


# --- Asking it -------------------------------------------------------------------------------------------------------


async def _asked(server: Server) -> dict[str, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.address.rpartition(":")[2]))
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer: dict[str, int] = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    return answer


async def _cpu(server: Server, operation: Operation, work: float) -> tuple[float, dict[str, float]]:
    """CPU µs per request by the system's account, and what the server itself tells, where it is wrapped."""
    client, count = Client(server.address), max(8, int(operation.count * work))
    asked = await operation.prepare(client, count + WARM_UP)
    await send(server.address, limited(asked, WARM_UP), client.connections)
    before_told = await _asked(server) if server.name == WRAPPED else {}
    before = server.processes.cpu_seconds()
    await send(server.address, limited(asked, count), client.connections)
    cpu = (server.processes.cpu_seconds() - before) / count * 1e6
    told = await _asked(server) if server.name == WRAPPED else {}
    return cpu, {name: (value - before_told.get(name, 0)) / count for name, value in told.items()}


def by_phase(told: dict[str, float], measuring: float) -> dict[str, float]:
    """CPU µs by phase, without what measuring took."""
    borders = {name: told[f"{name}, borders"] for name in (*LOOP_PHASES, "loop")}
    each = measuring / sum(borders.values())
    return {name: max(0.0, told.get(name, 0) / 1000 - borders.get(name, 0) * each) for name in PHASES}


def measure_phases(engine: str, operations: Sequence[Operation], work: float) -> dict[str, dict[str, float]]:
    """By operation, printed as it goes."""
    print(f"{engine:<20}" + "".join(f"{name:>13}" for name in (*PHASES, "sum", "measuring")))
    found = {}
    database_server = postgres() if engine == "postgresql" else nullcontext()
    with directory() as wrapped_in, directory() as plain_in, database_server as database:
        urls = ["sqlite:///ostiary.db"] * 2
        if database is not None:
            urls = [database.create_database(name) for name in ("wrapped", "plain")]
        command = ("benchmarks.phases", "--serve")
        with (
            ostiary(wrapped_in, database=urls[0], postgres=database, command=command) as wrapped,
            ostiary(plain_in, database=urls[1], postgres=database) as plain,
        ):
            for operation in operations:
                cpu, told = run(_cpu(replace(wrapped, name=WRAPPED), operation, work))
                bare, _ = run(_cpu(plain, operation, work))
                spent = by_phase(told, max(0.0, cpu - bare))
                spent |= {"sum": sum(spent.values()), "measuring": cpu - bare}
                found[operation.name] = {name: round(value, 2) for name, value in spent.items()}
                print(f"{operation.name:<20}" + "".join(f"{value:>13.1f}" for value in spent.values()), flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--serve"]:
        serve(given[1:])
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phases", description=__doc__)
    add_options(parser)
    options = parser.parse_args(given)
    operations = [one for one in OPERATIONS if one.name in (options.only or NAMES)]
    found = {engine: measure_phases(engine, operations, options.work) for engine in options.engine or ENGINES}
    keep(options.json, {"surroundings": surroundings(), "phases": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
