"""Which ways there are to authenticate for which operation, drawn from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ostiary.accounts.uia import Flows
from ostiary.api.account_deactivation import DeactivateAccount
from ostiary.api.administrative_contact import AddThirdPartyId
from ostiary.api.device_management import DeleteDevice, DeleteDevices
from ostiary.api.login_token import GetLoginToken
from ostiary.api.password_management import ChangePassword
from ostiary.api.registration import Register
from ostiary.api.uia import EMAIL, MSISDN, PASSWORD, RECAPTCHA
from ostiary.config import Config, usable_stages

REGISTERS: Final = frozenset({Register.__name__})
"""The operations that make an account."""


@dataclass(frozen=True, slots=True)
class OperationFlows:
    """The flows by operation; ``without_token``: where they are others when no token is sent."""

    by_operation: Mapping[str, Flows]
    without_token: Mapping[str, Flows]

    def of(self, operation: str, *, has_token: bool) -> Flows:
        """The ways to authenticate for an operation."""
        if not has_token and operation in self.without_token:
            return self.without_token[operation]
        return self.by_operation[operation]


def flows_of(config: Config) -> OperationFlows:
    """The flows of this configuration, which has been checked."""
    flows = config.flows
    return OperationFlows(
        {
            Register.__name__: config.registration.flows,
            ChangePassword.__name__: flows.change_password,
            DeactivateAccount.__name__: flows.deactivate,
            DeleteDevice.__name__: flows.delete_devices,
            DeleteDevices.__name__: flows.delete_devices,
            AddThirdPartyId.__name__: flows.add_threepid,
            GetLoginToken.__name__: flows.get_login_token,
        },
        {ChangePassword.__name__: flows.reset_password or _usual_reset(config)},
    )


def _usual_reset(config: Config) -> Flows:
    usable = usable_stages(config)
    return ((PASSWORD,), *((stage,) for stage in (EMAIL, MSISDN) if stage in usable))


def waits_for_captcha(flows: Flows, stage: str) -> bool:
    """Whether no flow comes to a stage without a captcha before it."""
    with_stage = [flow for flow in flows if stage in flow]
    return bool(with_stage) and all(RECAPTCHA in flow for flow in with_stage)
