"""Other people's clients against the ``ostiary`` fixture: from login by the first sync and a message to logout."""

import asyncio
import contextlib
import warnings
from pathlib import Path
from typing import Any

import pytest

from ostiary.testing import Server

PASSWORD = "correct horse battery"


class TestNio:
    async def test_start_up_greeting_and_logout(self, ostiary: Server) -> None:
        nio: Any = pytest.importorskip("nio")
        alice, bot = ostiary.account("alice"), ostiary.account("bot")
        room_id = ostiary.rooms.create(alice.user_id, invite=[bot.user_id])
        client = nio.AsyncClient(ostiary.url, bot.user_id)
        try:
            assert isinstance(await client.login(PASSWORD, device_name="nio"), nio.LoginResponse)
            first = await client.sync(timeout=0, full_state=True)
            assert isinstance(first, nio.SyncResponse), first
            assert list(client.invited_rooms) == [room_id]
            assert isinstance(await client.join(room_id), nio.JoinResponse)
            await client.sync(timeout=0)
            assert set(client.rooms[room_id].users) == {alice.user_id, bot.user_id}
            text = {"msgtype": "m.text", "body": "hello"}
            sent = await client.room_send(room_id, "m.room.message", text)
            assert isinstance(sent, nio.RoomSendResponse), sent
            assert ostiary.rooms.messages(room_id, bot.user_id) == ["hello"]
            assert isinstance(await client.room_messages(room_id, "s0"), nio.RoomMessagesResponse)
            assert isinstance(await client.joined_members(room_id), nio.JoinedMembersResponse)
            assert isinstance(await client.logout(), nio.LogoutResponse)
        finally:
            await client.close()
        assert ostiary.requests("/logout")[0].status == 200

    async def test_sync_forever_answers_and_is_told_when_it_is_over(self, ostiary: Server) -> None:
        nio: Any = pytest.importorskip("nio")
        alice, bot = ostiary.account("alice"), ostiary.account("bot", refreshes=False)
        room_id = ostiary.rooms.create(alice.user_id, public=True)
        client = nio.AsyncClient(ostiary.url, bot.user_id)
        client.restore_login(bot.user_id, bot.device_id, bot.access_token)

        async def greet(room: Any, event: Any) -> None:
            if event.sender != bot.user_id:
                content = {"msgtype": "m.text", "body": f"hello {event.sender}"}
                await client.room_send(room.room_id, "m.room.message", content)

        client.add_event_callback(greet, nio.RoomMessageText)
        await client.join(room_id)
        running = asyncio.create_task(client.sync_forever(timeout=30_000))
        try:
            await ostiary.rooms.await_for(lambda: ostiary.rooms.waiting)
            ostiary.rooms.say(room_id, alice.user_id, "anybody?")
            await ostiary.rooms.await_for(lambda: ostiary.rooms.messages(room_id, bot.user_id))
            assert ostiary.rooms.messages(room_id, bot.user_id) == ["hello @alice:localhost"]
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await client.close()


class TestMautrix:
    async def test_start_up_greeting_and_logout(self, ostiary: Server) -> None:
        pytest.importorskip("mautrix")
        from mautrix.client import Client
        from mautrix.types import EventType, Filter, MessageEvent, MessageType, RoomID, TextMessageEventContent, UserID

        alice, bot = ostiary.account("alice"), ostiary.account("bot")
        room_id = RoomID(ostiary.rooms.create(alice.user_id, invite=[bot.user_id]))
        client = Client(base_url=ostiary.url)
        heard: asyncio.Queue[str] = asyncio.Queue()

        async def listen(event: MessageEvent) -> None:
            heard.put_nowait(str(event.content.body))

        client.add_event_handler(EventType.ROOM_MESSAGE, listen)
        try:
            await client.login(UserID("bot"), password=PASSWORD, device_name="mautrix")
            assert await client.join_room(room_id) == room_id
            running = client.start(Filter())
            await ostiary.rooms.await_for(lambda: ostiary.rooms.waiting)
            ostiary.rooms.say(room_id, alice.user_id, "anybody?")
            async with asyncio.timeout(10):
                assert await heard.get() == "anybody?"
            await client.send_message(
                room_id, TextMessageEventContent(msgtype=MessageType.TEXT, body="hello")
            )  # fmt: skip
            assert ostiary.rooms.messages(room_id) == ["anybody?", "hello"]
            assert await client.get_joined_rooms() == [room_id]
            assert set(await client.get_joined_members(room_id)) == {alice.user_id, bot.user_id}
            client.stop()
            await asyncio.gather(running, return_exceptions=True)
            await client.logout()
        finally:
            await client.api.session.close()
        assert "/_matrix/client/v3/user/@bot:localhost/filter" in {one.path for one in ostiary.requests()}


class TestSimplematrixbotlib:
    async def test_bot_joins_and_greets(
        self, ostiary: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, and those of what it imports
            botlib: Any = pytest.importorskip("simplematrixbotlib")
        monkeypatch.chdir(tmp_path)
        alice, account = ostiary.account("alice"), ostiary.account("bot")
        config = botlib.Config()
        config.encryption_enabled = False
        config.join_on_invite = True
        config.store_path = str(tmp_path / "store")
        creds = botlib.Creds(ostiary.url, "bot", PASSWORD, session_stored_file=str(tmp_path / "session.txt"))
        bot = botlib.Bot(creds, config)

        async def greet(room: Any, message: Any) -> None:
            if botlib.MessageMatch(room, message, bot).is_not_from_this_bot():
                await bot.api.send_text_message(room.room_id, "hello")

        bot.listener.on_message_event(greet)
        running = asyncio.create_task(bot.main())
        try:
            rooms = ostiary.rooms
            await rooms.await_for(lambda: rooms.waiting)  # it passes over what was there before
            room_id = rooms.create(alice.user_id, invite=[account.user_id])
            await rooms.await_for(lambda: rooms.rooms[room_id].membership(account.user_id) == "join")
            rooms.say(room_id, alice.user_id, "anybody?")
            await rooms.await_for(lambda: rooms.messages(room_id, account.user_id))
            assert rooms.messages(room_id, account.user_id) == ["hello"]
            await bot.async_client.logout()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await bot.async_client.close()
        assert ostiary.requests("/logout")[0].status == 200
