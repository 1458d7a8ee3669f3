"""From a domain to its server."""

from typing import Any

import pytest

from ostiary.client import ConnectionFailed, DiscoveryFailed, RetryPolicy
from ostiary.client.discovery import discover
from tests.client.scripted import Script, refusal, reply

VERSIONS = reply(200, {"versions": ["v1.19"]})
GONE = ConnectionFailed("no such host", sent=False)


def found(*replies: Any) -> str:
    return Script(list(replies)).world().run(discover("example.org", RetryPolicy(attempts=1)))


def well_known(base_url: Any, **more: Any) -> Any:
    return reply(200, {"m.homeserver": {"base_url": base_url}, **more})


def test_named_server_is_asked_whether_it_is_one() -> None:
    assert found(well_known("https://matrix.example.org/"), VERSIONS) == "https://matrix.example.org"


@pytest.mark.parametrize("silent", [reply(404, b"<html>"), refusal(404, "M_NOT_FOUND")])
def test_domain_that_says_nothing_is_the_server(silent: Any) -> None:
    assert found(silent) == "https://example.org"


@pytest.mark.parametrize(
    "broken",
    [reply(500, b""), reply(200, b"<html>"), reply(200, {}), reply(200, {"m.homeserver": {}}), GONE,
     reply(302, b""), well_known("https://a.b", **{"m.identity_server": {}})],
)  # fmt: skip
def test_what_cannot_be_read_is_for_the_user_to_decide(broken: Any) -> None:
    with pytest.raises(DiscoveryFailed) as caught:
        found(broken)
    assert caught.value.ask_user


@pytest.mark.parametrize(
    "replies",
    [(well_known("not a url"),), (well_known("ftp://x"),), (well_known("https://x.y"), reply(404, b"<html>")),
     (well_known("https://x.y"), GONE)],
)  # fmt: skip
def test_named_server_that_is_none_is_an_error(replies: Any) -> None:
    with pytest.raises(DiscoveryFailed) as caught:
        found(*replies)
    assert not caught.value.ask_user
