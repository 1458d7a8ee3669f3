"""What a configuration must be like as a whole: which keys need which others."""

from collections.abc import Iterator

from ostiary.api.uia import EMAIL, MSISDN, RECAPTCHA, TERMS
from ostiary.config.database import SqliteDatabase, parse_database_url
from ostiary.config.kinds import NEVER
from ostiary.config.model import Config

_NEEDS = {
    EMAIL: "mail.host (or mail.folder)",
    MSISDN: "sms.url",
    RECAPTCHA: "captcha.site_key and captcha.secret",
    TERMS: "terms.policies",
}

LEAST_SECRET = 16
"""Characters of a shared secret. A shorter one is guessed from a single token."""

Flows = tuple[tuple[str, ...], ...]


def flows_by_key(config: Config) -> dict[str, Flows]:
    """Every list of flows that the configuration has, by its key's name."""
    flows = config.flows
    return {
        "registration.flows": config.registration.flows,
        "flows.change_password": flows.change_password,
        "flows.reset_password": flows.reset_password or (),
        "flows.deactivate": flows.deactivate,
        "flows.delete_devices": flows.delete_devices,
        "flows.add_threepid": flows.add_threepid,
        "flows.get_login_token": flows.get_login_token,
    }


def usable_stages(config: Config) -> set[str]:
    """The stages, of those that need something, for which it is configured."""
    have = {
        EMAIL: bool(config.mail.host or config.mail.folder),
        MSISDN: bool(config.sms.url or (config.dev and config.mail.folder)),
        RECAPTCHA: bool(config.captcha.site_key and config.captcha.secret),
        TERMS: bool(config.terms.policies),
    }
    return {stage for stage, is_there in have.items() if is_there}


def serves_alone(config: Config) -> bool:
    """Whether no other process serves the same accounts. On PostgreSQL nobody knows."""
    return config.server.workers == 1 and isinstance(parse_database_url(config.database), SqliteDatabase)


def problems_of(config: Config) -> list[str]:
    """What does not go together, a line for people each."""
    return [*_of_flows(config), *_of_mail(config), *_of_jwt(config), *_of_passwords(config)]


def _of_flows(config: Config) -> Iterator[str]:
    usable = usable_stages(config)
    for name, flows in flows_by_key(config).items():
        for stage in sorted({stage for flow in flows for stage in flow}):
            if stage in _NEEDS and stage not in usable:
                yield f"{name}: the stage {stage} needs {_NEEDS[stage]}"
        for flow in flows:
            late = [stage for stage in (EMAIL, MSISDN) if stage in flow and RECAPTCHA in flow]
            if any(flow.index(stage) < flow.index(RECAPTCHA) for stage in late):
                yield f"{name}: {RECAPTCHA} must stand before {' and '.join(late)}, or bots could have messages sent"


def _of_mail(config: Config) -> Iterator[str]:
    mail = config.mail
    if mail.host and not mail.sender:
        yield "mail.sender: is needed where mail.host is set"
    if mail.password and mail.encryption == "none":
        yield "mail.encryption = 'none': a password is not sent without encryption"
    if (mail.host or mail.folder or config.sms.url) and not (config.server.public_url or config.dev):
        yield "server.public_url: is needed where mails or text messages are sent, for the links in them"


def _of_jwt(config: Config) -> Iterator[str]:
    jwt = config.jwt
    if not jwt.enabled:
        return
    if jwt.algorithm.startswith("HS"):
        if len(jwt.secret) < LEAST_SECRET:
            yield f"jwt.secret: must have at least {LEAST_SECRET} characters, for the algorithm {jwt.algorithm}"
    elif not jwt.key_file:
        yield f"jwt.key_file: is needed for the algorithm {jwt.algorithm}"


def _of_passwords(config: Config) -> Iterator[str]:
    passwords, sessions = config.passwords, config.sessions
    if passwords.min_length > passwords.max_length:
        yield f"passwords.min_length = {passwords.min_length}: must be at most passwords.max_length"
    idle, lifetime = sessions.idle_lifetime_ms, sessions.access_token_lifetime_ms
    if idle is not None and idle <= lifetime:
        yield f'sessions.idle_lifetime: must be longer than sessions.access_token_lifetime, or "{NEVER}"'
