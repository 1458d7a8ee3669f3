"""What a type checker is to see of the contract. It is checked, and never run.

Where it must find a mistake the line says which; a mistake that it does not find is told as an ignore without use.
"""

from typing import assert_type

from ostiary.api.audit import AuditEvent, GetAudit
from ostiary.api.codec import build_request, decode_request, decode_response
from ostiary.api.device_management import DeviceResponse, DevicesResponse, GetDevices
from ostiary.api.endpoint import Empty, Endpoint, R, UnsetType, response_type, with_fields
from ostiary.api.http import HttpResponse
from ostiary.api.login import Login, LoginResponse
from ostiary.api.logout import Logout
from ostiary.api.refresh import Refresh, RefreshResponse
from ostiary.api.secret import Secret
from ostiary.client import (
    Answered,
    AsyncClient,
    AsyncSession,
    Client,
    Prepared,
    RawAnswer,
    RawCall,
    Session,
    parse,
    prepare,
)


def send(request: Endpoint[R]) -> R:
    """What every ``send`` of a client looks like."""
    raise NotImplementedError


def the_answer_is_known_by_the_request(login: Login, refresh: Refresh) -> None:
    assert_type(send(login), LoginResponse)
    assert_type(send(refresh), RefreshResponse)
    assert_type(send(Logout()), Empty)
    assert_type(send(login).access_token, Secret)
    assert_type(send(login).expires_in_ms, int | UnsetType)
    assert_type(send(GetDevices()).devices, tuple[DeviceResponse, ...])


def every_client_knows_it(login: Login, client: Client, session: Session) -> None:
    assert_type(client.send(login), LoginResponse)
    assert_type(session.send(GetDevices()), DevicesResponse)
    assert_type(session.send(RawCall(method="GET", path="/x", headers=(("Range", "bytes=0-9"),))), RawAnswer)


async def every_async_client_knows_it(login: Login, client: AsyncClient, session: AsyncSession) -> None:
    assert_type(await client.send(login), LoginResponse)
    assert_type(await session.send(GetDevices()), DevicesResponse)
    assert_type(await session.send(RawCall(method="GET", path="/x")), RawAnswer)


async def prepared_requests_know_their_answer_and_their_data(
    login: Login, client: Client, other: AsyncClient, session: Session
) -> None:
    prepared = prepare(login, "https://matrix.example.org")
    assert_type(prepared, Prepared[LoginResponse, None])
    with_data = prepared.with_data(3)
    assert_type(with_data, Prepared[LoginResponse, int])
    assert_type(client.send_prepared(with_data), Answered[LoginResponse, int])
    assert_type(client.send_prepared(with_data).response, LoginResponse)
    assert_type((await other.send_prepared(with_data)).data, int)
    assert_type(client.queue("q").add(with_data).result().response, LoginResponse)
    assert_type((await other.queue("q").add(with_data)).data, int)
    assert_type(parse(login, 200, {}, b""), LoginResponse)
    assert_type([page.events for page in session.pages(GetAudit())], list[tuple[AuditEvent, ...]])


def the_codec_knows_it_too(login: Login, response: HttpResponse) -> None:
    assert_type(decode_response(login, response), LoginResponse)
    assert_type(decode_request(Login, b"{}"), Login)
    assert_type(build_request(Login, {}), Login)
    assert_type(with_fields(login, user="alice"), Login)
    assert_type(response_type(Login), type[LoginResponse])


def mistakes_are_found(login: Login, response: HttpResponse) -> None:
    answer: RefreshResponse = send(login)  # type: ignore[assignment]  # another call's answer
    send(response)  # type: ignore[arg-type]  # no request
    send(answer)  # type: ignore[arg-type]  # no request
    Login()  # type: ignore[call-arg]  # without what is required
    Login("m.login.password")  # type: ignore[call-arg]  # without the field's name
    Login(type="m.login.password", passwort=Secret("p"))  # type: ignore[call-arg]  # with no field of it
    Login(type="m.login.password", password="p")  # type: ignore[arg-type]  # with a secret in the open
    Login(type="m.login.password", user=None)  # type: ignore[arg-type]  # null for what is left out
    prepare(Secret("t"), "https://matrix.example.org")  # type: ignore[arg-type]  # no request
    prepare(login, "https://matrix.example.org", "token")  # type: ignore[arg-type]  # a token in the open
    login.user = "alice"  # type: ignore[misc]  # values do not change
    "token: " + send(login).access_token  # type: ignore[operator]  # a secret is no string
    send(login).expires_in_ms + 1  # type: ignore[operator]  # it may be missing
