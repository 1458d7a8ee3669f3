"""Text messages, handed to a gateway."""

import json
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from ostiary.accounts.messages import Medium, Message, MessageKind
from ostiary.api.secret import Secret
from ostiary.delivery.http import Outgoing
from ostiary.delivery.sending import DeliveryFailed
from ostiary.delivery.sms import SmsGateway
from tests.delivery.doubles import Reply, closed_port, serving, silent_server
from tests.delivery.opened import POSTMARK

CODE = 'a&b"c\\d<e>{to}%'
"""No code has these characters; a text may."""
MESSAGE = Message(MessageKind.VALIDATE_TO_ADD, Medium.MSISDN, "447700900001", {"code": CODE, "minutes": 5})
KEY = "gateway-key"


def render(message: Message) -> str:
    return f"Köde: {message.values.get('code')}\n€ {{token}}"


TEXT = render(MESSAGE)


def gateway_at(outgoing: Outgoing, url: str, body: str | None, **headers: str) -> SmsGateway:
    secrets = {name.replace("_", "-"): Secret(value) for name, value in headers.items()}
    return SmsGateway(
        outgoing,
        "GET" if body is None else "POST",
        Secret(url),
        secrets,
        None if body is None else Secret(body),
        render,
    )


@pytest.mark.parametrize("headers", [{"content_type": "application/json; charset=utf-8"}, {}])
async def test_values_are_encoded_for_json(outgoing: Outgoing, headers: dict[str, str]) -> None:
    body = json.dumps({"to": "+{to}", "text": "{text}", "code": "<{token}>", "other": "{from}"})
    with serving(Reply(None, status=202)) as double:
        url = f"{double.url}/send?key={KEY}"
        await gateway_at(outgoing, url, body, Authorization=f"Bearer {KEY}", **headers).send(MESSAGE, POSTMARK)
    (asked,) = double.asked
    assert asked.json == {"to": "+447700900001", "text": TEXT, "code": f"<{CODE}>", "other": "{from}"}
    assert (asked.path, asked.headers["authorization"]) == (f"/send?key={KEY}", f"Bearer {KEY}")
    assert asked.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("headers", [{"Content_Type": "application/x-www-form-urlencoded"}, {}])
async def test_values_are_encoded_for_a_form(outgoing: Outgoing, headers: dict[str, str]) -> None:
    with serving(Reply(None)) as double:
        await gateway_at(outgoing, double.url, "to=%2B{to}&text={text}&code={token}", **headers).send(MESSAGE, POSTMARK)
    assert double.asked[0].form == {"to": "+447700900001", "text": TEXT, "code": CODE}
    assert double.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_values_are_encoded_for_a_url(outgoing: Outgoing) -> None:
    with serving(Reply(None)) as double:
        await gateway_at(outgoing, double.url + "/to/{to}/{token}?text={text}", None).send(MESSAGE, POSTMARK)
    (asked,) = double.asked
    assert (asked.method, asked.body) == ("GET", b"")
    assert asked.query == {"text": TEXT}
    assert unquote(asked.path.partition("?")[0]) == f"/to/447700900001/{CODE}"


async def test_values_are_encoded_for_xml_and_for_nothing_else(outgoing: Outgoing) -> None:
    with serving(Reply(None)) as double:
        await gateway_at(outgoing, double.url, '<m to="{to}">{text}</m>', Content_Type="text/xml").send(
            MESSAGE, POSTMARK
        )
        await gateway_at(outgoing, double.url, "{to}: {text}", Content_Type="text/plain").send(MESSAGE, POSTMARK)
    xml, plain = double.asked
    assert ET.fromstring(xml.body.decode()).text == TEXT
    assert plain.body.decode() == f"447700900001: {TEXT}"


async def test_a_message_without_a_code_has_an_empty_one(outgoing: Outgoing) -> None:
    message = Message(MessageKind.APPROVED, Medium.MSISDN, "447700900001", {"user_id": "@alice:example.org"})
    with serving(Reply(None)) as double:
        await gateway_at(outgoing, double.url, '{"code": "{token}"}').send(message, POSTMARK)
    assert double.asked[0].json == {"code": ""}


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (422, True), (401, False), (403, False), (404, False), (429, False), (500, False), (302, False)],
)
async def test_a_refusal_is_permanent_where_it_is_about_the_message(
    outgoing: Outgoing, status: int, permanent: bool
) -> None:
    with serving(Reply({"error": KEY}, status=status)) as double, pytest.raises(DeliveryFailed) as caught:
        await gateway_at(outgoing, f"{double.url}/?key={KEY}", "to={to}").send(MESSAGE, POSTMARK)
    assert caught.value.permanent is permanent
    assert str(caught.value) == f"127.0.0.1 answered with status {status}"


async def test_a_gateway_that_is_not_there_may_be_so_later(outgoing: Outgoing, hasty: Outgoing) -> None:
    failures: list[Any] = []
    with pytest.raises(DeliveryFailed, match="cannot be connected to") as caught:
        await gateway_at(outgoing, f"http://127.0.0.1:{closed_port()}/?key={KEY}", "to={to}").send(MESSAGE, POSTMARK)
    failures.append(caught.value)
    with silent_server() as url, pytest.raises(DeliveryFailed, match="in time") as caught:
        await gateway_at(hasty, f"{url}/?key={KEY}", "to={to}").send(MESSAGE, POSTMARK)
    failures.append(caught.value)
    assert [failure.permanent for failure in failures] == [False, False]
    assert not any(KEY in str(failure) or MESSAGE.address in str(failure) for failure in failures)
