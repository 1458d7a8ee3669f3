"""What has happened since, as ``/sync`` tells it. Not the product; see the package. Must not know of HTTP."""

from typing import Any, Final

from ostiary.testing.rooms.house import MEMBER, Event, FakeRooms, Room

SHOWN_AT_FIRST: Final = 20
"""Events of a room that a first sync tells."""

_STRIPPED: Final = ("m.room.create", "m.room.name", "m.room.join_rules", "m.room.canonical_alias")


def token_of(place: int) -> str:
    """A place as the token that clients are given."""
    return f"s{place}"


def place_of(token: str | None) -> int | None:
    """The place that a token stands for; None for none, and for one of elsewhere."""
    return int(token[1:]) if token and token[0] == "s" and token[1:].isdigit() else None


def sync_of(house: FakeRooms, user_id: str, device_id: str | None, since: int | None, *, full: bool) -> dict[str, Any]:
    """The answer. ``since`` None: everything; ``full``: the whole state in any case."""
    with house.changed:
        rooms: dict[str, dict[str, Any]] = {"join": {}, "invite": {}, "leave": {}}
        for room in house.rooms.values():
            _tell(room, user_id, since, rooms, full=full)
        for room_id, joined in rooms["join"].items():
            joined["account_data"]["events"] = _account_data(house, user_id, room_id, since)
        return {
            "next_batch": token_of(house.position),
            "rooms": rooms,
            "account_data": {"events": _account_data(house, user_id, "", since)},
            "to_device": {"events": _to_device(house, user_id, device_id, since)},
            "presence": {"events": []},
            "device_lists": {"changed": [], "left": []},
            "device_one_time_keys_count": {},
            "device_unused_fallback_key_types": [],
        }


def has_news(answer: dict[str, Any]) -> bool:
    """Whether there is anything in an answer."""
    return any(answer["rooms"].values()) or any(answer[part]["events"] for part in ("account_data", "to_device"))


def _tell(room: Room, user_id: str, since: int | None, rooms: dict[str, dict[str, Any]], *, full: bool) -> None:
    found = room.state.get((MEMBER, user_id))
    if found is None:
        return
    place, event = found
    is_new = since is None or place > since
    match event["content"]["membership"]:
        case "join":
            joined = _joined(room, None if is_new else since, full=full)
            if full or is_new or joined["timeline"]["events"]:
                rooms["join"][room.room_id] = joined
        case "invite" if is_new:
            rooms["invite"][room.room_id] = {"invite_state": {"events": _stripped(room, user_id)}}
        case "leave" if since is not None and is_new:
            rooms["leave"][room.room_id] = _joined(room, since, full=False)
        case _:
            pass


def _joined(room: Room, since: int | None, *, full: bool) -> dict[str, Any]:
    shown = room.timeline[-SHOWN_AT_FIRST:] if since is None else [one for one in room.timeline if one[0] > since]
    first = shown[0][0] if shown else None
    told = [event for place, event in room.state.values() if first is None or place < first]
    return {
        "timeline": {
            "events": [event for _, event in shown],
            "limited": since is None and len(shown) < len(room.timeline),
            "prev_batch": token_of(first or 0),
        },
        "state": {"events": told if full or since is None else []},
        "ephemeral": {"events": []},
        "account_data": {"events": []},
        "unread_notifications": {"highlight_count": 0, "notification_count": 0},
        "summary": {},
    }


def _stripped(room: Room, user_id: str) -> list[Event]:
    events = [room.state[(kind, "")][1] for kind in _STRIPPED if (kind, "") in room.state]
    events.append(room.state[(MEMBER, user_id)][1])
    return [{name: event[name] for name in ("type", "state_key", "sender", "content")} for event in events]


def _account_data(house: FakeRooms, user_id: str, room_id: str, since: int | None) -> list[Event]:
    return [
        event
        for (owner, room, _), (place, event) in house.account_data.items()
        if owner == user_id and room == room_id and (since is None or place > since)
    ]


def _to_device(house: FakeRooms, user_id: str, device_id: str | None, since: int | None) -> list[Event]:
    """What was sent to a device; what it has acknowledged by a newer token is forgotten."""
    key = (user_id, device_id or "")
    left = [one for one in house.to_device.get(key, []) if since is None or one[0] > since]
    house.to_device[key] = left
    return [event for _, event in left]
