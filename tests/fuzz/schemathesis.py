"""Holds a whole server against its own OpenAPI documents: schemathesis makes the requests and judges the answers.

``python -m tests.fuzz.schemathesis --minutes 10`` goes on for as long; the suite sends a sample. Calls are made with
the token of an administrator who can do all, and the paths and dialogues name, at times, what is there. Must not know
what any endpoint does.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case, GenerationMode, Response
from schemathesis import openapi as schemathesis_openapi
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.auth import NoToken
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint
from ostiary.api.openapi import document
from tests.fuzz.drafts import RawRequest
from tests.fuzz.flows import all_flows
from tests.fuzz.run import send
from tests.server.web.settings import HeldCaptcha
from tests.world import BASE_URL, Account, World, open_world, password_auth

CHECKS: Final = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
)  # fmt: skip
"""All that hold by what a schema says. ``positive_data_acceptance`` does not: a right form may have wrong secrets."""

ALICE: Final = Account("@alice:localhost", "", "PHONE", None)
"""Who calls, before there is her session."""

BOB: Final = Account("@bob:localhost", "", "PHONE", None)
"""Whom she administers."""

THERE: Final = {
    "userId": ALICE.user_id, "name": BOB.localpart, "deviceId": BOB.device_id, "keyName": "displayname",
    "token": "a-token",
}  # fmt: skip
"""What paths can name that is there."""

RIGHT: Final = {
    "auth": password_auth(ALICE), "type": "m.login.password", "identifier": password_auth(ALICE)["identifier"],
    "password": ALICE.password, "displayname": "Alice", "new_password": "another horse", "devices": ["PHONE"],
}  # fmt: skip
"""What bodies can say that is true."""

Operation = APIOperation[Any, Any, Any, Any]


def operations(endpoints: Sequence[type[Endpoint[Any]]]) -> dict[type[Endpoint[Any]], Operation]:
    """The operation of each endpoint."""
    told = document(endpoints, title="Ostiary", version="1", server_url=BASE_URL)
    schema = schemathesis_openapi.from_dict(told)
    return {endpoint: schema[endpoint.meta.path][endpoint.meta.method] for endpoint in endpoints}


class Judge:
    """A server with one administrator, that answers cases; what is wrong with an answer is raised."""

    def __init__(self, endpoint: type[Endpoint[Any]], directory: Path, runner: asyncio.Runner) -> None:
        self._endpoint = endpoint
        self._directory = directory
        self._runner = runner
        self._stack = AsyncExitStack()
        self._count = 0
        self._world: World | None = None
        self._token = ""
        self.statuses: Counter[int] = Counter()

    def judge(self, case: Case[Any]) -> None:
        """Send a case and hold its answer against the document."""
        response = self._runner.run(self._exchange(case))
        self.statuses[response.status_code] += 1
        case.validate_response(response, checks=list(CHECKS))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())

    async def _exchange(self, case: Case[Any]) -> Response:
        world = await self._opened()
        prepared = Request(**{"headers": {}, **_sendable(case.as_transport_kwargs(base_url=BASE_URL))}).prepare()
        parts = urlsplit(str(prepared.url))
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
        assert isinstance(body, bytes)
        headers = [(b"host", b"localhost:8008"), (b"content-length", b"%d" % len(body))]
        if not isinstance(self._endpoint.meta.authentication, NoToken):
            prepared.headers["Authorization"] = f"Bearer {self._token}"
            headers.append((b"authorization", f"Bearer {self._token}".encode()))
        raw = RawRequest(
            self._endpoint,
            (),
            str(prepared.method),
            parts.path,
            parts.query.encode(),
            tuple(headers),
            body,
            refused=False,
        )
        answer = await send(world.app, raw)
        told = {name: [value] for name, value in answer.headers.items()}
        return Response(answer.status, told, answer.body, prepared, elapsed=0.0, verify=False)

    async def _opened(self) -> World:
        """The server, or a new one where the administrator's session has ended."""
        if self._world is not None and (await self._world.whoami(self._token)).status == 200:
            return self._world
        await self._stack.aclose()
        self._count += 1
        folder = self._directory / str(self._count)
        folder.mkdir(parents=True)
        world = await self._stack.enter_async_context(open_world(all_flows(folder), captcha=HeldCaptcha()))
        alice, _ = [await world.register(one.localpart, device_id=one.device_id) for one in (ALICE, BOB)]
        await world.make_admin(alice)
        path = "/_ostiary/admin/v1/registration_tokens"
        assert (await world.call("POST", path, {"token": THERE["token"]}, token=alice.access_token)).status < 300
        self._world, self._token = world, alice.access_token
        return world


@contextmanager
def judging(endpoint: type[Endpoint[Any]], directory: Path) -> Iterator[Judge]:
    """A judge of an endpoint's answers."""
    with asyncio.Runner() as runner:
        judge = Judge(endpoint, directory, runner)
        try:
            yield judge
        finally:
            judge.close()


def hold(judge: Judge, operation: Operation, *, mode: GenerationMode, examples: int, start: int = 0) -> None:
    """Send so many cases, the same ones for the same ``start``. Raises what schemathesis finds."""

    cases = operation.as_strategy(generation_mode=mode)
    if mode is GenerationMode.POSITIVE:
        cases = st.one_of(cases, cases.map(_to_the_point))

    @seed(start)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def holds(case: Case[Any]) -> None:
        judge.judge(case)

    holds()


def _to_the_point(case: Case[Any]) -> Case[Any]:
    """The same of somebody who is there, and in part true."""
    for name in case.path_parameters:
        case.path_parameters[name] = THERE.get(name, case.path_parameters[name])
    if isinstance(case.body, dict):
        declared = case.operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
        known = declared.get("properties", {THERE["keyName"]: {}})
        case.body = {**case.body, **{name: value for name, value in RIGHT.items() if name in known}}
    return case


def can_be_wrong(operation: Operation) -> bool:
    """Whether a schema refuses anything: segments of a path are texts of any kind mostly."""
    told = operation.definition.raw
    schemas = [(parameter["in"], parameter["schema"]) for parameter in told.get("parameters", ())]
    return "requestBody" in told or any(
        place == "query" or ("anyOf" not in schema and len(schema) > 1) for place, schema in schemas
    )


def _sendable(arguments: dict[str, Any]) -> dict[str, Any]:
    known = ("method", "url", "headers", "params", "data", "json")
    return {name: value for name, value in arguments.items() if name in known}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.schemathesis", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for how long to go on")
    parser.add_argument("--start", type=int, default=1, help="the first of the numbers that the cases are drawn from")
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    found = operations(ENDPOINTS) | operations(ADMIN_ENDPOINTS)
    start = options.start
    while time.monotonic() < until:
        for endpoint, operation in found.items():
            for mode in GenerationMode if can_be_wrong(operation) else (GenerationMode.POSITIVE,):
                with tempfile.TemporaryDirectory() as directory, judging(endpoint, Path(directory)) as judge:
                    try:
                        hold(judge, operation, mode=mode, examples=100, start=start)
                    except Exception:
                        sys.stdout.write(f"{endpoint.__name__}, {mode}: --start {start}\n")
                        raise
        sys.stdout.write(f"--start {start}: {len(found)} operations agree with their documents\n")
        sys.stdout.flush()
        start += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
