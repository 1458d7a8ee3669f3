"""The devices of an account. Spec: device_management.yaml."""

from typing import Annotated

from msgspec import Meta as Limits

from ostiary.api.auth import AccessToken
from ostiary.api.endpoint import UNSET, Empty, Endpoint, InPath, Meta, Struct, UnsetType, client_paths
from ostiary.api.errors import NotFound
from ostiary.api.identifiers import DeviceId, DisplayName
from ostiary.api.uia import AuthData

_LIST = client_paths("devices", "r0", "v3")
_ONE = client_paths("devices/{deviceId}", "r0", "v3")


class DeviceResponse(Struct, frozen=True, kw_only=True):
    """A device. ``last_seen_ts``: milliseconds since the epoch.

    What is not known is null: widespread clients take a missing key for a broken answer, and null for unknown.
    """

    device_id: str
    display_name: str | None = None
    last_seen_ip: str | None = None
    last_seen_ts: int | None = None


class DevicesResponse(Struct, frozen=True, kw_only=True):
    """All devices of the account."""

    devices: tuple[DeviceResponse, ...] = ()


class GetDevices(Endpoint[DevicesResponse], frozen=True, kw_only=True):
    """All devices of the account. Spec: device_management.yaml, getDevices (since r0.3.0)."""

    meta = Meta(
        method="GET",
        history=_LIST,
        authentication=AccessToken(guests=True),
        operation=("device_management", "getDevices"),
        since="r0.3.0",
    )


class GetDevice(Endpoint[DeviceResponse], frozen=True, kw_only=True, rename={"device_id": "deviceId"}):
    """One device of the account. Spec: device_management.yaml, getDevice (since r0.3.0)."""

    meta = Meta(
        method="GET",
        history=_ONE,
        authentication=AccessToken(guests=True),
        operation=("device_management", "getDevice"),
        since="r0.3.0",
        errors=(NotFound,),
    )
    device_id: InPath[str]


class UpdateDevice(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True, rename={"device_id": "deviceId"}):
    """Rename a device; a missing name changes nothing. Spec: device_management.yaml, updateDevice (since r0.3.0)."""

    meta = Meta(
        method="PUT",
        history=_ONE,
        authentication=AccessToken(guests=True),
        operation=("device_management", "updateDevice"),
        since="r0.3.0",
        errors=(NotFound,),
    )
    device_id: InPath[str]
    display_name: DisplayName | UnsetType = UNSET


class DeleteDevice(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True, rename={"device_id": "deviceId"}):
    """Delete a device and end its session; well if it is gone already.

    Spec: device_management.yaml, deleteDevice (since r0.3.0).
    """

    meta = Meta(
        method="DELETE",
        history=_ONE,
        authentication=AccessToken(),
        operation=("device_management", "deleteDevice"),
        since="r0.3.0",
        interactive=True,
    )
    device_id: InPath[str]
    auth: AuthData | UnsetType = UNSET


class DeleteDevices(Endpoint[Empty], frozen=True, kw_only=True, omit_defaults=True):
    """Delete several devices and end their sessions; well if some are gone already.

    Spec: device_management.yaml, deleteDevices (since r0.4.0).
    """

    meta = Meta(
        method="POST",
        history=client_paths("delete_devices", "r0", "v3"),
        authentication=AccessToken(),
        operation=("device_management", "deleteDevices"),
        since="r0.4.0",
        interactive=True,
    )
    devices: Annotated[tuple[DeviceId, ...], Limits(max_length=1000)]
    auth: AuthData | UnsetType = UNSET
