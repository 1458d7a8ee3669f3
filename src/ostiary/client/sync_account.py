"""An account as the synchronous client sees it: the methods that sessions and application services' users share.

One line each; what they do is in ``flows``.
"""

from typing import TypeVar

from ostiary.client.faces import BlockingFace, blocking
from ostiary.client.flows import account, addresses, administration, profiles, sessions
from ostiary.client.flows import devices as device_flows
from ostiary.client.speaker import Speaker

S_co = TypeVar("S_co", bound=Speaker, covariant=True)


class Account(BlockingFace[S_co]):
    """Calls in the name of a user. A :class:`Session`, or a user of an application service."""

    @property
    def user_id(self) -> str:
        """Whose account it is."""
        return self._core.user_id

    send = blocking(account.send)
    whoami = blocking(account.whoami)
    capabilities = blocking(account.capabilities)
    change_password = blocking(account.change_password)
    login_token = blocking(account.login_token)
    openid_token = blocking(account.openid_token)

    go_on = blocking(sessions.go_on)

    devices = blocking(device_flows.devices)
    device = blocking(device_flows.device)
    rename_device = blocking(device_flows.rename_device)
    delete_device = blocking(device_flows.delete_device)
    delete_devices = blocking(device_flows.delete_devices)

    third_party_ids = blocking(addresses.third_party_ids)
    add_email = blocking(addresses.add_email)
    add_phone = blocking(addresses.add_phone)
    begin_adding_email = blocking(addresses.begin_adding_email)
    begin_adding_phone = blocking(addresses.begin_adding_phone)
    submit_code = blocking(addresses.submit_code)
    add_validated = blocking(addresses.add_validated)
    post_third_party_id = blocking(addresses.post_third_party_id)
    remove_third_party_id = blocking(addresses.remove_third_party_id)
    bind_third_party_id = blocking(addresses.bind_third_party_id)
    unbind_third_party_id = blocking(addresses.unbind_third_party_id)

    profile = blocking(profiles.profile)
    profile_field = blocking(profiles.profile_field)
    set_profile_field = blocking(profiles.set_profile_field)
    delete_profile_field = blocking(profiles.delete_profile_field)
    set_display_name = blocking(profiles.set_display_name)
    set_avatar_url = blocking(profiles.set_avatar_url)
    set_time_zone = blocking(profiles.set_time_zone)

    whois = blocking(administration.whois)
    is_locked = blocking(administration.is_locked)
    set_locked = blocking(administration.set_locked)
    is_suspended = blocking(administration.is_suspended)
    set_suspended = blocking(administration.set_suspended)
