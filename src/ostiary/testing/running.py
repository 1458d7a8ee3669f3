"""Puts a server together for a test: in memory, by the test's clock, with what goes out kept. Knows all the parts."""

import asyncio
import hashlib
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ostiary.accounts.messages import Medium
from ostiary.accounts.ports import Entropy
from ostiary.api.identifiers import parse_user_id
from ostiary.api.secret import Secret
from ostiary.config import Config
from ostiary.delivery.outbox import OutboxWorker
from ostiary.server.environment import SystemClock, SystemEntropy
from ostiary.server.housekeeping import Housekeeping, house_rules
from ostiary.server.logs import Log
from ostiary.server.outside import Outside, open_outside
from ostiary.server.run import build_app
from ostiary.server.services import Services
from ostiary.server.wiring import open_services
from ostiary.storage.sqlite import SqliteEngine
from ostiary.storage.work import Engine
from ostiary.testing.clock import TurnableClock
from ostiary.testing.interception import AsgiApp, Interception
from ostiary.testing.listening import bind, listening, url_of
from ostiary.testing.post import Letterbox
from ostiary.testing.rooms.calls import RoomCalls
from ostiary.testing.rooms.house import FakeRooms
from ostiary.testing.settings import Options, make_config

WITHOUT_SOCKET = "http://ostiary.invalid"
"""The base URL of a server that has no socket."""


class SeededEntropy:
    """``accounts.ports.Entropy`` that gives the same bytes for the same seed, and never the same twice."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        """So many bytes."""
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(count)


class LenientCaptcha:
    """``accounts.ports_outside.Captcha`` that takes every answer but ``wrong``."""

    async def verify(self, response: Secret, address: str) -> bool:  # noqa: ARG002 - as the port has it
        """Whether the answer is good."""
        return response.reveal() != "wrong"


@dataclass(frozen=True)
class Running:
    """A server that runs. ``plain``: the application alone; ``app``: with what stands before it."""

    config: Config
    url: str
    clock: TurnableClock
    services: Services
    engine: Engine
    plain: AsgiApp
    app: Interception
    rooms: FakeRooms
    letterbox: Letterbox
    worker: OutboxWorker
    housekeeping: Housekeeping
    loop: asyncio.AbstractEventLoop


@asynccontextmanager
async def running(options: Options, *, has_socket: bool) -> AsyncIterator[Running]:
    """A server, until the context ends. Raises ConfigError, and OSError where its port is taken."""
    async with AsyncExitStack() as stack:
        bound = stack.enter_context(bind(options.get("port", 0))) if has_socket else None
        url = WITHOUT_SOCKET if bound is None else url_of(bound)
        config = make_config(options, url, _files(options.get("appservices", ()), stack))
        clock = TurnableClock(options["now"] if "now" in options else SystemClock().now())
        opened = await stack.enter_async_context(_opened(config, url, clock, options))
        if bound is not None:
            await stack.enter_async_context(listening(bound, opened.app))
        stack.callback(opened.rooms.close)  # so that nobody is left waiting in /sync
        for token in options.get("registration_tokens", ()):
            await opened.services.invitations.create(token=token)
        yield opened


@asynccontextmanager
async def _opened(config: Config, url: str, clock: TurnableClock, options: Options) -> AsyncIterator[Running]:
    entropy: Entropy = SeededEntropy(options["seed"]) if "seed" in options else SystemEntropy()
    engine = SqliteEngine(None)
    log = Log(logging.getLogger("ostiary.server"))
    async with (
        open_outside(config, entropy) as outside,
        open_services(config, clock=clock, entropy=entropy, outside=_lenient(outside), engine=engine) as services,
    ):
        plain = build_app(config, services, log)
        loop = asyncio.get_running_loop()
        rooms = FakeRooms(clock, config.server_name, loop, long_poll=options.get("long_poll", True))
        clock.on_turn(rooms.wake)
        letterbox = Letterbox(config.mail)

        async def is_suspended(user_id: str) -> bool:
            found = await services.store.find_details(parse_user_id(user_id).localpart)
            return found is not None and found.is_suspended

        yield Running(
            config=config,
            url=url,
            clock=clock,
            services=services,
            engine=engine,
            plain=plain,
            app=Interception(RoomCalls(plain, rooms, is_suspended) if options.get("rooms", True) else plain),
            rooms=rooms,
            letterbox=letterbox,
            worker=OutboxWorker(services.store, dict.fromkeys(Medium, letterbox), clock, SystemEntropy(), log),
            housekeeping=Housekeeping(services, log, house_rules(config)),
            loop=loop,
        )


def _lenient(outside: Outside) -> Outside:
    return outside if outside.captcha is None else replace(outside, captcha=LenientCaptcha())


def _files(appservices: Sequence[Mapping[str, Any] | str | Path], stack: ExitStack | AsyncExitStack) -> list[str]:
    """The registrations of application services as files, which is how the server reads them."""
    files: list[str] = []
    for one in appservices:
        if isinstance(one, Mapping):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ostiary-"))
            file = Path(folder, "registration.yaml")
            file.write_text(json.dumps(one), encoding="utf-8")  # which is YAML as well
            files.append(str(file))
        else:
            files.append(str(one))
    return files
