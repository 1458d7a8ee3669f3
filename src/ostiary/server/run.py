"""Runs the server: opens the database, listens, serves until told to stop, then finishes what is under way."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn

from ostiary import __version__
from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.config import Config
from ostiary.server.addresses import ClientAddresses
from ostiary.server.app import App
from ostiary.server.environment import SystemEntropy
from ostiary.server.failures import Failures
from ostiary.server.handlers import HANDLERS
from ostiary.server.handlers.administration import ADMIN_HANDLERS
from ostiary.server.housekeeping import Housekeeping
from ostiary.server.logs import Log, set_up
from ostiary.server.protocol import bounded
from ostiary.server.routes import Routes
from ostiary.server.services import Services
from ostiary.server.wiring import open_services

BACKLOG = 2048


class CannotListen(Exception):
    """The address cannot be listened on; the message says why, for people."""


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises DatabaseUnusable, CannotListen."""
    log = set_up(config.logging)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(config, log))


def build_app(config: Config, services: Services, log: Log) -> App:
    """The application on these services."""
    return App(
        Routes((*ENDPOINTS, *ADMIN_ENDPOINTS), (*HANDLERS, *ADMIN_HANDLERS)),
        services,
        Failures(log, SystemEntropy()),
        ClientAddresses(config.server.trusted_proxies),
        max_body_bytes=config.server.max_body_bytes,
        body_timeout_ms=config.server.body_timeout_ms,
    )


async def serve(config: Config, log: Log) -> None:
    """Serve until told to stop."""
    async with open_services(config) as services:
        app = build_app(config, services, log)
        listening = _listen(config.server.host, config.server.port)
        server = uvicorn.Server(_uvicorn_config(config, app))
        _stop_on_signals(server)
        async with _kept_house(config, services, log):
            _announce(config, listening, log)
            await server.serve(sockets=[listening])
    log.info("stopped")


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Stop on signals that come before uvicorn listens for them, and survive the one after.

    Uvicorn raises the signal that stopped it once more when it is done, which must not kill what is left to do here.
    """

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _uvicorn_config(config: Config, app: App) -> uvicorn.Config:
    server = config.server
    return uvicorn.Config(
        app,
        http=bounded(max_header_bytes=server.max_header_bytes, header_timeout_ms=server.header_timeout_ms),
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
    housekeeping = Housekeeping(services, log, dead_token_memory_ms=config.sessions.dead_token_memory_ms)
    task = asyncio.create_task(housekeeping.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)  # so that whoever reads the announcement can connect
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listening


def _announce(config: Config, listening: socket.socket, log: Log) -> None:
    host, port = listening.getsockname()[:2]
    if config.dev:
        log.warning(
            "development mode: anybody who reaches this server can make an account, and nothing is rate-limited"
        )
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    log.info("serving", address=address, server_name=config.server_name, version=__version__)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:  # not on every platform
        return None
    return uvloop.Loop
