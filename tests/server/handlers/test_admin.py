"""GET /admin/whois, GET and PUT /v1/admin/suspend and /v1/admin/lock."""

import pytest

from tests.world import Account, Answer, World


@pytest.fixture
async def admin(world: World) -> Account:
    account = await world.register("admin")
    await world.make_admin(account)
    return account


async def ask(world: World, what: str, user_id: str, by: Account) -> Answer:
    return await world.call("GET", f"v1/admin/{what}/{user_id}", token=by.access_token)


async def tell(world: World, what: str, user_id: str, by: Account, value: bool) -> Answer:
    body = {f"{what}ed": value}
    return await world.call("PUT", f"v1/admin/{what}/{user_id}", body, token=by.access_token)


@pytest.mark.parametrize("what", ["lock", "suspend"])
class TestBoth:
    async def test_on_and_off(self, world: World, alice: Account, admin: Account, what: str) -> None:
        for value in (True, False):
            assert (await tell(world, what, alice.user_id, admin, value)).json == {f"{what}ed": value}
            assert (await ask(world, what, alice.user_id, admin)).json == {f"{what}ed": value}

    async def test_for_administrators_only(self, world: World, alice: Account, what: str) -> None:
        for user_id in (alice.user_id, "@nobody:localhost", "@x:elsewhere.example", "x"):
            for answer in (
                await ask(world, what, user_id, alice),
                await tell(world, what, user_id, alice, value=True),
            ):
                assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    @pytest.mark.parametrize("user_id", ["@x:elsewhere.example", "x", "@x"])
    async def test_users_of_elsewhere_are_invalid(self, world: World, admin: Account, what: str, user_id: str) -> None:
        answer = await tell(world, what, user_id, admin, value=True)
        assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")

    async def test_nobody_is_not_found(self, world: World, admin: Account, what: str) -> None:
        for answer in (
            await ask(world, what, "@nobody:localhost", admin),
            await tell(world, what, "@nobody:localhost", admin, value=True),
        ):
            assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")

    async def test_not_oneself_nor_another_administrator(
        self, world: World, alice: Account, admin: Account, what: str
    ) -> None:
        await world.make_admin(alice)
        for user_id in (admin.user_id, alice.user_id):
            answer = await tell(world, what, user_id, admin, value=True)
            assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")

    async def test_capability_is_told_to_administrators(
        self, world: World, alice: Account, admin: Account, what: str
    ) -> None:
        told = await world.call("GET", "v3/capabilities", token=admin.access_token)
        assert told.json["capabilities"]["m.account_moderation"][what] is True
        told = await world.call("GET", "v3/capabilities", token=alice.access_token)
        assert "m.account_moderation" not in told.json["capabilities"]


class TestLocked:
    async def test_may_do_nothing_but_log_out(self, world: World, alice: Account, admin: Account) -> None:
        await tell(world, "lock", alice.user_id, admin, value=True)
        answer = await world.whoami(alice.access_token)
        assert (answer.status, answer.errcode) == (401, "M_USER_LOCKED")
        assert answer.json["soft_logout"] is True
        for refused in (await world.login("alice"), await world.refresh(alice.refresh_token)):
            assert refused.errcode == "M_USER_LOCKED"
            assert refused.json["soft_logout"] is True
        assert (await world.call("POST", "v3/logout", {}, token=alice.access_token)).status == 200

    async def test_goes_on_when_it_is_unlocked(self, world: World, alice: Account, admin: Account) -> None:
        await tell(world, "lock", alice.user_id, admin, value=True)
        await tell(world, "lock", alice.user_id, admin, value=False)
        assert (await world.whoami(alice.access_token)).status == 200

    async def test_wrong_password_says_nothing_of_the_lock(self, world: World, alice: Account, admin: Account) -> None:
        await tell(world, "lock", alice.user_id, admin, value=True)
        assert (await world.login("alice", "wrong")).errcode == "M_FORBIDDEN"


class TestSuspended:
    async def test_reads_and_logs_out_but_does_not_present_itself(
        self, world: World, alice: Account, admin: Account
    ) -> None:
        await tell(world, "suspend", alice.user_id, admin, value=True)
        assert (await world.whoami(alice.access_token)).status == 200
        assert (await world.login("alice")).status == 200
        path = f"v3/profile/{alice.user_id}/displayname"
        answer = await world.call("PUT", path, {"displayname": "x"}, token=alice.access_token)
        assert (answer.status, answer.errcode) == (403, "M_USER_SUSPENDED")
        assert (await world.call("POST", "v3/logout", {}, token=alice.access_token)).status == 200


class TestWhoIs:
    async def test_oneself(self, world: World, alice: Account) -> None:
        for version in ("api/v1", "r0", "v3"):
            answer = await world.call("GET", f"{version}/admin/whois/{alice.user_id}", token=alice.access_token)
            assert answer.status == 200
            assert answer.json["user_id"] == alice.user_id
            assert list(answer.json["devices"]) == [alice.device_id]
        answer = await world.call("GET", f"v3/admin/whois/{alice.user_id}", token=alice.access_token)
        (session,) = answer.json["devices"][alice.device_id]["sessions"]
        (connection,) = session["connections"]
        assert connection["ip"] == world.address
        assert connection["last_seen"] == world.clock.now()

    async def test_others_for_administrators_only(self, world: World, alice: Account, admin: Account) -> None:
        bob = await world.register("bob")
        for by, expected in ((bob, 403), (admin, 200)):
            answer = await world.call("GET", f"v3/admin/whois/{alice.user_id}", token=by.access_token)
            assert answer.status == expected
        nobody = await world.call("GET", "v3/admin/whois/@nobody:localhost", token=admin.access_token)
        assert (nobody.status, nobody.errcode) == (404, "M_NOT_FOUND")
