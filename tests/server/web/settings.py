"""Servers with what the pages need: mail, text messages, a captcha, terms; and a world outside that tests hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ostiary.accounts.ports_outside import CaptchaUnavailable
from ostiary.api.secret import Secret
from ostiary.config import Config, RegistrationConfig
from ostiary.config.model import ServerConfig
from ostiary.config.services import CaptchaConfig, MailConfig, SmsConfig, TermsConfig
from ostiary.config.tables import PolicyConfig
from tests.world import World, open_config, open_world

TERMS = TermsConfig(
    policies=(
        PolicyConfig(
            "terms",
            "1.0",
            {
                "en": ("Terms of Use", "https://example.org/terms?a=1&b=2"),
                "de": ("Nutzungsbedingungen", "https://example.org/bedingungen"),
            },
        ),
        PolicyConfig("privacy", "2", {"fr": ("Vie privée", "https://example.org/vie")}),
    )
)

SOLVED = "i-am-no-robot"


class HeldCaptcha:
    """Takes one answer for right; can be out of order."""

    is_there = True

    async def verify(self, response: Secret, address: str) -> bool:
        if not self.is_there:
            raise CaptchaUnavailable
        return response.reveal() == SOLVED


def pages_config(path: Path, *flows: tuple[str, ...], **changes: Any) -> Config:
    """A server on which everything can be asked for. ``flows``: of registration."""
    settings: dict[str, Any] = {
        "registration": RegistrationConfig(enabled=True, flows=flows or (("m.login.dummy",),)),
        "mail": MailConfig(folder=str(path / "mails"), sender="ostiary@example.org"),
        "sms": SmsConfig(url=Secret("http://127.0.0.1:1/sms")),
        "captcha": CaptchaConfig(service="recaptcha", site_key="the-site-key", secret=Secret("the-secret")),
        "terms": TERMS,
        "server": replace(ServerConfig(), public_url="http://localhost:8008"),
    }
    return open_config(path, **(settings | changes))


@asynccontextmanager
async def open_pages(config: Config, captcha: HeldCaptcha | None = None) -> AsyncIterator[World]:
    """A server on this configuration, with a captcha service that tests hold."""
    async with open_world(config, captcha=captcha or HeldCaptcha()) as world:
        yield world
