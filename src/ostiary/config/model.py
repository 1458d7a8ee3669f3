"""Every key of the configuration: its name, default, meaning and limits, declared once.

A key's name in the file is the field's, without ``_ms``: durations are written ``"5m"`` and kept in milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ostiary.api.identifiers import ServerName, parse_server_name
from ostiary.api.secret import Secret
from ostiary.config import kinds
from ostiary.config.declaring import key, section
from ostiary.config.services import (
    AppservicesConfig,
    CaptchaConfig,
    FlowsConfig,
    IdentityServersConfig,
    JwtConfig,
    LoginConfig,
    MailConfig,
    ProfileConfig,
    RegistrationConfig,
    SmsConfig,
    SupportConfig,
    TermsConfig,
    ThreepidsConfig,
)

_HOST_NAME: Final = "a host name, with a port if need be"


def _check_server_name(text: str) -> None:
    try:
        parse_server_name(text)
    except ValueError:
        raise ValueError(_HOST_NAME) from None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the server listens, what it tells of itself, and what it bears."""

    host: str = key("127.0.0.1", kinds.text("a host name or address"), "The address to listen on.")
    port: int = key(8008, kinds.whole(0, 65535), "The port to listen on; 0 picks a free one.")
    socket: str = key(
        "", kinds.text("the path of a Unix socket, or nothing"),
        "Listens there instead of on `host` and `port`, for the socket's owner and group alone (mode 660). Whoever "
        "connects counts as a trusted proxy.",
    )  # fmt: skip
    workers: int = key(
        1, kinds.whole(1, 256),
        "How many processes serve. As many as there are cores, where logins keep one busy; not on Windows.",
    )  # fmt: skip
    public_url: str = key(
        "", kinds.url("an http or https URL without query, or nothing"),
        "The base URL that clients are told at login and by `/.well-known/matrix/client`. Nothing is told when empty.",
    )  # fmt: skip
    identity_server: str = key(
        "", kinds.url("an http or https URL without query, or nothing"),
        "The base URL of the identity server that clients are told, besides `public_url`.",
    )  # fmt: skip
    trusted_proxies: tuple[str, ...] = key(
        (), kinds.networks(),
        "The proxies that are believed when they say, by `X-Forwarded-For`, whom they speak for. Without it, "
        "all clients behind a proxy count as one address.",
    )  # fmt: skip
    request_id_header: bool = key(
        False, kinds.boolean(),
        "Whether every answer tells, by `X-Request-Id`, under which ID the log has its request. Errors do in any case.",
    )  # fmt: skip
    max_body_bytes: int = key(65_536, kinds.whole(1_024, 16_777_216, "bytes"), "The largest body of a request.")
    max_header_bytes: int = key(32_768, kinds.whole(1_024, 1_048_576, "bytes"), "The largest head of a request.")
    header_timeout_ms: int = key(10_000, kinds.duration(100), "How long a request's head may take to arrive.")
    body_timeout_ms: int = key(
        20_000, kinds.duration(100),
        "How long a request's body may take to arrive, and a client to take half of what it has not taken of an answer "
        "yet.",
    )  # fmt: skip
    keep_alive_ms: int = key(5_000, kinds.duration(1_000), "How long an idle connection is kept.")
    shutdown_timeout_ms: int = key(
        30_000, kinds.duration(1_000), "How long requests under way may take to finish when the server is stopped."
    )


