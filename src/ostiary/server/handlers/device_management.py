"""Serves ``api.device_management``."""

from collections.abc import Sequence

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
from ostiary.api.endpoint import UNSET, Created, Empty, UnsetType
from ostiary.api.uia import AuthData
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
    """Rename a device; make it, if an application service asks for it."""
    name = None if request.display_name is UNSET else request.display_name
    if ctx.appservice is not None:
        made = await ctx.services.devices.put(ctx.caller.localpart, request.device_id, name)
        return Created() if made else Empty()
    await ctx.services.devices.rename(ctx.caller.localpart, request.device_id, name)
    return Empty()


@handles(DeleteDevice)
async def delete_device(request: DeleteDevice, ctx: RequestContext) -> Empty:
    """Delete a device and end its session."""
    await _delete(ctx, (request.device_id,), request.auth)
    return Empty()


@handles(DeleteDevices)
async def delete_devices(request: DeleteDevices, ctx: RequestContext) -> Empty:
    """Delete several devices and end their sessions."""
    await _delete(ctx, request.devices, request.auth)
    return Empty()


async def _delete(ctx: RequestContext, device_ids: Sequence[str], auth: AuthData | UnsetType) -> None:
    """Delete devices once their owner has agreed; an application service owns those of its users."""
    use = None if ctx.appservice is not None else (await ctx.confirm(auth)).use
    await ctx.services.devices.delete(ctx.caller, device_ids, ctx.origin, use)


def _response(device: Device) -> DeviceResponse:
    return DeviceResponse(
        device_id=device.device_id,
        display_name=device.display_name,
        last_seen_ip=device.last_seen_ip,
        last_seen_ts=device.last_seen_at,
    )
