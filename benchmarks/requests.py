"""Requests of a Matrix client, as the bytes that are sent: made before anything is timed."""

import json
from typing import Any

PASSWORD = "correct horse battery"
"""Of every account that a benchmark makes or generates."""


def request(method: str, path: str, body: Any = None, token: str | None = None) -> bytes:
    """A request below ``/_matrix/client/``."""
    raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    head = f"{method} /_matrix/client/{path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\n"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
    return head.encode() + b"\r\n" + raw


def whoami(token: str) -> bytes:
    return request("GET", "v3/account/whoami", token=token)


def devices(token: str) -> bytes:
    return request("GET", "v3/devices", token=token)


def refresh(refresh_token: str) -> bytes:
    return request("POST", "v3/refresh", {"refresh_token": refresh_token})


def login(name: str, **more: Any) -> bytes:
    identifier = {"type": "m.id.user", "user": name}
    body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD, **more}
    return request("POST", "v3/login", body)


def logout(token: str) -> bytes:
    return request("POST", "v3/logout", {}, token)


def register(name: str) -> bytes:
    body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    return request("POST", "v3/register", body)


def available(name: str) -> bytes:
    """Whether nobody has a name."""
    return request("GET", f"v3/register/available?username={name}")
