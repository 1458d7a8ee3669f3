"""The faked calls as an ASGI wrapper before the server: which paths are theirs, who calls, and how ``/sync`` waits.

Not the product; see the package. Knows of the server that ``/account/whoami`` says who calls, and of accounts only
whether one is suspended, which is told from outside.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from ostiary.api.codec import encode_error
from ostiary.api.errors import BadJson, MatrixError, NotJson, UserSuspended
from ostiary.server.app import ALWAYS
from ostiary.testing.interception import ABORT, AsgiApp, Message, Receive, Scope, Send, read_body
from ostiary.testing.rooms import answers
from ostiary.testing.rooms.answers import Answer, Call, Filters, Keys, fixed, nothing
from ostiary.testing.rooms.house import FakeRooms
from ostiary.testing.rooms.syncing import has_news, place_of, sync_of

WHOAMI: Final = "/_matrix/client/v3/account/whoami"
_PREFIXES: Final = tuple(f"/_matrix/client/{version}/" for version in ("v3", "r0", "v1", "unstable"))
_HOLE: Final = ""

NOT_SUSPENDED: Final = (answers.create_room, answers.join, answers.invite, answers.put_state, answers.send)
"""What a suspended user cannot do."""


def make_table() -> dict[tuple[str, str], Answer]:
    """The calls by method and path, with ``*`` for a hole."""
    keys, filters = Keys(), Filters()
    room, own = "rooms/*", "user/*"
    return {
        ("POST", "createRoom"): answers.create_room,
        ("POST", "join/*"): answers.join,
        ("POST", f"{room}/join"): answers.join,
        ("POST", f"{room}/leave"): answers.leave,
        ("POST", f"{room}/forget"): nothing,
        ("POST", f"{room}/invite"): answers.invite,
        ("GET", "joined_rooms"): answers.joined_rooms,
        ("GET", "directory/room/*"): answers.find_alias,
        ("GET", "publicRooms"): fixed({"chunk": []}),
        ("PUT", f"{room}/send/*/*"): answers.send,
        ("PUT", f"{room}/state/*"): answers.put_state,
        ("PUT", f"{room}/state/*/*"): answers.put_state,
        ("GET", f"{room}/state"): answers.all_state,
        ("GET", f"{room}/state/*"): answers.get_state,
        ("GET", f"{room}/state/*/*"): answers.get_state,
        ("GET", f"{room}/members"): answers.members,
        ("GET", f"{room}/joined_members"): answers.joined_members,
        ("GET", f"{room}/messages"): answers.no_messages,
        ("PUT", f"{room}/typing/*"): nothing,
        ("POST", f"{room}/receipt/*/*"): nothing,
        ("POST", f"{room}/read_markers"): nothing,
        ("POST", f"{own}/filter"): filters.add,
        ("GET", f"{own}/filter/*"): filters.get,
        ("PUT", f"{own}/account_data/*"): answers.put_account_data,
        ("GET", f"{own}/account_data/*"): answers.get_account_data,
        ("PUT", f"{own}/rooms/*/account_data/*"): answers.put_account_data,
        ("GET", f"{own}/rooms/*/account_data/*"): answers.get_account_data,
        ("POST", "keys/upload"): keys.upload,
        ("POST", "keys/query"): keys.query,
        ("POST", "keys/claim"): fixed({"one_time_keys": {}, "failures": {}}),
        ("GET", "keys/changes"): fixed({"changed": [], "left": []}),
        ("PUT", "sendToDevice/*/*"): answers.send_to_device,
        ("GET", "pushrules"): answers.PUSH_RULES,
        ("GET", "pushers"): fixed({"pushers": []}),
        ("GET", "voip/turnServer"): fixed({}),
        ("GET", "thirdparty/protocols"): fixed({}),
        ("PUT", "presence/*/status"): nothing,
        ("GET", "presence/*/status"): fixed({"presence": "offline"}),
        ("GET", "media/config"): fixed({"m.upload.size": answers.UPLOAD_LIMIT}),
    }


@dataclass(frozen=True)
class _Who:
    user_id: str
    device_id: str | None


class _Refused(Exception):
    """The server does not know the caller: its answer, to be passed on."""

    def __init__(self, sent: list[Message]) -> None:
        self.sent = sent


class RoomCalls:
    """The wrapper. ``app``: the server that it stands before. ``is_suspended``: whether a user is."""

    def __init__(self, app: AsgiApp, house: FakeRooms, is_suspended: Callable[[str], Awaitable[bool]]) -> None:
        self._app = app
        self._house = house
        self._is_suspended = is_suspended
        self._by_shape: dict[tuple[str, int], list[tuple[tuple[str, ...], Answer | None]]] = {}
        for (method, path), answer in make_table().items():
            self._add(method, path, answer)
        self._add("GET", "sync", None)

    def _add(self, method: str, path: str, answer: Answer | None) -> None:
        segments = tuple(_HOLE if segment == "*" else segment for segment in path.split("/"))
        self._by_shape.setdefault((method, len(segments)), []).append((segments, answer))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have the server answer it."""
        found = self.find(scope["method"], scope["raw_path"].decode("latin-1")) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        answer, arguments = found
        try:
            who = await self._who(scope)
            if answer in NOT_SUSPENDED and await self._is_suspended(who.user_id):
                raise UserSuspended
            body = _parsed(await read_body(receive))
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            call = Call(self._house, who.user_id, who.device_id, arguments, query, body)
            if answer is None:
                told = await self._sync(call, scope, receive)
            else:
                with self._house.changed:
                    told = answer(call)
            if told is not None:
                await _send(send, 200, json.dumps(told).encode())
        except _Refused as refusal:
            for message in refusal.sent:
                await send(message)
        except MatrixError as error:
            await _send(send, error.status, encode_error(error))

    def find(self, method: str, path: str) -> tuple[Answer | None, tuple[str, ...]] | None:
        """Whose call it is, with the path's arguments; an answer of None is ``/sync``'s."""
        prefix = next((one for one in _PREFIXES if path.startswith(one)), None)
        if prefix is None:
            return None
        asked = path.removeprefix(prefix).rstrip("/").split("/")
        for segments, answer in self._by_shape.get((method, len(asked)), ()):
            if all(segment in (_HOLE, one) for segment, one in zip(segments, asked, strict=True)):
                holes = (one for segment, one in zip(segments, asked, strict=True) if segment == _HOLE)
                return answer, tuple(unquote(one) for one in holes)
        return None

    async def _who(self, scope: Scope) -> _Who:
        """Who calls, as the server says. Raises _Refused."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Message) -> None:
            sent.append(message)

        headers = [one for one in scope["headers"] if one[0] not in (b"content-length", b"transfer-encoding")]
        question = {**scope, "method": "GET", "path": WHOAMI, "raw_path": WHOAMI.encode(), "headers": headers}
        await self._app(question, receive, keep)
        if sent[0]["status"] != 200:
            raise _Refused(sent)
        said = json.loads(b"".join(message.get("body", b"") for message in sent))
        return _Who(said["user_id"], said.get("device_id"))

    # --- /sync -------------------------------------------------------------------------------------------------------

    async def _sync(self, call: Call, scope: Scope, receive: Receive) -> Mapping[str, Any] | None:
        """The answer to ``/sync``, once there is something to tell or its time is over; None where nobody listens."""
        house = self._house
        since = place_of(call.query.get("since"))
        full = call.query.get("full_state") == "true"
        timeout = call.query.get("timeout", "0")
        deadline = house.clock.now() + (int(timeout) if timeout.isdigit() else 0)
        gone = asyncio.ensure_future(_gone(receive)) if ABORT in scope.get("extensions", {}) else None
        try:
            while True:
                wakings = house.wakings  # before looking, so that nothing that happens after it is slept through
                answer = sync_of(house, call.user_id, call.device_id, since, full=full)
                if since is None or full or not house.long_poll or house.is_closed:
                    return answer
                if has_news(answer) or house.clock.now() >= deadline:
                    return answer
                if not await _first(house.until_woken(wakings), gone):
                    return None
                await self._who(scope)  # whose token has died meanwhile is told now
        finally:
            if gone is not None:
                gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(wait: Coroutine[Any, Any, None], gone: "asyncio.Future[None] | None") -> bool:
    """Wait for the one; False where the client has gone first."""
    waiting = asyncio.ensure_future(wait)
    try:
        await asyncio.wait({waiting} if gone is None else {waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return gone is None or not gone.done()


def _parsed(body: bytes) -> Mapping[str, Any]:
    """A body as an object. Raises NotJson, BadJson."""
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise NotJson from None
    if not isinstance(value, dict):
        raise BadJson
    return value


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [*ALWAYS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
