"""A small bot, as somebody else might have written it: it joins where it is invited, and greets whoever speaks."""

import json
import urllib.error
import urllib.request
from typing import Any


class LoggedOut(Exception):
    """The server does not take the token any longer."""


class Greeter:
    def __init__(self, url: str, user: str, password: str) -> None:
        self._url, self._user, self._password = url, user, password
        self._token = ""
        self._since = ""
        self.user_id = ""

    def log_in(self) -> None:
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": self._user}}
        said = self._ask("POST", "login", {**body, "password": self._password})
        self._token, self.user_id = said["access_token"], said["user_id"]

    def step(self) -> None:
        """Look once what is new, and answer it."""
        said = self._ask("GET", f"sync?timeout=0&since={self._since}" if self._since else "sync")
        is_first, self._since = not self._since, said["next_batch"]
        for room_id in said["rooms"]["invite"]:
            self._ask("POST", f"join/{room_id}", {})
        for room_id, room in ({} if is_first else said["rooms"]["join"]).items():
            for event in room["timeline"]["events"]:
                if event["type"] == "m.room.message" and event["sender"] != self.user_id:
                    text = {"msgtype": "m.text", "body": f"Hello {event['sender']}!"}
                    self._ask("PUT", f"rooms/{room_id}/send/m.room.message/{event['event_id']}", text)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self._url}/_matrix/client/v3/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}"} if self._token else {},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                if json.loads(error.read())["errcode"] == "M_UNKNOWN_TOKEN":
                    raise LoggedOut from None
            raise
