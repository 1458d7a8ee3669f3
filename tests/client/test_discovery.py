"""From a domain to its server."""

from typing import Any

import pytest

from ostiary.api.http import HttpRequest, HttpResponse
from ostiary.client import AsyncClient, Client, ConnectionFailed, DiscoveryFailed, RetryPolicy, TimedOut
from ostiary.client.discovery import discover
from ostiary.client.limits import Timeouts
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
    [
        (well_known("not a url"),),
        (well_known("ftp://x"),),
        (well_known("http://x.y"), VERSIONS),
        (
            well_known("https://x.y", **{"m.identity_server": {"base_url": "http://x.y"}}),
            VERSIONS,
            reply(200, {}),
        ),
        (well_known("https://x.y"), reply(404, b"<html>")),
        (well_known("https://x.y"), GONE),
    ],
)
def test_named_server_that_is_none_is_an_error(replies: Any) -> None:
    with pytest.raises(DiscoveryFailed) as caught:
        found(*replies)
    assert not caught.value.ask_user


class TestRedirects:
    def test_redirected_answer_is_read(self) -> None:
        script = Script([
            reply(302, b"", location="https://www.example.org/.well-known/matrix/client?x=1"),
            reply(308, b"", location="/matrix.json"),
            well_known("https://matrix.example.org"),
            VERSIONS,
        ])  # fmt: skip
        assert script.world().run(discover("example.org", RetryPolicy(attempts=1))) == "https://matrix.example.org"
        assert [
            (base, request.path, request.query) for base, request in zip(script.bases, script.asked, strict=True)
        ] == [
            ("https://example.org", "/.well-known/matrix/client", ()),
            ("https://www.example.org", "/.well-known/matrix/client", (("x", "1"),)),
            ("https://www.example.org", "/matrix.json", ()),
            ("https://matrix.example.org", "/_matrix/client/versions", ()),
        ]

    @pytest.mark.parametrize("location", ["http://example.org/x", "ftp://x", "https://", "", "https://[::1"])
    def test_target_that_is_not_safe_is_not_followed(self, location: str) -> None:
        script = Script(by=lambda _: reply(301, b"", location=location))
        with pytest.raises(DiscoveryFailed) as caught:
            script.world().run(discover("example.org", RetryPolicy(attempts=1)))
        assert caught.value.ask_user
        assert set(script.bases) == {"https://example.org"}

    def test_loop_ends(self) -> None:
        script = Script(by=lambda _: reply(302, b"", location="https://example.org/.well-known/matrix/client"))
        with pytest.raises(DiscoveryFailed):
            script.world().run(discover("example.org", RetryPolicy(attempts=1)))
        assert len(script.asked) <= 10

    def test_redirect_to_nothing_means_that_the_domain_says_nothing(self) -> None:
        assert found(reply(302, b"", location="/x"), reply(404, b"")) == "https://example.org"


def test_domain_that_is_none_is_for_the_user_to_mend() -> None:
    with pytest.raises(DiscoveryFailed) as caught:
        Client.discover("a..b", retries=RetryPolicy(attempts=1))
    assert caught.value.ask_user


class Noting:
    """A domain and its server. Keeps the timeouts of each exchange."""

    def __init__(self) -> None:
        self.timeouts: list[Timeouts | None] = []

    def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
        self.timeouts.append(timeouts)
        return VERSIONS if request.path.endswith("versions") else well_known("https://matrix.example.org")

    def close(self) -> None:
        """Nothing is held."""


class AsyncNoting(Noting):
    async def exchange(  # type: ignore[override]  # the other face
        self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None
    ) -> HttpResponse:
        return super().exchange(base_url, request, timeouts)

    async def close(self) -> None:  # type: ignore[override]  # the other face
        """Nothing is held."""


class TestTimeouts:
    """Of the discovery as a whole, and of each call that follows."""

    LIMITS = Timeouts(connect_ms=100, read_ms=200, total_ms=60_000)

    def check(self, noted: Noting) -> None:
        assert len(noted.timeouts) == 3
        for one in noted.timeouts:
            assert one is not None
            assert (one.connect_ms, one.read_ms) == (100, 200)
            assert 50_000 < (one.total_ms or 0) <= 60_000

    def test_hold_from_the_first_request_on(self) -> None:
        noting = Noting()
        with Client.discover("example.org", transport=noting, timeouts=self.LIMITS) as client:
            client.versions()
        self.check(noting)

    async def test_asynchronously(self) -> None:
        noting: Any = AsyncNoting()
        async with await AsyncClient.discover("example.org", transport=noting, timeouts=self.LIMITS) as client:
            await client.versions()
        self.check(noting)

    def test_domain_that_answers_ever_so_slowly_is_given_up(self) -> None:
        class Slow(Noting):
            def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
                raise TimedOut("no answer from the server in time", sent=False)

        patient = RetryPolicy(attempts=1_000_000, first_delay_ms=1, max_delay_ms=1)
        with pytest.raises(DiscoveryFailed, match="within 50 ms"):
            Client.discover("example.org", transport=Slow(), retries=patient, timeouts=Timeouts(total_ms=50))


class TestConnections:
    @pytest.fixture
    def closed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Which transports were closed. Those that clients make for themselves reach nothing."""
        closed: list[str] = []

        class Dead:
            def exchange(self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None) -> HttpResponse:
                raise GONE

            def close(self) -> None:
                closed.append("sync")

        class AsyncDead:
            async def exchange(
                self, base_url: str, request: HttpRequest, timeouts: Timeouts | None = None
            ) -> HttpResponse:
                raise GONE

            async def close(self) -> None:
                closed.append("async")

        monkeypatch.setattr("ostiary.client.sync_client.HttpTransport", Dead)
        monkeypatch.setattr("ostiary.client.async_client.AsyncHttpTransport", AsyncDead)
        return closed

    async def test_failed_discovery_lets_go_of_them(self, closed: list[str]) -> None:
        with pytest.raises(DiscoveryFailed):
            Client.discover("example.org", retries=RetryPolicy(attempts=1))
        with pytest.raises(DiscoveryFailed):
            await AsyncClient.discover("example.org", retries=RetryPolicy(attempts=1))
        assert closed == ["sync", "async"]
