"""How each captcha service is shown on a page: its script, what it puts where, and what that needs to be allowed."""

from dataclasses import dataclass
from typing import Final

from ostiary.server.web.guarding import Sources


@dataclass(frozen=True, slots=True)
class Widget:
    """A captcha on a page. ``css_class``: of the element that the script fills; ``field``: where it puts its answer."""

    script: str
    css_class: str
    field: str
    sources: Sources


def _sources(*places: str, scripts: tuple[str, ...] = (), styles: tuple[str, ...] = ()) -> Sources:
    return {
        "script-src": (*places, *scripts), "frame-src": places, "connect-src": places,
        **({"style-src": styles} if styles else {}),
    }  # fmt: skip


WIDGETS: Final = {
    "recaptcha": Widget(
        "https://www.google.com/recaptcha/api.js",
        "g-recaptcha",
        "g-recaptcha-response",
        _sources(
            "https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/",
            scripts=("https://www.gstatic.com/recaptcha/",),
        ),
    ),
    "hcaptcha": Widget(
        "https://js.hcaptcha.com/1/api.js",
        "h-captcha",
        "h-captcha-response",
        _sources(
            "https://hcaptcha.com", "https://*.hcaptcha.com",
            styles=("https://hcaptcha.com", "https://*.hcaptcha.com"),
        ),
    ),
    "turnstile": Widget(
        "https://challenges.cloudflare.com/turnstile/v0/api.js",
        "cf-turnstile",
        "cf-turnstile-response",
        _sources("https://challenges.cloudflare.com"),
    ),
}  # fmt: skip
"""By the name that the configuration has for the service."""
