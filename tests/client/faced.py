"""Both faces of the client against one server, called in the same way.

A synchronous client runs in a thread; where the server lives in the test's loop, its requests are answered there.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import (
    AppserviceClient,
    AsyncAppserviceClient,
    AsyncClient,
    AsyncHttpTransport,
    AsyncTransport,
    Client,
    HttpTransport,
    MemoryStore,
    SessionStore,
    SyncTransport,
    drivers,
)
from ostiary.client.limits import Timeouts
from tests.client.homeservers import Homeserver
from tests.world import World

Work = Callable[..., Coroutine[Any, Any, Any]]


class Faced:
    """A client or a session, whichever face it is of: every method is awaited."""

    def __init__(self, thing: Any, *, is_sync: bool) -> None:
        self._thing = thing
        self._is_sync = is_sync

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._thing, name)
        return self._awaited(member) if inspect.ismethod(member) else member

    def _awaited(self, method: Callable[..., Any]) -> Work:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._is_sync:
                answer = await asyncio.to_thread(method, *args, **kwargs)
            else:
                answer = method(*args, **kwargs)
                answer = await answer if inspect.isawaitable(answer) else answer
            is_face = type(answer).__module__.startswith(("ostiary.client.sync_", "ostiary.client.async_"))
            return Faced(answer, is_sync=self._is_sync) if is_face else answer

        return call


class AnyFaces:
    """Makes clients of one face, at any server. ``does`` makes a function for a client to call of one that awaits."""

    def __init__(self, world: Homeserver, *, is_sync: bool) -> None:
        self.world = world
        self.is_sync = is_sync
        self.slept: list[int] = []
        self.asked: list[HttpRequest] = []
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None

    def client(self, store: SessionStore | None = None, base_url: str | None = None, **settings: Any) -> Faced:
        kind: Any = Client if self.is_sync else AsyncClient
        client = kind(base_url or self.world.base_url, world=self._inside(store), **settings)
        return Faced(client, is_sync=self.is_sync)

    def appservice(self, token: str) -> Faced:
        kind: Any = AppserviceClient if self.is_sync else AsyncAppserviceClient
        return Faced(kind(self.world.base_url, token, world=self._inside(None)), is_sync=self.is_sync)

    def does(self, work: Work) -> Callable[..., Any]:
        if not self.is_sync:
            return work

        def wait(*args: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work(*args), self._loop).result(30)

        return wait

    def sleep(self, milliseconds: int) -> None:
        self.slept.append(milliseconds)
        self.world.clock.advance(milliseconds)

    async def close(self) -> None:
        """Let go of connections."""
        if self.is_sync and self._transport is not None:
            self._transport.close()
        elif self._transport is not None:
            await self._transport.close()

    def _inside(self, store: SessionStore | None) -> Any:
        store, clock = store or MemoryStore(), self.world.clock
        if self._transport is None:
            self._transport = self._reaching()
        if self.is_sync:
            return drivers.World(_Noting(self._transport, self), store, now=clock.now, sleep=self.sleep)

        async def sleep(milliseconds: int) -> None:
            self.sleep(milliseconds)

        return drivers.AsyncWorld(_NotingLater(self._transport, self), store, now=clock.now, sleep=sleep)

    def _reaching(self) -> SyncTransport | AsyncTransport:
        """How the server is reached: inside the process, or by what the client takes by itself."""
        if isinstance(self.world, World):
            return _Across(self.world.transport(), self._loop) if self.is_sync else self.world.transport()
        return HttpTransport() if self.is_sync else AsyncHttpTransport()


class Faces(AnyFaces):
    """The same at our server, which a test can look into."""

    world: World


class _Noting:
    """Keeps what was asked."""

    def __init__(self, inner: SyncTransport, faces: AnyFaces) -> None:
        self._inner = inner
        self._faces = faces

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        self._faces.asked.append(request)
        return self._inner.exchange(base_url, request, timeouts)

    def close(self) -> None:
        """Other clients of the test go on with it."""


class _NotingLater:
    """The same, asynchronously."""

    def __init__(self, inner: AsyncTransport, faces: AnyFaces) -> None:
        self._inner = inner
        self._faces = faces

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        self._faces.asked.append(request)
        return await self._inner.exchange(base_url, request, timeouts)

    async def close(self) -> None:
        """Other clients of the test go on with it."""


class _Across:
    """From a thread to the loop that the server lives in."""

    def __init__(self, inner: AsyncTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        return asyncio.run_coroutine_threadsafe(self._inner.exchange(base_url, request, timeouts), self._loop).result(
            30
        )

    def close(self) -> None:
        """Nothing is held."""
