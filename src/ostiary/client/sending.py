"""What clients and sessions have in common, of either face: requests sent later, queues, and lists page by page.

A face derives from :class:`Sends` or :class:`AsyncSends`, and has a world and a core. ``test_faces`` holds the two
against each other.
"""

from typing import Any, Generic, TypeVar

from ostiary.api.endpoint import Endpoint, Struct
from ostiary.client.async_queues import AsyncRequestQueue
from ostiary.client.client_core import ClientCore
from ostiary.client.drivers import AsyncWorld, World
from ostiary.client.errors import CannotSend
from ostiary.client.paging import AsyncPages, Pages
from ostiary.client.queues import GO_ON, QueuePolicy, RequestQueue
from ostiary.client.requests import Answered, Prepared, prepare
from ostiary.client.session_core import SessionCore
from ostiary.client.steps import Flow

R = TypeVar("R", bound=Struct)
D = TypeVar("D")
C = TypeVar("C", ClientCore, SessionCore)


class _Prepares(Generic[C]):
    """What needs no waiting."""

    _core: C

    def prepare(self, request: Endpoint[R], *, name: str = "") -> Prepared[R, None]:
        """A request to this server, to be looked at, stored, or sent later."""
        return prepare(request, _address(self._core), name=name)


class Sends(_Prepares[C]):
    """For the synchronous face."""

    _world: World

    def send_prepared(self, prepared: Prepared[R, D]) -> Answered[R, D]:
        """Send a request that was prepared; what comes back has its data. Raises CannotSend for another server's."""
        return Answered(prepared, self._world.run(_flow(self._core, prepared), prepared.timeouts))

    def queue(self, name: str, policy: QueuePolicy = GO_ON) -> RequestQueue:
        """The queue of this name, made where there is none. Raises ValueError where it has another policy."""
        queue = self._world.queue(name, lambda: RequestQueue(name, policy, self.send_prepared))
        return _of_policy(queue, policy)

    def pages(
        self, request: Endpoint[R], *, start: str | None = None, max_pages: int | None = None,
        max_items: int | None = None,
    ) -> Pages[R]:  # fmt: skip
        """A list that comes in pages, each an answer to ``request``; ``.items()`` has what is on them.

        ``start``: the ``token`` of an earlier list, to go on there. Raises TypeError for what comes in no pages.
        """
        send = self._core.send
        return Pages(request, lambda one: self._world.run(send(one)), start, max_pages, max_items)


class AsyncSends(_Prepares[C]):
    """For the asynchronous face."""

    _world: AsyncWorld

    async def send_prepared(self, prepared: Prepared[R, D]) -> Answered[R, D]:
        """Send a request that was prepared; what comes back has its data. Raises CannotSend for another server's."""
        return Answered(prepared, await self._world.run(_flow(self._core, prepared), prepared.timeouts))

    def queue(self, name: str, policy: QueuePolicy = GO_ON) -> AsyncRequestQueue:
        """The queue of this name, made where there is none. Raises ValueError where it has another policy."""
        world = self._world
        queue = world.queue(name, lambda: AsyncRequestQueue(name, policy, self.send_prepared, world.keep))
        return _of_policy(queue, policy)

    def pages(
        self, request: Endpoint[R], *, start: str | None = None, max_pages: int | None = None,
        max_items: int | None = None,
    ) -> AsyncPages[R]:  # fmt: skip
        """A list that comes in pages, each an answer to ``request``; ``.items()`` has what is on them.

        ``start``: the ``token`` of an earlier list, to go on there. Raises TypeError for what comes in no pages.
        """
        send = self._core.send
        return AsyncPages(request, lambda one: self._world.run(send(one)), start, max_pages, max_items)


Q = TypeVar("Q", RequestQueue, AsyncRequestQueue)


def _of_policy(queue: Q, policy: QueuePolicy) -> Q:
    if queue.policy is not policy:
        raise ValueError(f"the queue {queue.name} has the policy {queue.policy.name}")
    return queue


def _address(core: ClientCore | SessionCore) -> str:
    return core.calls.base_url if isinstance(core, ClientCore) else core.last.homeserver.rstrip("/")


def _flow(core: ClientCore | SessionCore, prepared: Prepared[R, Any]) -> Flow[R]:
    """How a prepared request is sent. Tokens and passwords go to no other server than they were meant for."""
    if prepared.base_url != _address(core):
        raise CannotSend(f"the request {prepared.name} was prepared for {prepared.base_url}, not {_address(core)}")
    if isinstance(core, ClientCore):
        return core.calls.call(prepared.request, prepared.token)
    return core.send(prepared.request)
