"""An account as the asynchronous client sees it: the methods that sessions and application services' users share.

One line each; what they do is in ``flows``.
"""

from typing import TypeVar

from ostiary.client.faces import AwaitingFace, awaiting
from ostiary.client.flows import account, addresses, administration, profiles, sessions
from ostiary.client.flows import devices as device_flows
from ostiary.client.speaker import Speaker

S_co = TypeVar("S_co", bound=Speaker, covariant=True)


class AsyncAccount(AwaitingFace[S_co]):
    """Calls in the name of a user. A :class:`AsyncSession`, or a user of an application service."""

    @property
    def user_id(self) -> str:
        """Whose account it is."""
        return self._core.user_id

    send = awaiting(account.send)
    whoami = awaiting(account.whoami)
    capabilities = awaiting(account.capabilities)
    change_password = awaiting(account.change_password)
    login_token = awaiting(account.login_token)
    openid_token = awaiting(account.openid_token)

    go_on = awaiting(sessions.go_on)

    devices = awaiting(device_flows.devices)
    device = awaiting(device_flows.device)
    rename_device = awaiting(device_flows.rename_device)
    delete_device = awaiting(device_flows.delete_device)
    delete_devices = awaiting(device_flows.delete_devices)

    third_party_ids = awaiting(addresses.third_party_ids)
    add_email = awaiting(addresses.add_email)
    add_phone = awaiting(addresses.add_phone)
    begin_adding_email = awaiting(addresses.begin_adding_email)
    begin_adding_phone = awaiting(addresses.begin_adding_phone)
    submit_code = awaiting(addresses.submit_code)
    add_validated = awaiting(addresses.add_validated)
    post_third_party_id = awaiting(addresses.post_third_party_id)
    remove_third_party_id = awaiting(addresses.remove_third_party_id)
    bind_third_party_id = awaiting(addresses.bind_third_party_id)
    unbind_third_party_id = awaiting(addresses.unbind_third_party_id)

    profile = awaiting(profiles.profile)
    profile_field = awaiting(profiles.profile_field)
    set_profile_field = awaiting(profiles.set_profile_field)
    delete_profile_field = awaiting(profiles.delete_profile_field)
    set_display_name = awaiting(profiles.set_display_name)
    set_avatar_url = awaiting(profiles.set_avatar_url)
    set_time_zone = awaiting(profiles.set_time_zone)

    whois = awaiting(administration.whois)
    is_locked = awaiting(administration.is_locked)
    set_locked = awaiting(administration.set_locked)
    is_suspended = awaiting(administration.is_suspended)
    set_suspended = awaiting(administration.set_suspended)
