"""Runs the server: opens the database, listens, serves until told to stop, then finishes what is under way."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.server import ServerState

from ostiary import __version__
from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.config import Config, notify_socket
from ostiary.delivery.outbox import OutboxWorker
from ostiary.server.addresses import ClientAddresses
from ostiary.server.app import App
from ostiary.server.environment import SystemClock, SystemEntropy
from ostiary.server.failures import Failures
from ostiary.server.handlers import HANDLERS
from ostiary.server.handlers.administration import ADMIN_HANDLERS
from ostiary.server.health import Health
from ostiary.server.housekeeping import Housekeeping, house_rules
from ostiary.server.listening import BACKLOG, CannotListen, address_of, listen, listening_on, tell_manager
from ostiary.server.logs import Log, set_up
from ostiary.server.metrics_app import MetricsApp
from ostiary.server.observing import AccessLog, Observer
from ostiary.server.protocol import bounded
from ostiary.server.request_ids import RequestIds
from ostiary.server.routes import Routes
from ostiary.server.sending import close_senders, make_senders
from ostiary.server.services import Services
from ostiary.server.wiring import open_services
from ostiary.server.workers import Workers, WorkersFailed

if TYPE_CHECKING:
    from ostiary.server.metrics import Metrics

__all__ = ["CannotListen", "WorkersFailed", "build_app", "run", "serve"]


OBJECTS_BEFORE_COLLECTING: Final = 10_000
"""How many more than before. Looking at them takes a third of a millisecond; a thousand bytes each would be 10 MB."""


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises DatabaseUnusable, CannotListen, WorkersFailed."""
    log = set_up(config.logging)
    if config.server.workers == 1:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(config, log))
        return
    manager = notify_socket()
    asyncio.run(_bring_up_to_date(config))
    with listening_on(config.server) as listening:
        _announce(config, listening, log)
        tell_manager("READY=1", manager)
        Workers(
            config.server.workers, lambda worker: _be_worker(config, log, listening, worker), log, SystemClock()
        ).run()
        tell_manager("STOPPING=1", manager)
    log.info("stopped")


async def _bring_up_to_date(config: Config) -> None:
    """Find out what cannot work before there are workers, who would all find it out at once."""
    async with open_services(config):
        pass


def _be_worker(config: Config, log: Log, listening: socket.socket, worker: int) -> None:
    metrics = replace(config.metrics, port=config.metrics.port + worker)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve_on(listening, replace(config, metrics=metrics), log))


def build_app(config: Config, services: Services, log: Log, metrics: "Metrics | None" = None) -> App:
    """The application on these services. ``metrics``: told of each request."""
    server = config.server
    entropy = SystemEntropy()
    addresses = ClientAddresses(server.trusted_proxies, by_socket=bool(server.socket))
    observers: list[Observer] = [AccessLog(log)] if config.logging.requests else []
    if metrics is not None:
        observers.append(metrics)
    return App(
        Routes((*ENDPOINTS, *ADMIN_ENDPOINTS), (*HANDLERS, *ADMIN_HANDLERS)),
        services,
        Failures(log, entropy),
        addresses,
        RequestIds(entropy, addresses),
        Health(services.vitals.engine, services.clock, log),
        max_body_bytes=server.max_body_bytes,
        body_timeout_ms=server.body_timeout_ms,
        observers=observers,
        tells_ids=server.request_id_header,
    )


def open_metrics(config: Config, services: Services) -> "Metrics | None":
    """What counts, if the configuration wants it; logins are told to it from now on."""
    if not config.metrics.enabled:
        return None
    from ostiary.server.metrics import Metrics

    services.vitals.tally = metrics = Metrics(services.vitals)
    return metrics


async def serve(config: Config, log: Log) -> None:
    """Serve until told to stop."""
    manager = notify_socket()
    with listening_on(config.server) as listening:

        def ready() -> None:
            _announce(config, listening, log)
            tell_manager("READY=1", manager)

        await serve_on(listening, config, log, ready)
        tell_manager("STOPPING=1", manager)
    log.info("stopped")


async def serve_on(
    listening: socket.socket, config: Config, log: Log, ready: Callable[[], None] = lambda: None
) -> None:
    """Serve on a socket until told to stop. ``ready``: called once nothing is left that could go wrong."""
    async with open_services(config) as services:
        metrics = open_metrics(config, services)
        app = build_app(config, services, log, metrics)
        server = uvicorn.Server(_uvicorn_config(config, app))
        _stop_on_signals(server)
        async with _kept_house(config, services, log), _told_metrics(config, metrics, log):
            _spare_what_stays()
            ready()
            await server.serve(sockets=[listening])


def _spare_what_stays() -> None:
    """Have the collector of circles never look at what was made to serve, and look less often at what requests make.

    Requests leave hardly any circles behind; at Python's own pace looking for them is a tenth of what some cost.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)


@asynccontextmanager
async def _told_metrics(config: Config, metrics: "Metrics | None", log: Log) -> AsyncIterator[None]:
    """The metrics, on their own listener, until the context ends. Raises CannotListen."""
    if metrics is None:
        yield
        return
    from ostiary.server.metrics import CONTENT_TYPE, PATH

    listening = listen(config.metrics.host, config.metrics.port)
    settings = _uvicorn_config(config, MetricsApp(metrics, PATH, CONTENT_TYPE))
    settings.load()
    state = ServerState()
    make: Any = settings.http_protocol_class
    server = await asyncio.get_running_loop().create_server(
        lambda: make(config=settings, server_state=state, app_state={}), sock=listening
    )
    log.info("telling metrics", address=f"{address_of(listening)}{PATH}")
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        await server.wait_closed()


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Stop on signals that come before uvicorn listens for them, and survive the one after.

    Uvicorn raises the signal that stopped it once more when it is done, which must not kill what is left to do here.
    """

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _uvicorn_config(config: Config, app: App | MetricsApp) -> uvicorn.Config:
    server = config.server
    return uvicorn.Config(
        app,
        http=bounded(
            max_header_bytes=server.max_header_bytes,
            header_timeout_ms=server.header_timeout_ms,
            answer_timeout_ms=server.body_timeout_ms,
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=max(1, server.keep_alive_ms // 1000),
        timeout_graceful_shutdown=max(1, server.shutdown_timeout_ms // 1000),
        backlog=BACKLOG,
    )


@asynccontextmanager
async def _kept_house(config: Config, services: Services, log: Log) -> AsyncIterator[None]:
    """What goes on beside the requests: housekeeping, and the sending of messages."""
    housekeeping = Housekeeping(services, log, house_rules(config))
    senders = make_senders(config, log)
    worker = OutboxWorker(services.store, senders, services.clock, SystemEntropy(), log)
    tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(worker.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await close_senders(senders)


def _announce(config: Config, listening: socket.socket, log: Log) -> None:
    if config.dev:
        log.warning(
            "development mode: anybody who reaches this server can make an account, and nothing is rate-limited"
        )
    log.info("serving", address=address_of(listening), server_name=config.server_name, version=__version__)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:  # not on every platform
        return None
    return uvloop.Loop
