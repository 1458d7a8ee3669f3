"""The faked rooms: what clients need to start up, how /sync waits, and that nothing of the product is covered."""

import json
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.testing import Account, Server, serve
from ostiary.testing.rooms.calls import RoomCalls


def call(server: Server, method: str, path: str, body: Any = None, account: Account | None = None) -> tuple[int, Any]:
    headers = {} if account is None else {"Authorization": f"Bearer {account.access_token}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/_matrix/client/{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def asked(server: Server, method: str, path: str, body: Any = None, account: Account | None = None) -> Any:
    status, said = call(server, method, path, body, account)
    assert status == 200, said
    return said


class Waiting:
    """A /sync in a thread of its own."""

    def __init__(self, server: Server, account: Account, since: str, timeout_ms: int = 30_000) -> None:
        self.answer: tuple[int, Any] | None = None
        path = f"v3/sync?since={since}&timeout={timeout_ms}"

        def run() -> None:
            self.answer = call(server, "GET", path, None, account)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def joined(self) -> tuple[int, Any]:
        self._thread.join(timeout=20)
        assert self.answer is not None
        return self.answer


@pytest.fixture
def alice(ostiary: Server) -> Account:
    return ostiary.account("alice")


@pytest.fixture
def bob(ostiary: Server) -> Account:
    return ostiary.account("bob")


def test_no_call_of_the_product_is_covered(ostiary_app: Server) -> None:
    async def is_suspended(user_id: str) -> bool:
        return False

    calls = RoomCalls(ostiary_app.app, ostiary_app.rooms, is_suspended)
    for endpoint in (*ENDPOINTS, *ADMIN_ENDPOINTS):
        for path in endpoint.meta.history:
            assert calls.find(endpoint.meta.method, path) is None, path


def test_without_rooms_their_calls_are_unknown() -> None:
    with serve(rooms=False) as server:
        alice = server.account("alice")
        assert call(server, "GET", "v3/sync", account=alice)[1]["errcode"] == "M_UNRECOGNIZED"


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "v3/joined_rooms", None, {"joined_rooms": []}),
        ("GET", "v3/voip/turnServer", None, {}),
        ("GET", "r0/thirdparty/protocols", None, {}),
        ("POST", "v3/keys/upload", {"one_time_keys": {"signed_curve25519:A": {}, "signed_curve25519:B": {}}},
         {"one_time_key_counts": {"signed_curve25519": 2}}),
        ("POST", "v3/keys/query", {"device_keys": {"@alice:localhost": []}},
         {"device_keys": {"@alice:localhost": {}}, "failures": {}}),
        ("POST", "v3/user/@alice:localhost/filter", {"room": {}}, {"filter_id": "0"}),
        ("GET", "v1/media/config", None, {"m.upload.size": 10_000_000}),
        ("PUT", "v3/presence/%40alice%3Alocalhost/status", {"presence": "online"}, {}),
    ],
)  # fmt: skip
def test_calls_of_a_start_up(
    ostiary: Server, alice: Account, method: str, path: str, body: Any, said: Any
) -> None:  # fmt: skip
    assert asked(ostiary, method, path, body, alice) == said


def test_push_rules_filters_and_account_data(ostiary: Server, alice: Account) -> None:
    assert asked(ostiary, "GET", "v3/pushrules/", account=alice)["global"]["override"] == []
    asked(ostiary, "POST", "v3/user/@alice:localhost/filter", {"room": {"timeline": {"limit": 1}}}, alice)
    assert asked(ostiary, "GET", "v3/user/@alice:localhost/filter/0", account=alice)["room"]
    asked(ostiary, "PUT", "v3/user/@alice:localhost/account_data/m.direct", {"x": 1}, alice)
    assert asked(ostiary, "GET", "v3/user/@alice:localhost/account_data/m.direct", account=alice) == {"x": 1}
    assert asked(ostiary, "GET", "v3/sync", account=alice)["account_data"]["events"][0]["content"] == {"x": 1}
    assert call(ostiary, "GET", "v3/user/@bob:localhost/filter/0", account=alice)[0] == 403


