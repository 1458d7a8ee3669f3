"""A sample of wrong requests to a whole server, and that their generator does what it says."""

from pathlib import Path
from random import Random

import pytest

from ostiary.api.catalog import ENDPOINTS
from tests.fuzz.drafts import Known
from tests.fuzz.flows import open_under
from tests.fuzz.paths import Paths
from tests.fuzz.run import fuzz
from tests.fuzz.wrongs import Wrongs
from tests.world import World

SAMPLE = 1500
KNOWN = Known(
    tokens={"@alice:localhost": "osta_alice", "@bob:localhost": "osta_bob"},
    devices={"@alice:localhost": "A", "@bob:localhost": "B"},
    guest="osta_guest", dead="osta_dead", others=("ostr_alice",), dialogues={"Register": "ostu_one"},
)  # fmt: skip


class TestServer:
    async def test_wrong_requests_are_refused_and_change_nothing(self, world: World) -> None:
        report = await fuzz(world, seed=1, requests=SAMPLE)
        assert report.sent == SAMPLE
        assert report.statuses.keys() >= {200, 400, 401, 403, 404, 405}

    async def test_under_other_flows_too(self, tmp_path: Path) -> None:
        async with open_under("all", tmp_path, seed="another") as world:
            await fuzz(world, seed=2, requests=SAMPLE // 5)


class TestGenerator:
    def test_same_number_is_the_same_request(self) -> None:
        one, other = Wrongs(ENDPOINTS, KNOWN), Wrongs(ENDPOINTS, KNOWN)
        assert [one.numbered(7, number) for number in range(200)] == [
            other.numbered(7, number) for number in range(200)
        ]
        assert one.numbered(7, 1) != one.numbered(8, 1)

    def test_every_endpoint_is_spoiled_in_many_ways(self) -> None:
        wrongs = Wrongs(ENDPOINTS, KNOWN)
        for endpoint in ENDPOINTS:
            made = [wrongs.make(endpoint, Random(f"{endpoint.__name__} {number}")) for number in range(300)]
            assert len({request.wrongs[0] for request in made}) >= 4
            assert all(request.wrongs for request in made)
            assert all(request.refused for request in made if endpoint.meta.method != "GET")

    def test_what_is_sent_can_be_sent(self) -> None:
        wrongs = Wrongs(ENDPOINTS, KNOWN)
        for number in range(2000):
            request = wrongs.numbered(3, number)
            assert request.raw_path.isascii()
            assert not any(byte in value for _, value in request.headers for byte in (b"\r", b"\n", b"\0"))
            assert str(request)


class TestPaths:
    PATHS = Paths(ENDPOINTS)

    @pytest.mark.parametrize(
        ("path", "methods"),
        [
            ("/_matrix/client/v3/login", {"GET", "POST"}),
            ("/_matrix/client/v3/l%6Fgin", {"GET", "POST"}),
            ("/_matrix/client/v3/login/", set()),
            ("/_matrix/client/v3/devices/", {"GET", "PUT", "DELETE"}),
            ("/_matrix/client/v3/devices/a%2Fb", {"GET", "PUT", "DELETE"}),
            ("/_matrix/client/v3/devices/a/b", set()),
            ("/_matrix/client/v3/%ff", set()),
        ],
    )
    def test_methods(self, path: str, methods: set[str]) -> None:
        assert self.PATHS.methods_of(path) == methods

    def test_near_paths_are_unknown(self) -> None:
        random = Random(5)
        for endpoint in ENDPOINTS:
            for path in endpoint.meta.history:
                assert self.PATHS.methods_of(self.PATHS.unknown_near(path, random)) == set()
                assert self.PATHS.wrong_method(path, random) != endpoint.meta.method
