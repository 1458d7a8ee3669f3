"""What is long dead is deleted, and nothing else."""

import logging
from dataclasses import replace
from pathlib import Path

from ostiary.config import RegistrationConfig, SessionsConfig
from ostiary.server.housekeeping import UNWRITTEN_MS, Housekeeping, house_rules
from ostiary.server.logs import Log
from tests.server.handlers.test_appservices import BRIDGE, files
from tests.server.handlers.test_appservices import TOKEN as AS_TOKEN
from tests.server.handlers.test_validation import ADDRESS, give, sending
from tests.world import Account, World, account_of, device_path, open_config, open_world

DAY_MS = 86_400_000
TABLES = ("accounts", "devices", "sessions", "uia_sessions")


def house_of(world: World) -> Housekeeping:
    return Housekeeping(world.services, Log(logging.getLogger("test")), house_rules(world.config))


async def counts(world: World) -> dict[str, int]:
    return {table: (await world.sql(f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}


async def test_ended_sessions_and_old_dialogues_are_forgotten(world: World, alice: Account) -> None:
    memory_ms = world.config.sessions.dead_token_memory_ms
    house = house_of(world)
    bob = await world.register("bob")
    await world.call("POST", "v3/logout", {}, token=bob.access_token)
    await world.call("POST", "v3/register", {"username": "carol"})
    used = await world.refresh(alice.refresh_token)
    await world.whoami(used.json["access_token"])
    everything = await counts(world)
    assert everything == {"accounts": 2, "devices": 1, "sessions": 2, "uia_sessions": 1}

    world.clock.advance(DAY_MS - 1)
    await house.forget_dead()
    assert await counts(world) == everything
    world.clock.advance(DAY_MS)
    await house.forget_dead()
    assert await counts(world) == {**everything, "uia_sessions": 0}
    world.clock.advance(memory_ms)
    await house.forget_dead()
    assert await counts(world) == {"accounts": 2, "devices": 1, "sessions": 1, "uia_sessions": 0}
    assert (await world.refresh(used.json["refresh_token"])).status == 200


async def test_accounts_expire_in_many_steps(tmp_path: Path) -> None:
    registration = RegistrationConfig(enabled=True, account_lifetime_ms=DAY_MS)
    async with open_world(open_config(tmp_path, registration=registration)) as world:
        house = house_of(world)
        for number in range(230):
            await world.services.registrations.create(f"n{number}", None)
        alice = await world.register("alice", refresh_token=False)
        world.clock.advance(DAY_MS - 1)
        await house.expire_accounts()
        assert (await world.whoami(alice.access_token)).status == 200
        world.clock.advance(1)
        await house.expire_accounts()
        assert (await world.whoami(alice.access_token)).errcode == "M_USER_LOCKED"
        ((expired,),) = await world.sql("SELECT count(*) FROM accounts WHERE state = 'expired'")
        assert expired == 231


async def test_devices_that_nobody_uses_are_logged_out(tmp_path: Path) -> None:
    config = open_config(tmp_path)
    config = replace(config, sessions=replace(SessionsConfig(), idle_lifetime_ms=30 * DAY_MS))
    async with open_world(config) as world:
        house = house_of(world)
        alice = await world.register("alice", refresh_token=False)
        used = await world.relogin(alice)
        world.clock.advance(29 * DAY_MS)
        assert (await world.whoami(used.access_token)).status == 200
        world.clock.advance(DAY_MS + UNWRITTEN_MS)
        await house.end_idle_devices()
        assert (await counts(world))["devices"] == 2
        world.clock.advance(1)
        await house.end_idle_devices()
        gone = await world.whoami(alice.access_token)
        assert (gone.status, gone.errcode, gone.json.get("soft_logout", False)) == (401, "M_UNKNOWN_TOKEN", False)
        assert (await world.whoami(used.access_token)).status == 200
        listed = await world.call("GET", "v3/devices", token=used.access_token)
        assert [one["device_id"] for one in listed.json["devices"]] == [used.device_id]


async def test_devices_of_application_services_are_theirs_to_delete(tmp_path: Path) -> None:
    """A bridge is silent where its user is; and with its devices go keys that nobody can make again."""
    config = open_config(tmp_path, appservices=files(tmp_path, BRIDGE))
    config = replace(config, sessions=replace(SessionsConfig(), idle_lifetime_ms=30 * DAY_MS))
    async with open_world(config) as world:
        person = await world.register("alice", refresh_token=False)
        body = {"type": "m.login.application_service", "username": "bridge_1"}
        bridged = account_of(await world.call("POST", "v3/register", body, token=AS_TOKEN))
        as_user = {"user_id": bridged.user_id}
        made = await world.call("PUT", device_path("ITS"), {}, token=AS_TOKEN, query=as_user)
        assert made.status == 201
        world.clock.advance(365 * DAY_MS)
        await house_of(world).end_idle_devices()
        listed = await world.call("GET", "v3/devices", token=AS_TOKEN, query=as_user)
        assert {one["device_id"] for one in listed.json["devices"]} == {bridged.device_id, "ITS"}
        assert (await world.whoami(bridged.access_token)).status == 200
        assert (await world.whoami(person.access_token)).status == 401


async def test_devices_stay_where_nothing_is_configured(world: World, alice: Account) -> None:
    world.clock.advance(10_000 * DAY_MS)
    await house_of(world).end_idle_devices()
    ((devices,),) = await world.sql("SELECT count(*) FROM devices")
    assert devices == 1


async def test_owners_are_told_once_that_their_account_ends_soon(tmp_path: Path) -> None:
    registration = RegistrationConfig(enabled=True, account_lifetime_ms=30 * DAY_MS, expiry_notice_ms=7 * DAY_MS)
    config = replace(sending(tmp_path), registration=registration)
    async with open_world(config) as world:
        house = house_of(world)
        alice = await world.register("alice", refresh_token=False)
        await give(world, alice)
        await world.register("without-address")
        world.clock.advance(23 * DAY_MS - 1)
        await house.tell_of_expiry()
        assert await world.messages() == []
        world.clock.advance(1)
        for _ in range(2):
            await house.tell_of_expiry()
        (told,) = await world.messages()
        assert (told["kind"], told["to"], told["when"]) == ("about_to_expire", ADDRESS, "2027-02-14 08:00 UTC")
        await world.change(alice, expires_at=world.clock.now() + 5 * DAY_MS)
        await house.tell_of_expiry()
        assert len(await world.messages()) == 2, "its end is another now"


async def test_nobody_is_told_where_that_is_not_wished(tmp_path: Path) -> None:
    registration = RegistrationConfig(enabled=True, account_lifetime_ms=DAY_MS)
    config = replace(sending(tmp_path), registration=registration)
    async with open_world(replace(config, mail=replace(config.mail, notices=()))) as world:
        await give(world, await world.register("alice"))
        await house_of(world).tell_of_expiry()
        assert await world.messages() == []
