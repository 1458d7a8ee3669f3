"""What a test's server is like unless it is told otherwise, and the short ways to tell it.

Everything of the real configuration can be had; here are a quick start and what tests ask for most. Must not know how
the server is built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from ostiary.api.identifiers import parse_server_name
from ostiary.api.secret import Secret
from ostiary.api.uia import RECAPTCHA, REGISTRATION_TOKEN, TERMS
from ostiary.config import (
    AppservicesConfig,
    CaptchaConfig,
    Config,
    ConfigError,
    MailConfig,
    PasswordsConfig,
    PolicyConfig,
    RateLimitsConfig,
    RegistrationConfig,
    SmsConfig,
    TermsConfig,
)
from ostiary.config.checking import problems_of

S = TypeVar("S", RegistrationConfig, RateLimitsConfig)

QUICK_HASHES: Final = PasswordsConfig(argon2_memory_kib=8, argon2_time_cost=1, hashing_threads=1)
"""Argon2id still, but not slow."""

_POLICY: Final = PolicyConfig("privacy", "1", {"en": ("Privacy policy", "https://policies.invalid/privacy")})


class Options(TypedDict, total=False):
    """How a test's server is to be. What is not said is as the configuration has it.

    ``config``: a whole configuration, in place of :func:`default_config`. ``flows``: the ways to register, each a list
    of stages. ``registration``, ``guests``: who may make an account. ``registration_tokens``: tokens that are there
    from the start; where ``flows`` says nothing, registering asks for one. ``appservices``: registrations of
    application services, each a path or what such a file says. ``admin``: the name of an administrator's account that
    is there from the start. ``rate_limits``: whether the configuration's limits hold. ``now``: where the clock starts,
    in milliseconds since the epoch, if not at the time it is. ``seed``: the same seed, the same tokens. ``rooms``:
    whether rooms are faked. ``long_poll``: whether ``/sync`` waits for something to happen or for its timeout by the
    test's clock; else it answers at once. ``port``: of the socket, 0 for a free one.
    """

    config: Config
    server_name: str
    flows: Sequence[Sequence[str]]
    registration: bool
    guests: bool
    registration_tokens: Sequence[str]
    appservices: Sequence[Mapping[str, Any] | str | Path]
    admin: str
    rate_limits: bool
    now: int
    seed: str
    rooms: bool
    long_poll: bool
    port: int


def check_names(options: Options) -> None:
    """Raise TypeError for an option that there is not, as a function does for an argument."""
    if unknown := sorted(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"serve() has no option {unknown[0]!r}")


def default_config() -> Config:
    """Open to all and to guests, without limits; mail and text messages can be sent, and stay in the process."""
    return Config(
        registration=RegistrationConfig(enabled=True, guests=True),
        passwords=QUICK_HASHES,
        mail=MailConfig(host="mail.invalid", sender="ostiary@localhost"),
        sms=SmsConfig(url=Secret("https://sms.invalid/")),
        rate_limits=RateLimitsConfig(enabled=False),
    )


def make_config(options: Options, base_url: str, appservice_files: Sequence[str]) -> Config:
    """The configuration that the options ask for, of a server that is found at ``base_url``. Raises ConfigError."""
    config = options.get("config") or default_config()
    server = config.server if config.server.public_url else replace(config.server, public_url=base_url)
    config = replace(
        config,
        server=server,
        registration=_registration(config.registration, options),
        rate_limits=_given(config.rate_limits, enabled=options.get("rate_limits")),
    )
    if "server_name" in options:
        config = replace(config, server_name=parse_server_name(options["server_name"]))
    if appservice_files:
        files = (*config.appservices.files, *appservice_files)
        config = replace(config, appservices=AppservicesConfig(files, config.appservices.timeout_ms))
    config = _with_what_flows_need(config)
    if problems := problems_of(config):
        raise ConfigError(problems)
    return config


def _registration(registration: RegistrationConfig, options: Options) -> RegistrationConfig:
    flows = tuple(tuple(flow) for flow in options["flows"]) if "flows" in options else None
    if flows is None and options.get("registration_tokens"):
        flows = ((REGISTRATION_TOKEN,),)
    return _given(registration, flows=flows, enabled=options.get("registration"), guests=options.get("guests"))


def _given(section: S, **values: Any) -> S:
    """A section of the configuration with those of these values that were given."""
    changed: S = replace(section, **{name: value for name, value in values.items() if value is not None})
    return changed


def _with_what_flows_need(config: Config) -> Config:
    """A test that asks for a captcha or for policies should not have to say which."""
    stages = {stage for flow in config.registration.flows for stage in flow}
    if RECAPTCHA in stages and not config.captcha.site_key:
        config = replace(config, captcha=CaptchaConfig(site_key="site", secret=Secret("captcha's secret")))
    if TERMS in stages and not config.terms.policies:
        config = replace(config, terms=TermsConfig((_POLICY,)))
    return config
