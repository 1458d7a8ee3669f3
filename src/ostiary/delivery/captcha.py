"""Captchas, judged by a service that speaks as reCAPTCHA's ``siteverify`` does: Google's, hCaptcha, Turnstile.

Must not know how a request is carried.
"""

import logging

from ostiary.accounts.ports_outside import CaptchaUnavailable
from ostiary.api.secret import Secret
from ostiary.delivery.http import CannotReach, Outgoing, json_object

_LOG = logging.getLogger(__name__)

OUR_MISTAKES = frozenset({"missing-input-secret", "invalid-input-secret"})
"""Error codes by which the service blames the configuration, not whoever solved the captcha."""


class SiteverifyCaptcha:
    """``accounts.ports_outside.Captcha``. ``url``: of the service; ``secret``: what it knows this server by."""

    def __init__(self, outgoing: Outgoing, url: str, secret: Secret) -> None:
        self._outgoing = outgoing
        self._url = url
        self._secret = secret

    async def verify(self, response: Secret, address: str) -> bool:
        fields = {"secret": self._secret.reveal(), "response": response.reveal()}
        if address:
            fields["remoteip"] = address
        try:
            answer = await self._outgoing.post_form(self._url, fields)
        except CannotReach as error:
            _LOG.warning("captcha: %s", error)
            raise CaptchaUnavailable(str(error)) from None
        verdict = json_object(answer)
        if answer.status != 200 or verdict is None or not isinstance(verdict.get("success"), bool):
            _LOG.warning("captcha: the service gave no verdict, but status %d", answer.status)
            raise CaptchaUnavailable("The service that judges captchas gave no verdict")
        codes = verdict.get("error-codes")
        if isinstance(codes, list) and any(code in OUR_MISTAKES for code in codes if isinstance(code, str)):
            _LOG.error("captcha: the service does not know the configured secret")
            raise CaptchaUnavailable("The service that judges captchas does not know this server")
        return verdict["success"] is True
