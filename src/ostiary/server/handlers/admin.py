"""Serves ``api.admin``."""

from ostiary.accounts.values import AccountChange
from ostiary.accounts.values import Connection as SeenConnection
from ostiary.api.admin import (
    Connection,
    DeviceInfo,
    IsLocked,
    IsSuspended,
    Lock,
    LockedResponse,
    SessionInfo,
    Suspend,
    SuspendedResponse,
    WhoIs,
    WhoIsResponse,
)
from ostiary.api.endpoint import UNSET
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(WhoIs)
async def who_is(request: WhoIs, ctx: RequestContext) -> WhoIsResponse:
    """Where a user was seen last, by device."""
    await ctx.services.devices.bring_up_to_date()
    found = await ctx.services.moderation.connections(ctx.caller, request.user_id)
    devices = {one.device_id: DeviceInfo(sessions=(SessionInfo(connections=(_connection(one),)),)) for one in found}
    return WhoIsResponse(user_id=ctx.services.user_id(request.user_id[1:].partition(":")[0]), devices=devices)


@handles(IsSuspended)
async def is_suspended(request: IsSuspended, ctx: RequestContext) -> SuspendedResponse:
    """Whether an account is suspended."""
    account = await ctx.services.moderation.get(ctx.caller, request.user_id)
    return SuspendedResponse(suspended=account.is_suspended)


@handles(Suspend)
async def suspend(request: Suspend, ctx: RequestContext) -> SuspendedResponse:
    """Suspend an account, or let it go on."""
    change = AccountChange(is_suspended=request.suspended)
    await ctx.services.moderation.change(ctx.caller, request.user_id, change, ctx.origin)
    return SuspendedResponse(suspended=request.suspended)


@handles(IsLocked)
async def is_locked(request: IsLocked, ctx: RequestContext) -> LockedResponse:
    """Whether an account is locked."""
    account = await ctx.services.moderation.get(ctx.caller, request.user_id)
    return LockedResponse(locked=account.is_locked)


@handles(Lock)
async def lock(request: Lock, ctx: RequestContext) -> LockedResponse:
    """Lock an account, or unlock it."""
    change = AccountChange(is_locked=request.locked)
    await ctx.services.moderation.change(ctx.caller, request.user_id, change, ctx.origin)
    return LockedResponse(locked=request.locked)


def _connection(seen: SeenConnection) -> Connection:
    return Connection(
        ip=UNSET if seen.address is None else seen.address,
        last_seen=UNSET if seen.last_seen_at is None else seen.last_seen_at,
        user_agent=UNSET if seen.user_agent is None else seen.user_agent,
    )
