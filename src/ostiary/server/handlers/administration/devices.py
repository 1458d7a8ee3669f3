"""Serves ``api.administration.devices``."""

from ostiary.api.administration.devices import (
    AdminDevicesResponse,
    AdminSessionsResponse,
    DeleteAnyDevice,
    EndSessions,
    ListDevices,
    ListSessions,
    SessionsEnded,
)
from ostiary.api.endpoint import Empty
from ostiary.server.context import RequestContext
from ostiary.server.handlers.administration.accounts import administrator
from ostiary.server.handlers.administration.answers import device_response, session_response
from ostiary.server.handling import handles


@handles(ListDevices)
async def list_devices(request: ListDevices, ctx: RequestContext) -> AdminDevicesResponse:
    """The devices of an account."""
    found = await ctx.services.administration.list_devices(request.name)
    return AdminDevicesResponse(devices=tuple(device_response(device) for device in found))


@handles(DeleteAnyDevice)
async def delete_any_device(request: DeleteAnyDevice, ctx: RequestContext) -> Empty:
    """Delete a device, and end its session."""
    await ctx.services.administration.delete_device(request.name, request.device_id, administrator(ctx))
    return Empty()


@handles(ListSessions)
async def list_sessions(request: ListSessions, ctx: RequestContext) -> AdminSessionsResponse:
    """The sessions of an account."""
    found = await ctx.services.administration.list_sessions(request.name)
    return AdminSessionsResponse(sessions=tuple(session_response(session) for session in found))


@handles(EndSessions)
async def end_sessions(request: EndSessions, ctx: RequestContext) -> SessionsEnded:
    """End all sessions of an account."""
    return SessionsEnded(ended=await ctx.services.administration.end_sessions(request.name, administrator(ctx)))