@dataclass(frozen=True, slots=True)
class PostgresqlConfig:
    """How a PostgreSQL database is used."""

    connections: int = key(
        10, kinds.whole(1, 1_000), "Connections of each process at most, besides one that listens for notifications."
    )
    notifications: bool = key(
        True, kinds.boolean(),
        "Whether processes tell each other of sessions that have changed, by `LISTEN` and `NOTIFY`. Off for databases "
        "that speak PostgreSQL's protocol without these, as CockroachDB, and for poolers that come between.",
    )  # fmt: skip
    lease_ms: int = key(
        2_000, kinds.duration(500),
        "How long the end of a session may be held up by another process that neither hears of it nor has left: after "
        "that, such a process asks the database about every token until it is heard of again.",
    )  # fmt: skip
    remember_ms: int = key(
        0, kinds.duration(0),
        "Without notifications, for how long a process believes that a token is still good without asking the "
        "database: as long as it may outlive its session elsewhere. `0s` asks for each request.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionsConfig:
    """How long tokens live."""

    access_token_lifetime_ms: int = key(
        300_000, kinds.duration(1_000), "The lifetime of an access token, for clients that can refresh it."
    )
    unrefreshable_access_token_lifetime_ms: int | None = key(
        None, kinds.duration(1_000, or_never=True), "The same, for clients that cannot."
    )
    refresh_token_lifetime_ms: int | None = key(
        None, kinds.duration(1_000, or_never=True), "For how long an unused refresh token stays good."
    )
    replay_grace_ms: int = key(
        60_000, kinds.duration(0),
        "For how long a dead refresh token is only refused. Used later than that, it ends the session: it was stolen.",
    )  # fmt: skip
    idle_lifetime_ms: int | None = key(
        None, kinds.duration(60_000, or_never=True),
        "After how long without any request a device is logged out; one of an application service never is.",
    )  # fmt: skip
    dead_token_memory_ms: int = key(
        2_592_000_000,
        kinds.duration(3_600_000),
        "For how long a session that has ended is remembered, to tell its tokens from some that never were.",
    )


@dataclass(frozen=True, slots=True)
class PasswordsConfig:
    """How passwords are hashed (Argon2id), what a new one must be like, and how imported hashes are read."""

    argon2_memory_kib: int = key(19_456, kinds.whole(8, 4_194_304, "KiB"), "The memory that one hash takes.")
    argon2_time_cost: int = key(2, kinds.whole(1, 100), "The passes over that memory.")
    argon2_parallelism: int = key(
        1, kinds.whole(1, 64), "The lanes of a hash. More than one lets one login use more cores."
    )
    hashing_threads: int = key(
        0, kinds.whole(0, 256), "Hashes made at the same time; 0 for as many as there are cores."
    )
    hashing_queue: int = key(
        64, kinds.whole(0, 10_000),
        "Hashes that may wait for a thread, and no more than can be made within half a second; beyond it clients are "
        "told to come back.",
    )  # fmt: skip
    min_length: int = key(8, kinds.whole(1, 512, "characters"), "The shortest new password.")
    max_length: int = key(512, kinds.whole(8, 4_096, "characters"), "The longest password.")
    require_digit: bool = key(False, kinds.boolean(), "Whether a new password has at least one digit.")
    require_symbol: bool = key(
        False, kinds.boolean(), "Whether it has at least one character that is neither a Latin letter nor a digit."
    )
    require_lowercase: bool = key(False, kinds.boolean(), "Whether it has at least one lowercase letter.")
    require_uppercase: bool = key(False, kinds.boolean(), "Whether it has at least one uppercase letter.")
    min_strength: int = key(
        0, kinds.whole(0, 4),
        "How hard a new password must be to guess: 0 asks for nothing, 3 is good, 4 withstands the theft of the hash. "
        "It is estimated by zxcvbn, with the user name in mind.",
    )  # fmt: skip
    breached_file: str = key(
        "", kinds.text("the path of a file, or nothing"),
        "A list of passwords that are refused: Pwned Passwords' SHA-1 hashes ordered by hash, of any size, or a plain "
        "list of at most 4 MiB with one password a line. Replace it by renaming a new one over it.",
    )  # fmt: skip
    bcrypt_pepper: Secret = key(
        Secret(""), kinds.secret(),
        "What another server, as Synapse with its `password_config.pepper`, put behind each password before bcrypt; "
        "for imported hashes.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class UiaConfig:
    """Interactive authentication."""

    session_lifetime_ms: int = key(86_400_000, kinds.duration(1_000), "For how long a dialogue can be gone on with.")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then so many a minute."""

    burst: int = key(10, kinds.whole(1, 1_000_000), "Calls at once.")
    per_minute: float = key(20.0, kinds.number(0, 1_000_000), "Calls a minute in the long run.")


@dataclass(frozen=True, slots=True)
class RateConfig:
    """How often, for one client's address and for one account's name."""

    per_address: Rate = section(Rate, "From one address (IPv6: one /64).")
    per_account: Rate = section(Rate, "About one account name, whether it exists or not.")


def _rate(address: tuple[int, float], account: tuple[int, float]) -> Callable[[], RateConfig]:
    return lambda: RateConfig(Rate(*address), Rate(*account))


@dataclass(frozen=True, slots=True)
class RateLimitsConfig:
    """How often things may be tried."""

    enabled: bool = key(True, kinds.boolean(), "Whether anything is limited.")
    login: RateConfig = section(_rate((10, 20), (5, 5)), "Logging in, and proving a password otherwise.")
    register: RateConfig = section(_rate((15, 10), (10, 10)), "Registering; every step of it counts.")
    refresh: RateConfig = section(_rate((100, 600), (20, 60)), "Refreshing tokens.")
    check: RateConfig = section(_rate((20, 60), (10, 30)), "Asking whether a name or a token is good.")
    change: RateConfig = section(_rate((20, 60), (20, 60)), "Changing what an account says of itself.")
    message: RateConfig = section(_rate((10, 5), (3, 0.5)), "Having a mail or a text message sent to an address.")


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """The log, on standard error."""

    level: str = key("info", kinds.choice("debug", "info", "warning", "error"), "The least grave events logged.")
    format: str = key(
        "auto", kinds.choice("auto", "console", "json"), "Lines for people, or JSON; `auto`: for people on a terminal."
    )
    requests: bool = key(
        False, kinds.boolean(),
        "Whether each request is logged: method, pattern of the path, status, milliseconds, ID. Never who sent it.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Figures for Prometheus, at `/metrics` on a listener of their own."""

    enabled: bool = key(False, kinds.boolean(), "Whether anything is counted, and told.")
    host: str = key("127.0.0.1", kinds.text("a host name or address"), "The address to tell them on.")
    port: int = key(9464, kinds.whole(0, 65535), "The port to tell them on; 0 picks a free one.")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    server_name: ServerName = key(
        ServerName("localhost"), kinds.text(_HOST_NAME, _check_server_name),
        "The server's name in user IDs. Never change it once there are accounts.",
    )  # fmt: skip
    database: str = key("sqlite:///ostiary.db", kinds.database(), "Where everything is stored.")
    dev: bool = key(
        False, kinds.boolean(),
        "For trying it out: registration open to all and to guests, no rate limits.",
    )  # fmt: skip
    server: ServerConfig = section(ServerConfig, "The HTTP server.")
    postgresql: PostgresqlConfig = section(PostgresqlConfig, "The database, if it is PostgreSQL.")
    registration: RegistrationConfig = section(RegistrationConfig, "Making accounts.")
    flows: FlowsConfig = section(FlowsConfig, "What the owner of an account is asked for.")
    login: LoginConfig = section(LoginConfig, "The ways to log in.")
    jwt: JwtConfig = section(JwtConfig, "Logging in with JSON web tokens.")
    sessions: SessionsConfig = section(SessionsConfig, "Sessions and their tokens.")
    passwords: PasswordsConfig = section(PasswordsConfig, "Passwords.")
    uia: UiaConfig = section(UiaConfig, "Interactive authentication.")
    mail: MailConfig = section(MailConfig, "Mail.")
    sms: SmsConfig = section(SmsConfig, "Text messages.")
    threepids: ThreepidsConfig = section(ThreepidsConfig, "Mail addresses and phone numbers.")
    captcha: CaptchaConfig = section(CaptchaConfig, "Captchas.")
    terms: TermsConfig = section(TermsConfig, "Policies.")
    profile: ProfileConfig = section(ProfileConfig, "Profiles.")
    support: SupportConfig = section(SupportConfig, "Whom to turn to.")
    identity_servers: IdentityServersConfig = section(IdentityServersConfig, "Identity servers.")
    appservices: AppservicesConfig = section(AppservicesConfig, "Application services.")
    rate_limits: RateLimitsConfig = section(RateLimitsConfig, "Rate limits.")
    logging: LoggingConfig = section(LoggingConfig, "The log.")
    metrics: MetricsConfig = section(MetricsConfig, "Figures for Prometheus.")
