"""GET /versions, /capabilities, /.well-known/matrix/client."""

from tests.world import Account, World


async def test_versions_lists_releases_and_not_v1_0(world: World) -> None:
    answer = await world.call("GET", "versions", token="whatever, it is not looked at")
    assert answer.status == 200
    assert {"r0.0.1", "r0.6.1", "v1.1", "v1.19"} <= set(answer.json["versions"])
    assert "v1.0" not in answer.json["versions"]


async def test_capabilities_need_a_token_and_say_what_is_off(world: World, alice: Account) -> None:
    assert (await world.call("GET", "v3/capabilities")).errcode == "M_MISSING_TOKEN"
    for version in ("r0", "v3"):
        answer = await world.call("GET", f"{version}/capabilities", token=alice.access_token)
        assert answer.json["capabilities"]["m.change_password"] == {"enabled": True}
        assert answer.json["capabilities"]["m.3pid_changes"] == {"enabled": False}


async def test_well_known_is_not_found_where_nothing_is_configured(world: World) -> None:
    answer = await world.call("GET", "/.well-known/matrix/client")
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")
