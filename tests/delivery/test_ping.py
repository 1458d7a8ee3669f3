"""Whether an application service is there."""

import pytest

from ostiary.api.errors import BadStatus, ConnectionFailed, ConnectionTimeout
from ostiary.api.secret import Secret
from ostiary.delivery.http import Outgoing
from ostiary.delivery.ping import AppservicePinger
from tests.delivery.doubles import Asked, Reply, closed_port, serving, silent_server

TOKEN = Secret("hs_token")


def bridge(asked: Asked) -> Reply:
    """An application service."""
    if asked.headers.get("authorization") != f"Bearer {TOKEN.reveal()}":
        return Reply({"errcode": "M_FORBIDDEN"}, status=403)
    return Reply({}) if (asked.method, asked.path) == ("POST", "/base/_matrix/app/v1/ping") else Reply({}, status=404)


@pytest.mark.parametrize(("txn", "body"), [("mautrix-go_1", {"transaction_id": "mautrix-go_1"}), (None, {})])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_ping_arrives(outgoing: Outgoing, txn: str | None, body: dict[str, str], slash: str) -> None:
    with serving(bridge) as double:
        duration_ms = await AppservicePinger(outgoing).ping(f"{double.url}/base{slash}", TOKEN, txn)
    assert 0 <= duration_ms < 20_000
    assert double.asked[0].json == body


async def test_another_status_is_passed_on(outgoing: Outgoing) -> None:
    with serving(bridge) as double, pytest.raises(BadStatus) as caught:
        await AppservicePinger(outgoing).ping(f"{double.url}/base", Secret("other"), None)
    assert caught.value.extras() == {"status": 403, "body": '{"errcode": "M_FORBIDDEN"}'}


async def test_a_redirect_is_another_status(outgoing: Outgoing) -> None:
    with serving(Reply({}, status=307, headers={"Location": "/"})) as double, pytest.raises(BadStatus) as caught:
        await AppservicePinger(outgoing).ping(double.url, TOKEN, None)
    assert caught.value.answered_status == 307
    assert len(double.asked) == 1


async def test_no_connection_and_no_answer_are_told_apart(outgoing: Outgoing, hasty: Outgoing) -> None:
    with pytest.raises(ConnectionFailed):
        await AppservicePinger(outgoing).ping(f"http://127.0.0.1:{closed_port()}", TOKEN, None)
    with silent_server() as url, pytest.raises(ConnectionTimeout):
        await AppservicePinger(hasty).ping(url, TOKEN, None)


async def test_too_much_of_an_answer_is_a_failure(outgoing: Outgoing) -> None:
    with serving(Reply(body=b"x" * 20_000)) as double, pytest.raises(ConnectionFailed):
        await AppservicePinger(outgoing).ping(double.url, TOKEN, None)
