"""How the world reaches the server: its public URL, what its domain says of it, and the time there.

Must not know by which means a URL is asked.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from ostiary.accounts.ports import Clock
from ostiary.api.http import HttpResponse
from ostiary.config import Config
from ostiary.server.doctor import Finding, ok, problem, warning

VERSIONS: Final = "/_matrix/client/versions"
WELL_KNOWN: Final = "/.well-known/matrix/client"

SOME_SKEW_MS: Final = 5_000
MUCH_SKEW_MS: Final = 60_000
"""More than this, and what is signed or expires on one side is wrong on the other."""


class NoAnswer(Exception):
    """A URL was not answered; the message says why, for people."""


Ask = Callable[[str, str], Awaitable[HttpResponse]]
"""Gets what is at a base URL and a path. Raises NoAnswer."""


async def examine_outside(config: Config, ask: Ask, clock: Clock, url: str | None) -> AsyncIterator[Finding]:
    """What a client would see. ``url``: of a running server, besides its public URL."""
    public = config.server.public_url.rstrip("/")
    if not public:
        yield warning(
            "public_url", "is not set, so that clients are not told where the server is", "Set server.public_url"
        )
    for base in dict.fromkeys(filter(None, (public, (url or "").rstrip("/")))):
        async for finding in _answers(base, ask, clock):
            yield finding
    if public:
        async for finding in _named(config, public, ask):
            yield finding


async def _answers(base: str, ask: Ask, clock: Clock) -> AsyncIterator[Finding]:
    advice = "See whether the server runs, and whether the proxy passes /_matrix/client on"
    try:
        answer = await ask(base, VERSIONS)
    except NoAnswer as error:
        yield problem("versions", f"{base}: {error}", advice)
        return
    if answer.status != 200 or not isinstance(_json(answer).get("versions"), list):
        yield problem("versions", f"{base}{VERSIONS} is answered by {answer.status}, and not by this server", advice)
        return
    yield ok("versions", f"{base} answers")
    yield _clock(base, answer.headers, clock)
    if not base.startswith("https:") and not _is_here(base):
        yield warning(
            "tls", f"{base} is not encrypted: passwords can be read on the way", "Put a proxy with TLS before it"
        )


def _clock(base: str, headers: Mapping[str, str], clock: Clock) -> Finding:
    try:
        there = int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError):
        return ok("clock", f"{base} tells no time to compare with")
    skew_ms = abs(clock.now() - there)
    told = f"the time here and at {base} differs by {skew_ms / 1000:.0f} s"
    advice = "Let both machines keep their clocks by NTP"
    if skew_ms > MUCH_SKEW_MS:
        return problem("clock", told, advice)
    return warning("clock", told, advice) if skew_ms > SOME_SKEW_MS else ok("clock", told)


async def _named(config: Config, public: str, ask: Ask) -> AsyncIterator[Finding]:
    """What is told at the public URL, and at the server's name, where clients look first."""
    parts = urlsplit(public)
    origin = f"{parts.scheme}://{parts.netloc}"
    yield await _well_known(origin, public, ask)
    name = urlsplit(f"//{config.server_name}").hostname
    if parts.scheme == "https" and name != parts.hostname:
        yield await _well_known(f"https://{name}", public, ask)


async def _well_known(origin: str, public: str, ask: Ask) -> Finding:
    place = f"{origin}{WELL_KNOWN}"
    advice = f"Let the proxy pass {WELL_KNOWN} of this domain to the server: else users must type the URL of the server"
    try:
        answer = await ask(origin, WELL_KNOWN)
    except NoAnswer as error:
        return warning("well-known", f"{origin}: {error}", advice)
    named = _json(answer).get("m.homeserver")
    told = named.get("base_url") if isinstance(named, dict) else None
    if answer.status != 200 or not isinstance(told, str):
        return warning("well-known", f"{place} is answered by {answer.status}, and names no server", advice)
    if told.rstrip("/") != public:
        return problem("well-known", f"{place} names {told}, and server.public_url is {public}", "Let both be the same")
    if answer.headers.get("access-control-allow-origin") != "*":
        advice = "Answer it with Access-Control-Allow-Origin: *, or pass it on to this server, which does"
        return warning("well-known", f"{place} cannot be read by clients in browsers", advice)
    return ok("well-known", f"{place} names {told}")


def _json(answer: HttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_here(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
