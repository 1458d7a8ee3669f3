"""The faked calls, a function each: from what was asked to what is answered. Not the product; see the package.

Must not know of HTTP nor of tokens: who calls has been found out before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ostiary.api.errors import Forbidden, NotFound
from ostiary.testing.rooms.house import FakeRooms

UPLOAD_LIMIT: Final = 10_000_000

_EMPTY_RULES: Final[dict[str, Any]] = {
    "global": {"override": [], "content": [], "room": [], "sender": [], "underride": []}
}


@dataclass(frozen=True)
class Call:
    """A request. ``arguments``: what stands in the holes of the path, in their order."""

    house: FakeRooms
    user_id: str
    device_id: str | None
    arguments: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]


Answer = Callable[[Call], Any]


def nothing(_call: Call) -> Any:
    """An empty object: for what is taken and forgotten."""
    return {}


def fixed(value: Any) -> Answer:
    """The same for everybody."""
    return lambda _call: value


# --- Rooms -----------------------------------------------------------------------------------------------------------


def create_room(call: Call) -> Any:
    """``POST /createRoom``."""
    body = call.body
    is_public = body.get("preset") == "public_chat" or body.get("visibility") == "public"
    room_id = call.house.create(
        call.user_id,
        name=body.get("name"),
        topic=body.get("topic"),
        alias=body.get("room_alias_name"),
        invite=body.get("invite") or (),
        public=is_public,
        initial_state=body.get("initial_state") or (),
        direct=bool(body.get("is_direct")),
    )
    return {"room_id": room_id}


def join(call: Call) -> Any:
    """``POST /join/{roomIdOrAlias}`` and ``POST /rooms/{roomId}/join``."""
    return {"room_id": call.house.join(call.arguments[0], call.user_id)}


def leave(call: Call) -> Any:
    """``POST /rooms/{roomId}/leave``."""
    call.house.leave(call.arguments[0], call.user_id)
    return {}


def invite(call: Call) -> Any:
    """``POST /rooms/{roomId}/invite``."""
    call.house.invite(call.arguments[0], call.user_id, str(call.body.get("user_id", "")))
    return {}


def joined_rooms(call: Call) -> Any:
    """``GET /joined_rooms``."""
    rooms = call.house.rooms.values()
    return {"joined_rooms": [room.room_id for room in rooms if room.membership(call.user_id) == "join"]}


def find_alias(call: Call) -> Any:
    """``GET /directory/room/{roomAlias}``."""
    return {"room_id": call.house.room(call.arguments[0]).room_id, "servers": [call.house.server_name]}


# --- Events ----------------------------------------------------------------------------------------------------------


def send(call: Call) -> Any:
    """``PUT /rooms/{roomId}/send/{eventType}/{txnId}``. Sent again with the same ID, an event is not sent twice."""
    room_id, kind, transaction = call.arguments
    key = (call.user_id, call.device_id, room_id, transaction)
    sent = call.house.sent
    if key not in sent:
        call.house.joined_room(room_id, call.user_id)
        sent[key] = call.house.put(room_id, call.user_id, kind, call.body)["event_id"]
    return {"event_id": sent[key]}


def put_state(call: Call) -> Any:
    """``PUT /rooms/{roomId}/state/{eventType}/{stateKey}``."""
    room_id, kind, *key = call.arguments
    call.house.joined_room(room_id, call.user_id)
    return {"event_id": call.house.put(room_id, call.user_id, kind, call.body, key[0] if key else "")["event_id"]}


def get_state(call: Call) -> Any:
    """``GET /rooms/{roomId}/state/{eventType}/{stateKey}``."""
    room_id, kind, *key = call.arguments
    found = call.house.joined_room(room_id, call.user_id).state.get((kind, key[0] if key else ""))
    if found is None:
        raise NotFound("The room has no such state")
    return found[1]["content"]


def all_state(call: Call) -> Any:
    """``GET /rooms/{roomId}/state``."""
    return [event for _, event in call.house.joined_room(call.arguments[0], call.user_id).state.values()]


def members(call: Call) -> Any:
    """``GET /rooms/{roomId}/members``."""
    room = call.house.joined_room(call.arguments[0], call.user_id)
    return {"chunk": [event for (kind, _), (_, event) in room.state.items() if kind == "m.room.member"]}


def joined_members(call: Call) -> Any:
    """``GET /rooms/{roomId}/joined_members``."""
    room = call.house.joined_room(call.arguments[0], call.user_id)
    return {"joined": {user_id: {} for user_id in room.joined()}}


def no_messages(call: Call) -> Any:
    """``GET /rooms/{roomId}/messages``: there is no history."""
    call.house.joined_room(call.arguments[0], call.user_id)
    return {"chunk": [], "start": call.query.get("from", "s0")}


# --- What is kept for a user -----------------------------------------------------------------------------------------


class Filters:
    """``POST /user/{userId}/filter`` and ``GET …/filter/{filterId}``. They are kept, and filter nothing."""

    def __init__(self) -> None:
        self._kept: list[Mapping[str, Any]] = []

    def add(self, call: Call) -> Any:
        """Keep a filter."""
        _ensure_own(call)
        self._kept.append(call.body)
        return {"filter_id": str(len(self._kept) - 1)}

    def get(self, call: Call) -> Any:
        """A filter."""
        _ensure_own(call)
        number = call.arguments[1]
        if not number.isdigit() or int(number) >= len(self._kept):
            raise NotFound("There is no such filter")
        return self._kept[int(number)]


def put_account_data(call: Call) -> Any:
    """``PUT /user/{userId}/account_data/{type}``, and that of a room."""
    _ensure_own(call)
    room_id, kind = _room_and_kind(call)
    house = call.house
    house.account_data[(call.user_id, room_id, kind)] = (
        house.next_place(), {"type": kind, "content": dict(call.body)},
    )  # fmt: skip
    return {}


def get_account_data(call: Call) -> Any:
    """``GET /user/{userId}/account_data/{type}``, and that of a room."""
    _ensure_own(call)
    found = call.house.account_data.get((call.user_id, *_room_and_kind(call)))
    if found is None:
        raise NotFound("There is no such account data")
    return found[1]["content"]


def _room_and_kind(call: Call) -> tuple[str, str]:
    _, *room_id, kind = call.arguments
    return (room_id[0] if room_id else ""), kind


def _ensure_own(call: Call) -> None:
    if call.arguments[0] != call.user_id:
        raise Forbidden("This is another user's")


# --- Devices ---------------------------------------------------------------------------------------------------------


class Keys:
    """``/keys/…``: device keys are kept as they come; one-time keys are counted and given to nobody."""

    def __init__(self) -> None:
        self._devices: dict[str, dict[str, Any]] = {}
        self._counts: dict[tuple[str, str], dict[str, int]] = {}

    def upload(self, call: Call) -> Any:
        """``POST /keys/upload``."""
        device_id = call.device_id or ""
        if keys := call.body.get("device_keys"):
            self._devices.setdefault(call.user_id, {})[device_id] = keys
        counts = self._counts.setdefault((call.user_id, device_id), {})
        for name in call.body.get("one_time_keys") or {}:
            algorithm = name.partition(":")[0]
            counts[algorithm] = counts.get(algorithm, 0) + 1
        return {"one_time_key_counts": counts}

    def query(self, call: Call) -> Any:
        """``POST /keys/query``."""
        wanted = call.body.get("device_keys") or {}
        return {"device_keys": {user_id: self._devices.get(user_id, {}) for user_id in wanted}, "failures": {}}


def send_to_device(call: Call) -> Any:
    """``PUT /sendToDevice/{eventType}/{txnId}``. ``*`` for all devices is not known here."""
    house, kind = call.house, call.arguments[0]
    for user_id, devices in (call.body.get("messages") or {}).items():
        for device_id, content in devices.items():
            event = {"type": kind, "sender": call.user_id, "content": content}
            house.to_device.setdefault((user_id, device_id), []).append((house.next_place(), event))
    return {}


PUSH_RULES: Final = fixed(_EMPTY_RULES)
"""``GET /pushrules/``."""
