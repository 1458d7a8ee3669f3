"""Captchas, judged by a service."""

from typing import Any

import pytest

from ostiary.accounts.ports_outside import CaptchaUnavailable
from ostiary.api.secret import Secret
from ostiary.delivery.captcha import SiteverifyCaptcha
from ostiary.delivery.http import Outgoing
from tests.delivery.doubles import Asked, Reply, closed_port, serving, silent_server

SECRET = Secret("site-secret")
RESPONSE = Secret("what the script gave & more")


def siteverify(asked: Asked) -> Reply:
    """What such a service does."""
    if asked.form["secret"] != SECRET.reveal():
        return Reply({"success": False, "error-codes": ["invalid-input-secret"]})
    is_solved = asked.form["response"] == RESPONSE.reveal()
    return Reply({"success": is_solved, "error-codes": [] if is_solved else ["invalid-input-response"]})


@pytest.mark.parametrize(("response", "is_solved"), [(RESPONSE, True), (Secret("guessed"), False)])
async def test_the_service_judges(outgoing: Outgoing, response: Secret, is_solved: bool) -> None:
    with serving(siteverify) as double:
        captcha = SiteverifyCaptcha(outgoing, f"{double.url}/siteverify", SECRET)
        assert await captcha.verify(response, "2001:db8::7") is is_solved
    (asked,) = double.asked
    assert (asked.method, asked.path) == ("POST", "/siteverify")
    assert asked.form == {"secret": SECRET.reveal(), "response": response.reveal(), "remoteip": "2001:db8::7"}


async def test_an_unknown_address_is_not_told(outgoing: Outgoing) -> None:
    with serving(siteverify) as double:
        assert await SiteverifyCaptcha(outgoing, double.url, SECRET).verify(RESPONSE, "")
    assert "remoteip" not in double.asked[0].form


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>busy</html>"),
        Reply([True]),
        Reply({}),
        Reply({"success": "true"}),
        Reply({"success": 1}),
        Reply({"success": True}, status=500),
        Reply({"success": True}, status=302, headers={"Location": "/elsewhere"}),
        Reply({"success": True, "padding": "x" * 20_000}),
    ],
)
async def test_without_a_verdict_nothing_is_solved(outgoing: Outgoing, reply: Reply) -> None:
    with serving(reply) as double, pytest.raises(CaptchaUnavailable):
        await SiteverifyCaptcha(outgoing, double.url, SECRET).verify(RESPONSE, "")


async def test_a_wrong_secret_is_our_fault_and_no_unsolved_captcha(outgoing: Outgoing, caplog: Any) -> None:
    with serving(siteverify) as double, pytest.raises(CaptchaUnavailable):
        await SiteverifyCaptcha(outgoing, double.url, Secret("wrong-secret")).verify(RESPONSE, "")
    assert "does not know the configured secret" in caplog.text
    assert "wrong-secret" not in caplog.text


async def test_a_service_that_is_not_there_is_unavailable(outgoing: Outgoing, hasty: Outgoing) -> None:
    with pytest.raises(CaptchaUnavailable, match="cannot be connected to"):
        await SiteverifyCaptcha(outgoing, f"http://127.0.0.1:{closed_port()}", SECRET).verify(RESPONSE, "")
    with silent_server() as url, pytest.raises(CaptchaUnavailable, match="in time"):
        await SiteverifyCaptcha(hasty, url, SECRET).verify(RESPONSE, "")