def test_the_server_says_who_calls(ostiary: Server, alice: Account) -> None:
    assert call(ostiary, "GET", "v3/joined_rooms")[1]["errcode"] == "M_MISSING_TOKEN"
    ostiary.lock(alice)
    assert call(ostiary, "GET", "v3/joined_rooms", account=alice)[1]["errcode"] == "M_USER_LOCKED"


def test_a_room_from_invitation_to_departure(ostiary: Server, alice: Account, bob: Account) -> None:
    body = {"name": "Hall", "invite": [bob.user_id], "room_alias_name": "hall", "preset": "private_chat"}
    room_id = asked(ostiary, "POST", "v3/createRoom", body, alice)["room_id"]
    first = asked(ostiary, "GET", "v3/sync", account=bob)
    invited = first["rooms"]["invite"][room_id]["invite_state"]["events"]
    assert {event["type"] for event in invited} >= {"m.room.member", "m.room.name"}
    assert call(ostiary, "GET", f"v3/rooms/{room_id}/state", account=bob)[0] == 403

    assert asked(ostiary, "POST", "v3/join/%23hall%3Alocalhost", {}, bob) == {"room_id": room_id}
    second = asked(ostiary, "GET", f"v3/sync?since={first['next_batch']}", account=bob)
    joined = second["rooms"]["join"][room_id]
    assert {event["type"] for event in joined["state"]["events"] + joined["timeline"]["events"]} >= {"m.room.create"}

    sent = f"v3/rooms/{room_id}/send/m.room.message/1"
    event_id = asked(ostiary, "PUT", sent, {"msgtype": "m.text", "body": "hello"}, alice)["event_id"]
    assert asked(ostiary, "PUT", sent, {"msgtype": "m.text", "body": "hello"}, alice)["event_id"] == event_id
    third = asked(ostiary, "GET", f"v3/sync?since={second['next_batch']}", account=bob)
    told = third["rooms"]["join"][room_id]
    assert [event["content"]["body"] for event in told["timeline"]["events"]] == ["hello"]
    assert told["state"]["events"] == []
    assert ostiary.rooms.messages(room_id, alice.user_id) == ["hello"]

    name = f"v3/rooms/{room_id}/state/m.room.name"
    asked(ostiary, "PUT", f"{name}/", {"name": "Attic"}, bob)
    assert asked(ostiary, "GET", name, account=alice) == {"name": "Attic"}
    assert asked(ostiary, "GET", f"v3/rooms/{room_id}/messages?dir=b", account=bob)["chunk"] == []
    assert len(asked(ostiary, "GET", f"v3/rooms/{room_id}/joined_members", account=bob)["joined"]) == 2

    asked(ostiary, "POST", f"v3/rooms/{room_id}/leave", {}, bob)
    fourth = asked(ostiary, "GET", f"v3/sync?since={third['next_batch']}", account=bob)
    assert room_id in fourth["rooms"]["leave"]
    assert asked(ostiary, "GET", "v3/joined_rooms", account=bob) == {"joined_rooms": []}


def test_strangers_are_kept_out(ostiary: Server, alice: Account, bob: Account) -> None:
    room_id = ostiary.rooms.create(alice.user_id)
    assert call(ostiary, "POST", f"v3/join/{room_id}", {}, bob)[0] == 403
    assert call(ostiary, "PUT", f"v3/rooms/{room_id}/send/m.room.message/1", {}, bob)[0] == 403
    assert call(ostiary, "POST", "v3/join/!nowhere:localhost", {}, bob)[0] == 404
    public = ostiary.rooms.create(alice.user_id, public=True)
    assert call(ostiary, "POST", f"v3/join/{public}", {}, bob)[0] == 200


