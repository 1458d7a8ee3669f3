"""Sends wrong requests to a whole server in this process, byte by byte, and looks at every answer and at the end state.

``python -m tests.fuzz --requests 200000 --seed 1``; of a failure, ``--seed`` and ``--first`` send the same again.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint
from ostiary.api.http import HttpResponse
from ostiary.api.refusals import refusals
from tests.fuzz.drafts import Known, RawRequest
from tests.fuzz.values import CANARY
from tests.fuzz.wrongs import Wrongs
from tests.world import TABLES, Account, World, device_path

NOT_OF_THE_STATE = frozenset({"uia_sessions"})
"""Tables that a wrong request may add to: it may open a dialogue, which grants nothing."""


class Failed(AssertionError):
    """An answer, or what was left behind, is not as it must be; the message says how to see it again."""


@dataclass
class Report:
    """What came of a run. ``seconds``: of sending alone. ``untold``: errors that the contract does not tell."""

    sent: int = 0
    seconds: float = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errcodes: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"{self.sent} requests, {self.sent / max(self.seconds, 1e-9):.0f} each second"]
        lines += [f"  {status}  {count}" for status, count in sorted(self.statuses.items())]
        lines += [f"  {errcode}  {count}" for errcode, count in self.errcodes.most_common()]
        if self.untold:
            lines += ["not told by the contract:", *(f"  {what}  {count}" for what, count in self.untold.most_common())]
        return "\n".join(lines)


async def prepared(world: World) -> Known:
    """Fill a fresh server with accounts, devices and dialogues, so that there is something to change wrongly."""
    alice, bob = await world.register("alice"), await world.register("bob")
    ended = await world.relogin(alice)
    await world.call("POST", "v3/logout", {}, token=ended.access_token)
    guest = await world.call("POST", "v3/register", {}, query={"kind": "guest"})
    assert guest.status == 200, guest
    dialogues = {
        "DeleteDevice": await _dialogue(world, "DELETE", device_path(alice.device_id), {}, alice),
        "DeleteDevices": await _dialogue(world, "POST", "v3/delete_devices", {"devices": [alice.device_id]}, alice),
        "ChangePassword": await _dialogue(world, "POST", "v3/account/password", {"new_password": "0 new words"}, alice),
        "Register": await _dialogue(world, "POST", "v3/register", {"username": "carol", "password": "0 new words"}),
    }
    assert alice.refresh_token is not None
    return Known(
        tokens={one.user_id: one.access_token for one in (alice, bob)},
        devices={one.user_id: one.device_id for one in (alice, bob)},
        guest=guest.json["access_token"],
        dead=ended.access_token,
        others=(alice.refresh_token, *dialogues.values()),
        dialogues=dialogues,
    )


async def fuzz(
    world: World, *, seed: int, requests: int, first: int = 0, endpoints: Sequence[type[Endpoint[Any]]] = ENDPOINTS
) -> Report:
    """Send so many wrong requests, from the one of number ``first`` on. Raises Failed at the first that does harm."""
    wrongs = Wrongs(endpoints, await prepared(world))
    before = await state(world)
    report = Report()
    began = time.perf_counter()
    for number in range(first, first + requests):
        request = wrongs.numbered(seed, number)
        try:
            response = await send(world.app, request)
            check(request, response)
        except Exception as error:
            raise Failed(f"--seed {seed} --first {number} --requests 1\n{request}\n{error!r}") from error
        note(report, request, response)
    report.seconds = time.perf_counter() - began
    after = await state(world)
    if changed := [table for table in after if after[table] != before[table]]:
        told = "\n".join(f"{table}: {_difference(before[table], after[table])}" for table in changed)
        raise Failed(f"--seed {seed} --first {first} --requests {requests}: wrong requests changed the state:\n{told}")
    return report


async def send(app: Any, request: RawRequest) -> HttpResponse:
    """Hand a request to an ASGI application as a server would, its body in two pieces."""
    sent: list[dict[str, Any]] = []
    half = len(request.body) // 2
    to_come = [
        {"type": "http.request", "body": request.body[half:], "more_body": False},
        {"type": "http.request", "body": request.body[:half], "more_body": True},
    ]

    async def receive() -> dict[str, Any]:
        return to_come.pop() if to_come else {"type": "http.disconnect"}

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(_scope(request), receive, take)
    start, *rest = sent
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return HttpResponse(
        status=start["status"], headers=headers, body=b"".join(message.get("body", b"") for message in rest)
    )


def check(request: RawRequest, response: HttpResponse) -> None:
    """That an answer is Matrix's, is no failure of the server, and grants nothing to what is wrong."""
    answer = json.loads(response.body)
    described = f"{response.status} {response.body[:500]!r}"
    assert isinstance(answer, dict), described
    assert response.status < 500 or _is_declared(request, response.status, answer), described
    assert response.headers["content-type"] == "application/json", response.headers
    assert response.headers["access-control-allow-origin"] == "*", response.headers
    assert int(response.headers["content-length"]) == len(response.body), response.headers
    assert CANARY.encode() not in response.body, "the answer repeats a secret"
    if request.refused:
        assert response.status >= 400, f"a wrong request was granted: {described}"
    if response.status >= 400 and not ("flows" in answer and "errcode" not in answer):
        assert isinstance(answer.get("errcode"), str), described
        assert answer["errcode"].startswith("M_"), described
        assert isinstance(answer.get("error"), str), described
        assert answer["error"], described


def note(report: Report, request: RawRequest, response: HttpResponse) -> None:
    """Count an answer."""
    answer = json.loads(response.body)
    errcode = answer.get("errcode")
    report.sent += 1
    report.statuses[response.status] += 1
    if response.status < 400:
        return
    report.errcodes[errcode or "none: asks for interactive authentication"] += 1
    told = refusals(request.endpoint).get(response.status, ())
    of_the_path = response.status in (404, 405) and errcode == "M_UNRECOGNIZED"
    if (
        errcode is not None
        and "flows" not in answer
        and not of_the_path
        and all(error.errcode != errcode for error in told)
    ):
        report.untold[f"{request.endpoint.__name__} {response.status} {errcode}"] += 1


async def state(world: World) -> dict[str, list[str]]:
    """All rows of all tables but those of dialogues, and without where devices were seen, by table."""
    await world.sql("UPDATE devices SET last_seen_at = NULL, last_seen_ip = NULL, last_seen_user_agent = NULL")
    tables = [table for table in TABLES if table not in NOT_OF_THE_STATE]
    return {table: sorted(repr(row) for row in await world.sql(f"SELECT * FROM {table}")) for table in tables}


async def _dialogue(world: World, method: str, path: str, body: Any, account: Account | None = None) -> str:
    answer = await world.call(method, path, body, token=account.access_token if account else None)
    assert answer.status == 401, answer
    session: str = answer.json["session"]
    return session


def _is_declared(request: RawRequest, status: int, answer: dict[str, Any]) -> bool:
    """Whether the endpoint itself says that it may fail like this, since another service may."""
    declared = {(error.status, error.errcode) for error in request.endpoint.meta.errors}
    return status in (502, 503, 504) and (status, answer.get("errcode")) in declared


def _scope(request: RawRequest) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.raw_path),
        "raw_path": request.raw_path.encode("ascii"),
        "query_string": request.query,
        "headers": list(request.headers),
        "client": ("192.0.2.7", 40_000),
        "server": ("127.0.0.1", 8008),
    }


def _difference(before: list[str], after: list[str]) -> str:
    gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    return f"gone {list(gone)[:3]}, new {list(new)[:3]}"
