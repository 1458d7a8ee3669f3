"""How a flow that ends with a session's record becomes a method that ends with a session, on the asynchronous faces."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from ostiary.client.drivers import AsyncWorld
from ostiary.client.faces import as_method
from ostiary.client.record import SessionRecord
from ostiary.client.steps import Flow

if TYPE_CHECKING:
    from ostiary.client.async_client import AsyncSession

P = ParamSpec("P")
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class AsyncOpening(Protocol[C_co]):
    """A face that makes sessions."""

    _world: AsyncWorld

    @property
    def _core(self) -> C_co: ...

    def _opened(self, record: SessionRecord) -> "AsyncSession": ...


def opening_later(
    flow: Callable[Concatenate[C, P], Flow[SessionRecord]],
) -> Callable[Concatenate[AsyncOpening[C], P], Coroutine[Any, Any, "AsyncSession"]]:
    """The method of a face that awaits and gives a session."""

    @wraps(flow)
    async def method(self: AsyncOpening[C], /, *args: P.args, **kwargs: P.kwargs) -> "AsyncSession":
        return self._opened(await self._world.run(flow(self._core, *args, **kwargs)))

    return as_method(method, flow, "AsyncSession")
