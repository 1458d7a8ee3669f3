"""Servers that say what a test tells them to, and a world in which no time passes by itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import MemoryStore, SessionStore
from ostiary.client.drivers import AsyncWorld, World
from ostiary.client.limits import Timeouts
from tests.world import HeldClock

BASE = "https://matrix.example.org"

Reply = HttpResponse | Exception


def reply(status: int, body: Any = None, **headers: str) -> HttpResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return HttpResponse(
        status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=raw
    )


def refusal(status: int, errcode: str, **fields: Any) -> HttpResponse:
    """A Matrix error."""
    return reply(status, {"errcode": errcode, "error": "No.", **fields})


@dataclass
class Script:
    """Answers requests in their order, or by a function; keeps what was asked."""

    replies: list[Reply] = field(default_factory=list)
    by: Callable[[HttpRequest], Reply] | None = None
    asked: list[HttpRequest] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    slept: list[int] = field(default_factory=list)
    clock: HeldClock = field(default_factory=HeldClock)

    def answer(self, request: HttpRequest, base_url: str = BASE) -> HttpResponse:
        self.asked.append(request)
        self.bases.append(base_url)
        one = self.by(request) if self.by else self.replies.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def sleep(self, milliseconds: int) -> None:
        self.slept.append(milliseconds)
        self.clock.advance(milliseconds)

    def world(self, store: SessionStore | None = None) -> World:
        return World(_Sync(self), store or MemoryStore(), now=self.clock.now, sleep=self.sleep)

    def async_world(self, store: SessionStore | None = None) -> AsyncWorld:
        async def sleep(milliseconds: int) -> None:
            self.sleep(milliseconds)

        return AsyncWorld(_Async(self), store or MemoryStore(), now=self.clock.now, sleep=sleep)

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.asked]


class _Sync:
    def __init__(self, script: Script) -> None:
        self._script = script

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        return self._script.answer(request, base_url)

    def close(self) -> None:
        pass


class _Async:
    def __init__(self, script: Script) -> None:
        self._script = script

    async def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        return self._script.answer(request, base_url)

    async def close(self) -> None:
        pass


def header(request: HttpRequest, name: str) -> str | None:
    return dict(request.headers).get(name)


def body(request: HttpRequest) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(request.content or b"{}")
    return parsed
