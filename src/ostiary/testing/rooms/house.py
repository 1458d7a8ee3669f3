"""The faked rooms themselves, and what a test does with them directly. Not the product; see the package.

Must not know of HTTP. Kept by one lock, since tests and the server's event loop come from different threads.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ostiary.api.errors import Forbidden, NotFound, RoomInUse
from ostiary.testing.clock import TurnableClock

Event = dict[str, Any]

MEMBER: Final = "m.room.member"
WAIT_S: Final = 10.0


@dataclass
class Room:
    """A room. ``timeline``: its events with their places in the order of all that has happened."""

    room_id: str
    timeline: list[tuple[int, Event]] = field(default_factory=list)
    state: dict[tuple[str, str], tuple[int, Event]] = field(default_factory=dict)

    def membership(self, user_id: str) -> str | None:
        """``join``, ``invite``, ``leave``, or None for a stranger."""
        found = self.state.get((MEMBER, user_id))
        return None if found is None else str(found[1]["content"]["membership"])

    def is_public(self) -> bool:
        """Whether anybody may join."""
        found = self.state.get(("m.room.join_rules", ""))
        return found is not None and found[1]["content"].get("join_rule") == "public"

    def joined(self) -> list[str]:
        """The members."""
        return [key for (kind, key) in self.state if kind == MEMBER and self.membership(key) == "join"]


class FakeRooms:
    """All of the rooms. Users are named by their IDs."""

    def __init__(
        self, clock: TurnableClock, server_name: str, loop: asyncio.AbstractEventLoop, *, long_poll: bool
    ) -> None:  # fmt: skip
        self.clock = clock
        self.server_name = server_name
        self.long_poll = long_poll
        self.is_closed = False
        self.changed = threading.Condition(threading.RLock())
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.position = 0
        self.account_data: dict[tuple[str, str, str], tuple[int, Event]] = {}
        self.to_device: dict[tuple[str, str], list[tuple[int, Event]]] = {}
        self.sent: dict[tuple[str | None, ...], str] = {}
        self._ids = itertools.count(1)
        self._loop = loop
        self._waiting: set[asyncio.Event] = set()
        self.wakings = 0

    # --- What tests do -----------------------------------------------------------------------------------------------

    def create(
        self,
        creator: str,
        *,
        name: str | None = None,
        topic: str | None = None,
        alias: str | None = None,
        invite: Sequence[str] = (),
        public: bool = False,
        initial_state: Sequence[Mapping[str, Any]] = (),
        direct: bool = False,
    ) -> str:
        """Make a room with its creator in it, and return its ID. ``alias``: without ``#`` and server name."""
        with self.changed:
            full_alias = f"#{alias}:{self.server_name}"
            if alias is not None and full_alias in self.aliases:
                raise RoomInUse
            room_id = f"!room{next(self._ids)}:{self.server_name}"
            self.rooms[room_id] = Room(room_id)
            self.put(room_id, creator, "m.room.create", {"room_version": "11", "creator": creator}, "")
            self.put(room_id, creator, MEMBER, {"membership": "join"}, creator)
            self.put(room_id, creator, "m.room.power_levels", {"users": {creator: 100}}, "")
            self.put(room_id, creator, "m.room.join_rules", {"join_rule": "public" if public else "invite"}, "")
            for event in initial_state:
                self.put(room_id, creator, event["type"], event.get("content", {}), event.get("state_key", ""))
            if name is not None:
                self.put(room_id, creator, "m.room.name", {"name": name}, "")
            if topic is not None:
                self.put(room_id, creator, "m.room.topic", {"topic": topic}, "")
            if alias is not None:
                self.aliases[full_alias] = room_id
                self.put(room_id, creator, "m.room.canonical_alias", {"alias": full_alias}, "")
            for user_id in invite:
                self.put(room_id, creator, MEMBER, {"membership": "invite", "is_direct": direct}, user_id)
            return room_id

    def invite(self, room_id: str, by: str, user_id: str) -> None:
        """Invite a user. Raises NotFound, Forbidden."""
        with self.changed:
            if self.joined_room(room_id, by).membership(user_id) == "join":
                raise Forbidden("The user is in the room already")
            self.put(room_id, by, MEMBER, {"membership": "invite"}, user_id)

    def join(self, room_id_or_alias: str, user_id: str) -> str:
        """Join a room that one is invited to, or that is public, and return its ID. Raises NotFound, Forbidden."""
        with self.changed:
            room = self.room(room_id_or_alias)
            membership = room.membership(user_id)
            if membership == "join":
                return room.room_id
            if membership != "invite" and not room.is_public():
                raise Forbidden("One has to be invited to this room")
            self.put(room.room_id, user_id, MEMBER, {"membership": "join"}, user_id)
            return room.room_id

    def leave(self, room_id: str, user_id: str) -> None:
        """Leave a room, or decline an invitation. Raises NotFound, Forbidden."""
        with self.changed:
            if self.room(room_id).membership(user_id) not in ("join", "invite"):
                raise Forbidden("One is not in this room")
            self.put(room_id, user_id, MEMBER, {"membership": "leave"}, user_id)

    def say(self, room_id: str, user_id: str, text: str) -> str:
        """Send a text message, and return the event's ID. Raises NotFound, Forbidden."""
        with self.changed:
            self.joined_room(room_id, user_id)
            return str(self.put(room_id, user_id, "m.room.message", {"msgtype": "m.text", "body": text})["event_id"])

    def events(self, room_id: str) -> list[Event]:
        """All events of a room, oldest first."""
        with self.changed:
            return [event for _, event in self.room(room_id).timeline]

    def messages(self, room_id: str, sender: str | None = None) -> list[str]:
        """The bodies of a room's messages, oldest first, or of one user's."""
        return [
            event["content"].get("body", "")
            for event in self.events(room_id)
            if event["type"] == "m.room.message" and sender in (None, event["sender"])
        ]

    def wait_for(self, is_so: Callable[[], object], timeout_s: float = WAIT_S) -> None:
        """Wait until something is so, looking whenever anything happens in a room. Raises TimeoutError.

        Holds the thread up: where client and test share an event loop, use :meth:`await_for`.
        """
        with self.changed:
            if not self.changed.wait_for(is_so, timeout_s):
                raise TimeoutError(f"Nothing of the kind has happened in {timeout_s} seconds")

    async def await_for(self, is_so: Callable[[], object], timeout_s: float = WAIT_S) -> None:
        """The same for asynchronous tests."""
        await asyncio.to_thread(self.wait_for, is_so, timeout_s)

    @property
    def waiting(self) -> int:
        """How many clients wait in ``/sync`` just now: ``rooms.wait_for(lambda: rooms.waiting)``."""
        return len(self._waiting)

    # --- What the calls do -------------------------------------------------------------------------------------------

    def room(self, room_id_or_alias: str) -> Room:
        """A room. Raises NotFound."""
        found = self.rooms.get(self.aliases.get(room_id_or_alias, room_id_or_alias))
        if found is None:
            raise NotFound("There is no such room")
        return found

    def joined_room(self, room_id: str, user_id: str) -> Room:
        """A room that a user is in. Raises NotFound, Forbidden."""
        room = self.room(room_id)
        if room.membership(user_id) != "join":
            raise Forbidden("One is not in this room")
        return room

    def put(
        self, room_id: str, sender: str, kind: str, content: Mapping[str, Any], state_key: str | None = None
    ) -> Event:  # fmt: skip
        """Add an event. To be called with the lock held."""
        event: Event = {
            "event_id": f"$event{next(self._ids)}",
            "room_id": room_id,
            "type": kind,
            "sender": sender,
            "origin_server_ts": self.clock.now(),
            "content": dict(content),
        }
        if state_key is not None:
            event["state_key"] = state_key
        room = self.rooms[room_id]
        place = self.next_place()
        room.timeline.append((place, event))
        if state_key is not None:
            room.state[(kind, state_key)] = (place, event)
        return event

    def next_place(self) -> int:
        """The place of what happens now. To be called with the lock held."""
        self.position += 1
        self.changed.notify_all()
        self.wake()
        return self.position

    # --- Waiting in /sync --------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Have those that wait in ``/sync`` look again. From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Let nobody wait any longer."""
        self.is_closed = True
        self._wake()

    async def until_woken(self, since: int) -> None:
        """Wait for :meth:`wake`, unless ``wakings`` is not ``since`` any longer. In the server's event loop."""
        if self.wakings != since:
            return
        woken = asyncio.Event()
        with self.changed:
            self._waiting.add(woken)
            self.changed.notify_all()
        try:
            await woken.wait()
        finally:
            self._waiting.discard(woken)

    def _wake(self) -> None:
        self.wakings += 1
        for woken in self._waiting:
            woken.set()
