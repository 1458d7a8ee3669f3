"""Lists page by page: of a server that is real, and of some that no server should be."""

import json
from typing import Any, get_type_hints

import pytest

from ostiary.api.administration.accounts import ListAccounts
from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.audit import GetAudit
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint, response_type
from ostiary.api.http import HttpRequest
from ostiary.api.secret import Secret
from ostiary.api.whoami import WhoAmI
from ostiary.client import AsyncClient, AsyncSession, Client, PagesRepeat, Session, SessionRecord
from ostiary.client.paging import NEXT
from tests.client.scripted import BASE, Reply, Script, reply
from tests.world import BASE_URL, World

RECORD = SessionRecord(BASE, "@a:b", "D", Secret("t"))


class Shelf:
    """Serves 23 events in pages, in both directions; the token of a page is the index where it begins."""

    def __init__(self) -> None:
        self.script = Script(by=self._answer)

    def _answer(self, request: HttpRequest) -> Reply:
        query = dict(request.query)
        events = [_event(number) for number in range(23)]
        if query.get("dir") != "f":
            events.reverse()
        start, limit = int(query.get("from", 0)), int(query.get("limit", 5))
        page: dict[str, Any] = {"events": events[start : start + limit]}
        return reply(200, page | ({"next_batch": str(start + limit)} if start + limit < len(events) else {}))

    def session(self) -> Session:
        return Client(BASE, world=self.script.world()).restore(RECORD)

    def async_session(self) -> AsyncSession:
        return AsyncClient(BASE, world=self.script.async_world()).restore(RECORD)


def _event(number: int) -> dict[str, Any]:
    return {"event_id": number, "kind": "k", "happened_at": 0, "address": "", "user_agent": "", "detail": {}}


@pytest.mark.parametrize(("direction", "expected"), [("f", list(range(23))), ("b", list(reversed(range(23))))])
class TestBothDirections:
    def test_every_entry_once_and_in_order(self, direction: str, expected: list[int]) -> None:
        pages = Shelf().session().pages(GetAudit(direction=direction, limit=7))
        assert [event.event_id for event in pages.items()] == expected
        assert pages.token is None

    async def test_asynchronously(self, direction: str, expected: list[int]) -> None:
        pages = Shelf().async_session().pages(GetAudit(direction=direction, limit=7))
        assert [event.event_id async for event in pages.items()] == expected
        assert pages.token is None


class TestBounds:
    @pytest.mark.parametrize(
        ("bounds", "count"), [({"max_pages": 2}, 10), ({"max_items": 6}, 10), ({"max_items": 0}, 0)]
    )
    def test_stops_and_goes_on_later(self, bounds: dict[str, Any], count: int) -> None:
        shelf = Shelf()
        session, request = shelf.session(), GetAudit(direction="f")
        pages = session.pages(request, **bounds)
        first = [event.event_id for event in pages.items()]
        assert first == list(range(count))
        rest = session.pages(request, start=pages.token)
        assert first + [event.event_id for event in rest.items()] == list(range(23))

    def test_going_through_in_two_loops_asks_for_nothing_twice(self) -> None:
        shelf = Shelf()
        pages = shelf.session().pages(GetAudit(direction="f"))
        first = next(iter(pages))
        assert [len(page.events) for page in (first, *pages)] == [5, 5, 5, 5, 3]
        assert len(shelf.script.asked) == 5

    async def test_asynchronously(self) -> None:
        pages = Shelf().async_session().pages(GetAudit(direction="f"), max_pages=2)
        assert [len(page.events) async for page in pages] == [5, 5]
        assert pages.token == "10"


class TestOddServers:
    def test_circle_is_left(self) -> None:
        script = Script(by=lambda _: reply(200, {"events": [], "next_batch": "again"}))
        pages = Client(BASE, world=script.world()).restore(RECORD).pages(GetAudit())
        with pytest.raises(PagesRepeat, match="never end"):
            list(pages)
        assert len(script.asked) == 2

    def test_null_and_nothing_are_the_end(self) -> None:
        script = Script([reply(200, {"events": [], "next_batch": None})])
        assert len(list(Client(BASE, world=script.world()).restore(RECORD).pages(GetAudit()))) == 1

    def test_call_without_pages_is_told(self) -> None:
        with pytest.raises(TypeError, match="WhoAmI"):
            Shelf().session().pages(WhoAmI())


LISTS = [endpoint for endpoint in (*ENDPOINTS, *ADMIN_ENDPOINTS) if "from" in endpoint.__struct_encode_fields__]


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.__name__)
def test_every_list_of_the_contract_comes_in_the_same_pages(endpoint: type[Endpoint[Any]]) -> None:
    """One list to a page, and one name for where it goes on; or its answers could not be gone through by ``pages``."""
    hints = get_type_hints(response_type(endpoint))
    lists = [name for name, hint in hints.items() if "tuple[" in str(hint) and not name.startswith("_")]
    assert len(lists) == 1
    assert len([name for name in NEXT if name in hints]) == 1
    assert "limit" in endpoint.__struct_encode_fields__


def test_there_are_lists() -> None:
    assert len(LISTS) > 3


class TestRealServer:
    async def test_own_events_and_all_accounts(self, world: World) -> None:
        account = await world.register("admin")
        await world.sql("UPDATE accounts SET is_admin = 1 WHERE localpart = 'admin'")
        for _ in range(12):
            await world.register()
        client = AsyncClient(BASE_URL, transport=world.transport())
        session = client.restore(
            SessionRecord(BASE_URL, account.user_id, account.device_id, Secret(account.access_token))
        )
        for direction in "fb":
            names = [entry.user_id async for entry in session.pages(ListAccounts(limit=5, direction=direction)).items()]
            assert len(names) == len(set(names)) == 13
        kinds = [event.kind async for event in session.pages(GetAudit(limit=1)).items()]
        assert kinds
        assert json.dumps(kinds)
