"""``m.login.recaptcha``: the caller has solved a captcha."""

from collections.abc import Mapping
from typing import Any

from ostiary.accounts.model import Origin, UiaRecord
from ostiary.accounts.ports_outside import Captcha, CaptchaUnavailable
from ostiary.accounts.proofs import NOTHING, Proof
from ostiary.accounts.stages.stage import StageFailed
from ostiary.api.errors import CaptchaInvalid, Unknown
from ostiary.api.uia import RECAPTCHA, AuthData, RecaptchaAuth


class RecaptchaStage:
    """The stage that wants a captcha solved. ``site_key``: what its script needs to show one."""

    type = RECAPTCHA

    def __init__(self, captcha: Captcha, site_key: str) -> None:
        self._captcha = captcha
        self._site_key = site_key

    def params(self) -> Mapping[str, Any]:
        """What clients show a captcha with."""
        return {"public_key": self._site_key}

    async def check(self, auth: AuthData, dialogue: UiaRecord, origin: Origin) -> Proof:
        """Ask the service that has made the captcha."""
        if not isinstance(auth, RecaptchaAuth):
            raise StageFailed(CaptchaInvalid("The attempt is not of this stage"))
        try:
            is_solved = await self._captcha.verify(auth.response, origin.address)
        except CaptchaUnavailable:
            raise Unknown("The captcha cannot be checked just now; try again", status=503) from None
        if not is_solved:
            raise StageFailed(CaptchaInvalid("The captcha was not solved, or too long ago"))
        return NOTHING
