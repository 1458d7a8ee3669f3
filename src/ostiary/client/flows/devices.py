"""The devices of an account."""

from collections.abc import Sequence

from ostiary.api.device_management import (
    DeleteDevice,
    DeleteDevices,
    DeviceResponse,
    GetDevice,
    GetDevices,
    UpdateDevice,
)
from ostiary.api.secret import Secret
from ostiary.client.answering import Stages
from ostiary.client.flows.authenticating import authenticated
from ostiary.client.speaker import Speaker
from ostiary.client.steps import Flow


def devices(core: Speaker) -> Flow[Sequence[DeviceResponse]]:
    """All devices of the account."""
    return (yield from core.send(GetDevices())).devices


def device(core: Speaker, device_id: str) -> Flow[DeviceResponse]:
    """One device. Raises NotFound."""
    return core.send(GetDevice(device_id=device_id))


def rename_device(core: Speaker, device_id: str, display_name: str) -> Flow[None]:
    """Give a device another name. An application service makes the device so. Raises NotFound."""
    yield from core.send(UpdateDevice(device_id=device_id, display_name=display_name))


def delete_device(
    core: Speaker, device_id: str, *, password: str | Secret | None = None, stages: Stages = None
) -> Flow[None]:
    """Delete a device and end its session. Raises Forbidden, InteractiveAuthUnsupported."""
    yield from authenticated(core, DeleteDevice(device_id=device_id), password, stages)


def delete_devices(
    core: Speaker, device_ids: Sequence[str], *, password: str | Secret | None = None, stages: Stages = None
) -> Flow[None]:
    """Delete several devices and end their sessions. Raises Forbidden, InteractiveAuthUnsupported."""
    yield from authenticated(core, DeleteDevices(devices=tuple(device_ids)), password, stages)
