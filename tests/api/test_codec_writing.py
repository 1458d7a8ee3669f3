"""Requests as a client writes them: each field in its place, a body only where the call has one."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from ostiary.api.codec import encode_request, secret_fields
from ostiary.api.device_management import DeleteDevice, GetDevice, GetDevices, UpdateDevice
from ostiary.api.endpoint import UNSET, Endpoint, with_fields
from ostiary.api.login import Login
from ostiary.api.logout import Logout
from ostiary.api.password_management import ChangePassword
from ostiary.api.refresh import Refresh
from ostiary.api.registration import CheckUsernameAvailability, Register
from ostiary.api.secret import Secret
from ostiary.api.uia import DummyAuth, PasswordAuth, UnknownAuth
from ostiary.api.users import ByPhone, ByUser


class TestWritten:
    @pytest.mark.parametrize(
        ("device_id", "segment"),
        [("D", "D"), ("a/b", "a%2Fb"), ("a:b", "a%3Ab"), ("a%2Fb", "a%252Fb"), ("a?b#c&d", "a%3Fb%23c%26d"),
         ("\u00fc \N{GRINNING FACE}", "%C3%BC%20%F0%9F%98%80"), ("{deviceId}", "%7BdeviceId%7D"), ("a+b", "a%2Bb"),
         (".", "%2E"), ("..", "%2E%2E"), ("...", "..."), ("a.b~c-d_e", "a.b~c-d_e"), ("", "")],
    )  # fmt: skip
    def test_field_of_the_path_is_one_segment(self, device_id: str, segment: str) -> None:
        assert encode_request(GetDevice(device_id=device_id)).path == f"/_matrix/client/v3/devices/{segment}"

    def test_older_path_is_filled_in_alike(self) -> None:
        older = UpdateDevice.meta.history[0]
        assert encode_request(UpdateDevice(device_id="a/b"), older).path == "/_matrix/client/r0/devices/a%2Fb"

    def test_fields_travel_each_in_its_place(self) -> None:
        message = encode_request(Register(kind="guest", username="a&b", password=Secret("p")))
        assert (message.method, message.path) == ("POST", "/_matrix/client/v3/register")
        assert urlencode(message.query) == "kind=guest"
        assert json.loads(message.content) == {"username": "a&b", "password": "p"}
        assert message.headers == (("Content-Type", "application/json"),)

    @pytest.mark.parametrize("call", [GetDevices(), Logout(), CheckUsernameAvailability(username="a")])
    def test_call_without_a_body_sends_none_and_says_so(self, call: Endpoint[Any]) -> None:
        message = encode_request(call)
        assert (message.body, message.headers) == (None, ())

    @pytest.mark.parametrize("call", [DeleteDevice(device_id="D"), UpdateDevice(device_id="D"), Register()])
    def test_call_with_nothing_to_say_sends_an_empty_object(self, call: Endpoint[Any]) -> None:
        assert encode_request(call).body == b"{}"

    @pytest.mark.parametrize(
        ("part", "written"),
        [
            (DummyAuth(session="s"), {"type": "m.login.dummy", "session": "s"}),
            (PasswordAuth(password=Secret("p"), identifier=ByUser("a")),
             {"type": "m.login.password", "password": "p", "identifier": {"type": "m.id.user", "user": "a"}}),
            (PasswordAuth(password=Secret("p"), identifier=ByPhone("GB", "1")),
             {"type": "m.login.password", "password": "p",
              "identifier": {"type": "m.id.phone", "country": "GB", "phone": "1"}}),
            (UnknownAuth({"session": "s", "x": {"y": None}}), {"session": "s", "x": {"y": None}}),
        ],
    )  # fmt: skip
    def test_attempt_is_written_with_its_type(self, part: Any, written: Any) -> None:
        body = encode_request(ChangePassword(new_password=Secret("n"), auth=part)).content
        assert json.loads(body) == {"new_password": "n", "auth": written}


def test_secret_fields_are_those_that_hold_secrets() -> None:
    assert secret_fields(Login) == {"password", "token"}
    assert secret_fields(Register) == {"guest_access_token", "password"}
    assert secret_fields(Refresh) == {"refresh_token"}
    assert secret_fields(ChangePassword) == {"new_password"}
    assert secret_fields(GetDevices) == frozenset()


def test_callwith_some_fields_changed_is_another_value() -> None:
    request = Login(type="x", user="a")
    assert with_fields(request, user=UNSET, device_id="D") == Login(type="x", device_id="D")
    assert request.user == "a"
