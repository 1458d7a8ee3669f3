"""A real Ostiary server inside of somebody else's tests: for whoever writes bots and clients.

::

    with serve() as server:
        alice = server.account("alice")
        bot = MyBot(server.url, alice.access_token)

Or, with pytest, the fixtures ``ostiary`` and ``ostiary_app`` of :mod:`ostiary.testing.plugin`. Nothing else of the
package may know this one. Importing it costs nothing: what it offers is loaded when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ostiary.testing.clock import TurnableClock
    from ostiary.testing.interception import Recorded
    from ostiary.testing.people import Account
    from ostiary.testing.post import Mail, TextMessage
    from ostiary.testing.rooms.house import FakeRooms
    from ostiary.testing.server import Server
    from ostiary.testing.serving import aserve, serve
    from ostiary.testing.settings import Options, default_config

__all__ = [
    "Account", "FakeRooms", "Mail", "Options", "Recorded", "Server", "TextMessage", "TurnableClock", "aserve",
    "default_config", "serve",
]  # fmt: skip

_PLACES = {
    "Account": "people",
    "FakeRooms": "rooms.house",
    "Mail": "post",
    "Options": "settings",
    "Recorded": "interception",
    "Server": "server",
    "TextMessage": "post",
    "TurnableClock": "clock",
    "aserve": "serving",
    "default_config": "settings",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
