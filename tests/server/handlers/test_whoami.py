"""GET /account/whoami, and what any call does with a token."""

import pytest

from tests.world import Account, World


class TestWhoAmI:
    @pytest.mark.parametrize("version", ["r0", "v3"])
    async def test_says_whose_token_it_is(self, world: World, alice: Account, version: str) -> None:
        answer = await world.call("GET", f"{version}/account/whoami", token=alice.access_token)
        assert answer.json == {"user_id": "@alice:localhost", "device_id": alice.device_id}

    async def test_token_in_the_query_is_accepted(self, world: World, alice: Account) -> None:
        answer = await world.call("GET", "r0/account/whoami", query={"access_token": alice.access_token})
        assert answer.json["user_id"] == alice.user_id

    async def test_header_goes_before_the_query(self, world: World, alice: Account) -> None:
        answer = await world.call("GET", "v3/account/whoami", token="x", query={"access_token": alice.access_token})
        assert answer.errcode == "M_UNKNOWN_TOKEN"

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "osta_x"])
    async def test_no_token_is_a_missing_token(self, world: World, header: str) -> None:
        response = await world.raw("GET", "v3/account/whoami", headers=(("Authorization", header),))
        assert response.status == 401
        assert b'"errcode":"M_MISSING_TOKEN"' in response.body

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
    async def test_scheme_is_told_apart_by_no_case(self, world: World, alice: Account, scheme: str) -> None:
        header = ("Authorization", f"{scheme} {alice.access_token}")
        assert (await world.raw("GET", "v3/account/whoami", headers=(header,))).status == 200

    @pytest.mark.parametrize("token", ["x", "osta_" + "a" * 27 + "_000000", "ostr_x", "\xff\xfe", "syt_YWxpY2U_x_y"])
    async def test_unknown_token_is_no_soft_logout(self, world: World, token: str) -> None:
        answer = await world.whoami(token)
        assert (answer.status, answer.errcode, answer.json["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)

    async def test_refresh_token_is_no_access_token(self, world: World, alice: Account) -> None:
        assert alice.refresh_token is not None
        assert (await world.whoami(alice.refresh_token)).status == 401