def test_suspended_users_say_nothing(ostiary: Server, alice: Account) -> None:
    room_id = ostiary.rooms.create(alice.user_id)
    ostiary.suspend(alice)
    assert asked(ostiary, "GET", "v3/joined_rooms", account=alice) == {"joined_rooms": [room_id]}
    sent = f"v3/rooms/{room_id}/send/m.room.message/1"
    assert call(ostiary, "PUT", sent, {"body": "hello"}, alice)[1]["errcode"] == "M_USER_SUSPENDED"


def test_messages_to_devices_come_once(ostiary: Server, alice: Account, bob: Account) -> None:
    body = {"messages": {bob.user_id: {bob.device_id: {"x": 1}}}}
    asked(ostiary, "PUT", "v3/sendToDevice/m.some/1", body, alice)
    first = asked(ostiary, "GET", "v3/sync", account=bob)
    assert first["to_device"]["events"] == [{"type": "m.some", "sender": alice.user_id, "content": {"x": 1}}]
    assert asked(ostiary, "GET", f"v3/sync?since={first['next_batch']}", account=bob)["to_device"]["events"] == []


class TestWaiting:
    def test_sync_waits_for_an_event(self, ostiary: Server, alice: Account, bob: Account) -> None:
        room_id = ostiary.rooms.create(alice.user_id, invite=[bob.user_id])
        ostiary.rooms.join(room_id, bob.user_id)
        since = asked(ostiary, "GET", "v3/sync", account=bob)["next_batch"]
        waiting = Waiting(ostiary, bob, since)
        ostiary.rooms.say(room_id, alice.user_id, "hello")
        status, said = waiting.joined()
        assert status == 200
        assert said["rooms"]["join"][room_id]["timeline"]["events"][0]["content"]["body"] == "hello"

    def test_sync_ends_by_the_tests_clock(self, ostiary: Server, alice: Account) -> None:
        since = asked(ostiary, "GET", "v3/sync", account=alice)["next_batch"]
        waiting = Waiting(ostiary, alice, since, 1_000)
        ostiary.rooms.wait_for(lambda: ostiary.rooms.waiting)
        ostiary.clock.advance(999)
        assert waiting.answer is None
        ostiary.clock.advance(1)
        assert waiting.joined()[0] == 200
        assert ostiary.requests("/account/whoami") == []  # the wrapper's own questions are nobody's requests

    def test_sync_tells_of_a_token_that_dies_meanwhile(self, ostiary: Server, alice: Account) -> None:
        since = asked(ostiary, "GET", "v3/sync", account=alice)["next_batch"]
        waiting = Waiting(ostiary, alice, since)
        ostiary.soft_logout(alice)
        status, said = waiting.joined()
        assert (status, said["errcode"], said["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)

    def test_sync_can_be_asked_not_to_wait(self) -> None:
        with serve(long_poll=False) as server:
            alice = server.account("alice")
            since = asked(server, "GET", "v3/sync", account=alice)["next_batch"]
            assert asked(server, "GET", f"v3/sync?since={since}&timeout=30000", account=alice)["rooms"]["join"] == {}

    def test_server_ends_while_somebody_waits(self) -> None:
        with serve() as server:
            alice = server.account("alice")
            since = asked(server, "GET", "v3/sync", account=alice)["next_batch"]
            path = f"{server.url}/_matrix/client/v3/sync?since={since}&timeout=30000"
            ended = threading.Event()

            def wait() -> None:
                request = urllib.request.Request(path, headers={"Authorization": f"Bearer {alice.access_token}"})
                try:
                    with urllib.request.urlopen(request, timeout=20) as response:
                        response.read()
                except (urllib.error.URLError, ConnectionError):
                    pass
                ended.set()

            threading.Thread(target=wait, daemon=True).start()
            server.rooms.wait_for(lambda: server.rooms.waiting)
        assert ended.wait(timeout=20)

    def test_what_does_not_happen_is_told(self, ostiary: Server) -> None:
        with pytest.raises(TimeoutError):
            ostiary.rooms.wait_for(lambda: False, timeout_s=0.01)
