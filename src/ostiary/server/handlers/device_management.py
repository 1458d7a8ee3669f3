"""Serves ``api.device_management``."""

from ostiary.accounts.model import Device
from ostiary.api.device_management import (
    DeleteDevice,
    DeleteDevices,
    DeviceResponse,
    DevicesResponse,
    GetDevice,
    GetDevices,
    UpdateDevice,
)
from ostiary.api.endpoint import UNSET, Empty
from ostiary.server.context import RequestContext
from ostiary.server.handling import handles


@handles(GetDevices)
async def get_devices(request: GetDevices, ctx: RequestContext) -> DevicesResponse:
    """All devices of the account."""
    devices = await ctx.services.devices.list(ctx.caller.localpart)
    return DevicesResponse(devices=tuple(_response(device) for device in devices))


@handles(GetDevice)
async def get_device(request: GetDevice, ctx: RequestContext) -> DeviceResponse:
    """One device of the account."""
    return _response(await ctx.services.devices.get(ctx.caller.localpart, request.device_id))


@handles(UpdateDevice)
async def update_device(request: UpdateDevice, ctx: RequestContext) -> Empty:
    """Rename a device."""
    name = None if request.display_name is UNSET else request.display_name
    await ctx.services.devices.rename(ctx.caller.localpart, request.device_id, name)
    return Empty()


@handles(DeleteDevice)
async def delete_device(request: DeleteDevice, ctx: RequestContext) -> Empty:
    """Delete a device and end its session."""
    grant = await ctx.confirm(request.auth)
    await ctx.services.devices.delete(ctx.caller, (request.device_id,), ctx.origin, grant.use)
    return Empty()


@handles(DeleteDevices)
async def delete_devices(request: DeleteDevices, ctx: RequestContext) -> Empty:
    """Delete several devices and end their sessions."""
    grant = await ctx.confirm(request.auth)
    await ctx.services.devices.delete(ctx.caller, request.devices, ctx.origin, grant.use)
    return Empty()


def _response(device: Device) -> DeviceResponse:
    return DeviceResponse(
        device_id=device.device_id,
        display_name=device.display_name,
        last_seen_ip=device.last_seen_ip,
        last_seen_ts=device.last_seen_at,
    )
