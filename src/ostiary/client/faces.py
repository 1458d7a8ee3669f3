"""How a flow becomes a method: of a face that waits, or of one that awaits. Must not know any flow.

An operation is declared once, as a function from a core (and whatever it is told) to a ``Flow[T]``. On a face it is one
line, ``devices = blocking(devices.devices)`` or ``devices = awaiting(devices.devices)``. Type checkers see its
arguments and its answer on both, and so does ``help``.
"""

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args

from ostiary.client.drivers import AsyncWorld, World
from ostiary.client.steps import Flow

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class _Named:
    """Names the methods that were made of flows after where they stand."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in vars(cls).items():
            if inspect.isfunction(member) and hasattr(member, "__signature__"):
                member.__name__, member.__qualname__ = name, f"{cls.__qualname__}.{name}"
                member.__module__ = cls.__module__


class BlockingFace(_Named, Generic[C_co]):
    """A core, and the world in which its flows are carried out while the caller waits."""

    _core: C_co

    def __init__(self, world: World, core: C_co) -> None:
        self._world = world
        self._core = core


class AwaitingFace(_Named, Generic[C_co]):
    """A core, and the world in which its flows are carried out while the caller awaits."""

    _core: C_co

    def __init__(self, world: AsyncWorld, core: C_co) -> None:
        self._world = world
        self._core = core


def blocking(flow: Callable[Concatenate[C, P], Flow[T]]) -> Callable[Concatenate[BlockingFace[C], P], T]:
    """The method of a face that waits."""

    @wraps(flow)
    def method(self: BlockingFace[C], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._world.run(flow(self._core, *args, **kwargs))

    return as_method(method, flow)


def awaiting(
    flow: Callable[Concatenate[C, P], Flow[T]],
) -> Callable[Concatenate[AwaitingFace[C], P], Coroutine[Any, Any, T]]:
    """The method of a face that awaits."""

    @wraps(flow)
    async def method(self: AwaitingFace[C], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._world.run(flow(self._core, *args, **kwargs))

    return as_method(method, flow)


def as_method(method: T, flow: Callable[..., Flow[Any]], answer: str | None = None) -> T:
    """Give a method the signature that people are to see. ``answer``: the name of what comes, else the flow's."""
    signature = inspect.signature(flow)
    _, *told = signature.parameters.values()
    returned = get_args(signature.return_annotation)[-1] if answer is None else answer
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]  # which inspect looks for
        parameters=[itself, *told], return_annotation=None if returned is type(None) else returned
    )
    method.__annotations__ = {one.name: one.annotation for one in told} | {"return": returned}
    return method
