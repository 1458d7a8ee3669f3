"""The sockets that the server listens on: an address and a port, or a path; and telling the manager that it does."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ostiary.config import ServerConfig

BACKLOG: Final = 2048
SOCKET_MODE: Final = 0o660
"""Of a Unix socket: its owner and its group, to which the proxy belongs."""


class CannotListen(Exception):
    """The address cannot be listened on; the message says why, for people."""


@contextmanager
def listening_on(server: ServerConfig) -> Iterator[socket.socket]:
    """The socket that the configuration says, until the context ends. Raises CannotListen."""
    if not server.socket:
        yield listen(server.host, server.port)
        return
    path = Path(server.socket)
    listening = _listen_at(path)
    try:
        yield listening
    finally:
        with suppress(OSError):
            path.unlink()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address. Raises CannotListen."""
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


def _listen_at(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        _remove_stale(path)
        listening.bind(str(path))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    return listening


def _remove_stale(path: Path) -> None:
    """Remove the socket of a server that is no more. Raises OSError where one is, or where it is no socket."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError("there is a file of that name, which is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError("another server listens there")


def address_of(listening: socket.socket) -> str:
    """Where a socket listens, as a URL for people."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def tell_manager(state: str, where: str | None) -> None:
    """Tell systemd (or whoever speaks its protocol) how far the server is. ``where``: its socket; None for nobody."""
    if where is None:
        return
    address = f"\0{where[1:]}" if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, suppress(OSError):
        manager.connect(address)
        manager.sendall(state.encode())
