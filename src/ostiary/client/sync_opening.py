"""How a flow that ends with a session's record becomes a method that ends with a session, on the synchronous faces."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from ostiary.client.drivers import World
from ostiary.client.faces import as_method
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow

if TYPE_CHECKING:
    from ostiary.client.sync_client import Session

P = ParamSpec("P")
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class Opening(Protocol[C_co]):
    """A face that makes sessions."""

    _world: World

    @property
    def _core(self) -> C_co: ...

    def _opened(self, record: SessionRecord) -> "Session": ...


def opening(
    flow: Callable[Concatenate[C, P], Flow[SessionRecord]],
) -> Callable[Concatenate[Opening[C], P], "Session"]:
    """The method of a face that waits and gives a session."""

    @wraps(flow)
    def method(self: Opening[C], /, *args: P.args, **kwargs: P.kwargs) -> "Session":
        return self._opened(self._world.run(flow(self._core, *args, **kwargs)))

    return as_method(method, flow, "Session")
